//! The one place that writes files: a directory appears whole, by rename, or not at all.
//!
//! Input: files in memory and where they belong. The directory is written beside its place, under a hidden name on the
//! same file system, flushed to disk, and renamed. What was in its place before is renamed back if that fails, and
//! removed only when it succeeded.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

/// A file to be written, relative to its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Path below the directory.
    pub path: PathBuf,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Why a directory was not written. Nothing of it is left behind then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something is there already, and replacing it was not asked for.
    #[error("{} exists already: choose another directory, or pass --force to replace it", .0.display())]
    Exists(PathBuf),
    /// Something is there that is no directory.
    #[error("{} is not a directory: choose another path", .0.display())]
    NotADirectory(PathBuf),
    /// The directory to be replaced holds what this program does not write.
    #[error("{} holds {}, which is not ours to delete: move it away, or choose another directory", .dir.display(), .foreign.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// The first, by name, of what is not ours, relative to it.
        foreign: PathBuf,
    },
    /// The path does not name a directory that could be made.
    #[error("{} is no name for a directory to write", .0.display())]
    BadTarget(PathBuf),
    /// A file's path leads out of the directory.
    #[error("{} is no path below a directory", .0.display())]
    BadFile(PathBuf),
    /// The system refused.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The new directory could not be put in place, nor the old one back.
    #[error("cannot rename {} back to {}: {source}; it is whole: rename it yourself", .kept.display(), .dir.display())]
    NotRestored {
        /// Where the old directory is.
        kept: PathBuf,
        /// Where it belongs.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl WriteError {
    /// Whether the caller asked for what cannot be, as opposed to the system's failing.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::NotRestored { .. })
    }
}

/// What earlier versions and other runs of this program put into a directory besides what is being written now: plans
/// and snapshots. `#` stands for a number.
const OURS: [&str; 26] = [
    "RUNBOOK.md",
    "batches/#/leader-election.json",
    "batches/#/reassignment.json",
    "batches/#/rollback.json",
    "brokers.csv",
    "cluster.toml",
    "forecast.csv",
    "forecast.json",
    "frontier.csv",
    "leader-election.json",
    "log_dirs.csv",
    "moves.csv",
    "partitions.csv",
    "plan.json",
    "reassignment.json",
    "replicas.csv",
    "report.html",
    "rollback-leader-election.json",
    "rollback.json",
    "snapshot/brokers.csv",
    "snapshot/cluster.toml",
    "snapshot/log_dirs.csv",
    "snapshot/partitions.csv",
    "snapshot/replicas.csv",
    "snapshot/topics.csv",
    "topics.csv",
];

/// Writes `files` as the directory `dir`, whole or not at all. Directories above it are made as needed.
///
/// With `force`, a directory that is there is replaced, provided that all it holds is what this program writes.
///
/// # Errors
/// See [`WriteError`]; `dir` is then as it was.
pub fn write_dir(dir: &Path, files: &[OutputFile], force: bool) -> Result<(), WriteError> {
    if dir.file_name().is_none() {
        return Err(WriteError::BadTarget(dir.to_owned()));
    }
    if let Some(bad) = files.iter().find(|file| !is_below(&file.path)) {
        return Err(WriteError::BadFile(bad.path.clone()));
    }
    let replaces = check_target(dir, files, force)?;
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_error("cannot create", parent))?;
    let staging = tempfile::Builder::new()
        .prefix(".evenkeel-")
        .tempdir_in(parent)
        .map_err(io_error("cannot create a directory in", parent))?;
    // The staging directory itself is the owner's alone; what is renamed into place has the usual permissions.
    let (new, old) = (staging.path().join("new"), staging.path().join("old"));
    write_files(&new, files)?;
    if replaces {
        fs::rename(dir, &old).map_err(io_error("cannot move aside", dir))?;
    }
    if let Err(source) = fs::rename(&new, dir) {
        if replaces && let Err(source) = fs::rename(&old, dir) {
            let kept = staging.keep().join("old");
            return Err(WriteError::NotRestored { kept, dir: dir.to_owned(), source });
        }
        return Err(io_error("cannot write", dir)(source));
    }
    sync_dir(parent).map_err(io_error("cannot flush", parent))
}

/// Whether something is to be replaced, refused where it may not be.
fn check_target(dir: &Path, files: &[OutputFile], force: bool) -> Result<bool, WriteError> {
    let kind = match fs::symlink_metadata(dir) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(io_error("cannot read", dir)(source)),
    };
    if !kind.is_dir() {
        return Err(WriteError::NotADirectory(dir.to_owned()));
    }
    if !force {
        return Err(WriteError::Exists(dir.to_owned()));
    }
    let ours: BTreeSet<PathBuf> =
        files.iter().map(|file| numbers_masked(&file.path)).chain(OURS.into_iter().map(PathBuf::from)).collect();
    match first_foreign(dir, Path::new(""), &ours)? {
        Some(foreign) => Err(WriteError::Foreign { dir: dir.to_owned(), foreign }),
        None => Ok(true),
    }
}

/// The first path, by name, below `dir`/`below` that is not in `ours`.
fn first_foreign(dir: &Path, below: &Path, ours: &BTreeSet<PathBuf>) -> Result<Option<PathBuf>, WriteError> {
    let here = dir.join(below);
    let listing = fs::read_dir(&here).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = listing.map_err(io_error("cannot read", &here))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        let masked = numbers_masked(&path);
        let kind = entry.file_type().map_err(io_error("cannot read", &here))?;
        let is_ours = if kind.is_dir() {
            ours.iter().any(|file| file.starts_with(&masked))
        } else {
            kind.is_file() && ours.contains(&masked)
        };
        if !is_ours {
            return Ok(Some(path));
        }
        if kind.is_dir()
            && let Some(foreign) = first_foreign(dir, &path, ours)?
        {
            return Ok(Some(foreign));
        }
    }
    Ok(None)
}

/// `path` with each all-digit name replaced by `#`: batches are numbered, and the next plan may have fewer.
fn numbers_masked(path: &Path) -> PathBuf {
    let is_number = |name: &OsStr| !name.is_empty() && name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    path.iter().map(|name| if is_number(name) { OsStr::new("#") } else { name }).collect()
}

fn is_below(path: &Path) -> bool {
    path.file_name().is_some() && path.components().all(|c| matches!(c, Component::Normal(_)))
}

fn write_files(dir: &Path, files: &[OutputFile]) -> Result<(), WriteError> {
    fs::create_dir(dir).map_err(io_error("cannot create", dir))?;
    let mut folders = BTreeSet::from([dir.to_owned()]);
    for file in files {
        let path = dir.join(&file.path);
        let above: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| folder.starts_with(dir)).collect();
        if let Some(folder) = above.first() {
            fs::create_dir_all(folder).map_err(io_error("cannot create", folder))?;
        }
        folders.extend(above.into_iter().map(Path::to_owned));
        write_file(&path, &file.bytes).map_err(io_error("cannot write", &path))?;
    }
    for folder in &folders {
        sync_dir(folder).map_err(io_error("cannot flush", folder))?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes names in `dir` last through a crash. Only Unix lets a directory be opened for that.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    move |source| WriteError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Vec<OutputFile> {
        texts.iter().map(|(path, text)| OutputFile { path: path.into(), bytes: text.as_bytes().to_vec() }).collect()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_is_written_with_its_folders_and_those_above_it() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b/plan");
        write_dir(&dir, &files(&[("plan.json", "{}"), ("batches/001/rollback.json", "[]")]), false).unwrap();
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "{}");
        assert_eq!(fs::read_to_string(dir.join("batches/001/rollback.json")).unwrap(), "[]");
        assert_eq!(names(&root.path().join("a/b")), ["plan"], "nothing else is left");
    }

    #[test]
    fn an_existing_directory_is_refused_without_force_even_when_empty() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("plan");
        fs::create_dir(&dir).unwrap();
        let error = write_dir(&dir, &files(&[("plan.json", "{}")]), false).unwrap_err();
        assert!(matches!(&error, WriteError::Exists(path) if *path == dir) && error.is_usage());
        write_dir(&dir, &files(&[("plan.json", "{}")]), true).unwrap();
        assert_eq!(names(&dir), ["plan.json"]);
    }

    #[test]
    fn force_replaces_an_older_plan_with_more_batches_completely() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("plan");
        let old =
            [("plan.json", "old"), ("batches/001/reassignment.json", "1"), ("batches/002/reassignment.json", "2")];
        write_dir(&dir, &files(&old), false).unwrap();
        write_dir(&dir, &files(&[("plan.json", "new")]), true).unwrap();
        assert_eq!(names(&dir), ["plan.json"]);
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "new");
        assert_eq!(names(root.path()), ["plan"]);
    }

    #[test]
    fn force_never_deletes_what_is_not_ours() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("plan");
        let new = files(&[("plan.json", "{}")]);
        for foreign in ["thesis.txt", "batches/001/thesis.txt", "batches/final/rollback.json", "history.csv"] {
            fs::create_dir_all(dir.join(foreign).parent().unwrap()).unwrap();
            fs::write(dir.join(foreign), "mine").unwrap();
            let error = write_dir(&dir, &new, true).unwrap_err();
            let said = error.to_string();
            let top = if foreign.starts_with("batches/final") { "batches/final" } else { foreign };
            assert!(
                said.ends_with(&format!(
                    "holds {top}, which is not ours to delete: move it away, or choose another directory"
                )),
                "{said}"
            );
            assert_eq!(fs::read_to_string(dir.join(foreign)).unwrap(), "mine");
            fs::remove_dir_all(&dir).unwrap();
        }
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn files_and_paths_without_a_name_are_no_targets() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("plan");
        fs::write(&path, "a file").unwrap();
        assert!(matches!(write_dir(&path, &[], true), Err(WriteError::NotADirectory(_))));
        assert!(matches!(write_dir(Path::new("/"), &[], true), Err(WriteError::BadTarget(_))));
        assert!(matches!(write_dir(&root.path().join(".."), &[], true), Err(WriteError::BadTarget(_))));
        assert!(matches!(write_dir(&path, &files(&[("../x", "")]), true), Err(WriteError::BadFile(_))));
        assert!(matches!(write_dir(&path, &files(&[("/x", "")]), true), Err(WriteError::BadFile(_))));
    }

    #[test]
    fn nothing_is_left_behind_when_a_file_cannot_be_written() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("plan");
        let clash = files(&[("plan.json", "old")]);
        write_dir(&dir, &clash, false).unwrap();
        let impossible = files(&[("plan.json", "new"), ("plan.json/below", "x")]);
        let error = write_dir(&dir, &impossible, true).unwrap_err();
        assert!(!error.is_usage(), "{error}");
        assert_eq!(names(root.path()), ["plan"]);
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "old");
    }
}
