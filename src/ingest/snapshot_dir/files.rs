//! The snapshot directory's files in memory, their hash, and where in them a byte is.
//!
//! Input: a directory. Output: each file's text, decompressed and known to be UTF-8, or the faults that kept it out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::ingest::codes;
use crate::ingest::fault::{Fault, Faults};

/// The tables that every snapshot has, in the order in which they are read: each refers to earlier ones alone.
pub(super) const TABLES: [&str; 5] = ["brokers", "log_dirs", "topics", "partitions", "replicas"];

/// What is hashed where it is there, and read by the commands that need it.
const OPTIONAL_FILES: [&str; 6] =
    ["clients.csv", "clients.csv.gz", "history.csv", "history.csv.gz", "history.parquet", super::quotas::FILE];

/// The largest file that is read, decompressed: rows remember their place in 32 bits.
const FILE_BYTES_MAX: u64 = u32::MAX as u64;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A file as read.
pub(super) struct SourceFile {
    /// Name below the snapshot directory.
    pub(super) name: String,
    /// Content, decompressed.
    pub(super) text: Vec<u8>,
    /// The bytes on disk, where they are not `text`.
    compressed: Option<Vec<u8>>,
}

impl SourceFile {
    /// A file whose text was made from something else.
    pub(super) fn of_text(name: &str, text: Vec<u8>) -> Self {
        Self { name: name.to_owned(), text, compressed: None }
    }

    /// Reads the file at `path`, which faults call so.
    pub(super) fn read(path: &Path) -> Result<Self, Box<Fault>> {
        match path.to_str() {
            Some(name) => read_file(Path::new(""), name.to_owned()),
            None => Err(unreadable(&path.to_string_lossy(), &io::Error::other("its name is not UTF-8"))),
        }
    }

    /// The offset of the first byte after a byte order mark.
    pub(super) fn start(&self) -> usize {
        if self.text.starts_with(BOM) { BOM.len() } else { 0 }
    }

    /// The line and column (1-based, in characters) of the byte at `offset`.
    pub(super) fn place(&self, offset: usize) -> (u64, u64) {
        let before = &self.text[self.start()..offset.clamp(self.start(), self.text.len())];
        let count = |wanted: u8| before.iter().filter(|&&b| b == wanted).count();
        // A carriage return alone ends a line too, as it does for the CSV reader. Few files have any: looking at each
        // byte's neighbour is left to those that do.
        let ends_line = |at: usize| match before[at] {
            b'\n' => true,
            b'\r' => before.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let line = if count(b'\r') == 0 { count(b'\n') } else { (0..before.len()).filter(|&at| ends_line(at)).count() };
        let line_start = (0..before.len()).rev().find(|&at| ends_line(at)).map_or(0, |end| end + 1);
        (line as u64 + 1, String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1)
    }

    /// The file's name as a path, for faults.
    pub(super) fn path(&self) -> &Path {
        Path::new(&self.name)
    }

    fn stored(&self) -> &[u8] {
        self.compressed.as_deref().unwrap_or(&self.text)
    }
}

/// The directory's files; none where one is missing or unusable, which is then among the faults.
pub(super) struct Sources {
    /// `cluster.toml`.
    pub(super) cluster: Option<SourceFile>,
    /// Those of [`TABLES`], in that order.
    pub(super) tables: [Option<SourceFile>; TABLES.len()],
    optional: Vec<&'static str>,
}

impl Sources {
    /// Reads the files of `dir`, several at a time.
    pub(super) fn load(dir: &Path, faults: &mut Faults) -> Option<Self> {
        let names = match list(dir) {
            Ok(names) => names,
            Err(error) => {
                let help = "give the path of a directory that holds cluster.toml, brokers.csv and the other tables";
                let message = format!("the snapshot directory cannot be read: {error}");
                faults.push(Fault::error(codes::NO_DIRECTORY, dir, message).help(help));
                return None;
            }
        };
        let has = |name: &str| names.binary_search_by(|n| n.as_str().cmp(name)).is_ok();
        let stems = ["cluster", "brokers", "log_dirs", "topics", "partitions", "replicas"];
        let load = |stem: &&str| locate(stem, &names, has).and_then(|name| read_file(dir, name));
        let loaded: Vec<Result<SourceFile, Box<Fault>>> = stems.par_iter().map(load).collect();
        let mut usable = loaded.into_iter().map(|result| result.map_err(|fault| faults.push(*fault)).ok());
        let cluster = usable.next().flatten();
        let tables = std::array::from_fn(|_| usable.next().flatten());
        let optional = OPTIONAL_FILES.into_iter().filter(|name| has(name)).collect();
        Some(Self { cluster, tables, optional })
    }

    /// SHA-256, in hexadecimal, over the bytes on disk of all the snapshot's files in name order.
    pub(super) fn sha256(&self, dir: &Path) -> Result<String, Box<Fault>> {
        let read = self.cluster.iter().chain(self.tables.iter().flatten());
        let mut parts: Vec<(&str, Option<&[u8]>)> = read.map(|f| (f.name.as_str(), Some(f.stored()))).collect();
        parts.extend(self.optional.iter().map(|&name| (name, None)));
        parts.sort_unstable();
        let mut hasher = Sha256::new();
        for (name, stored) in parts {
            match stored {
                Some(bytes) => hasher.update(bytes),
                None => hash_file(&dir.join(name), &mut hasher).map_err(|e| unreadable(name, &e))?,
            }
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The names of what is in `dir`, ascending.
fn list(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        // A name that is not UTF-8 is none of ours.
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The name under which the table or file `stem` is in the directory.
fn locate(stem: &str, names: &[String], has: impl Fn(&str) -> bool) -> Result<String, Box<Fault>> {
    let plain = if stem == "cluster" { "cluster.toml".to_owned() } else { format!("{stem}.csv") };
    let compressed = format!("{plain}.gz");
    match (has(&plain), stem != "cluster" && has(&compressed)) {
        (true, false) => Ok(plain),
        (false, true) => Ok(compressed),
        (true, true) => {
            let message = format!("{plain} and {compressed} are both there");
            Err(Box::new(
                Fault::error(codes::TWO_FILES, Path::new(&plain), message).help("remove the one that is out of date"),
            ))
        }
        (false, false) => {
            let near = crate::ingest::nearest::nearest(&plain, names.iter().map(String::as_str));
            let near = near.filter(|n| strsim::damerau_levenshtein(n, &plain) <= 3);
            let help = match (near, stem) {
                (Some(near), _) => format!("is it {near}? rename that to {plain}"),
                (None, "cluster") => "write one with format = 1, cluster_id, captured_at and source".to_owned(),
                (None, _) => format!("add {plain}, or {compressed}; a header alone says that there are no rows"),
            };
            Err(Box::new(Fault::error(codes::MISSING_FILE, Path::new(&plain), "the file is missing").help(help)))
        }
    }
}

pub(super) fn read_file(dir: &Path, name: String) -> Result<SourceFile, Box<Fault>> {
    let stored = read_bounded(File::open(dir.join(&name)), 0).map_err(|e| unreadable(&name, &e))?;
    let file = if name.ends_with(".gz") {
        // A hint only: text of this kind shrinks about five times.
        let text =
            read_bounded(Ok(MultiGzDecoder::new(&stored[..])), stored.len() * 5).map_err(|e| damaged(&name, &e))?;
        SourceFile { name, text, compressed: Some(stored) }
    } else {
        SourceFile { name, text: stored, compressed: None }
    };
    match std::str::from_utf8(&file.text) {
        Ok(_) => Ok(file),
        Err(error) => {
            let (line, column) = file.place(error.valid_up_to());
            let bad = file.text.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
            let message = format!("bytes that are not UTF-8, here and at {} more places", bad.saturating_sub(1));
            let help = "convert the file, e.g. with iconv -t UTF-8";
            Err(Box::new(Fault::error(codes::NOT_UTF8, file.path(), message).at(line, column).help(help)))
        }
    }
}

/// All of `source`, refused where it is longer than [`FILE_BYTES_MAX`].
fn read_bounded(source: io::Result<impl Read>, capacity: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(capacity);
    source?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn hash_file(path: &Path, hasher: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn unreadable(name: &str, error: &io::Error) -> Box<Fault> {
    Box::new(
        Fault::error(codes::UNREADABLE, Path::new(name), format!("the file cannot be read: {error}"))
            .help("check that it is a file, that its permissions allow reading, and its size"),
    )
}

fn damaged(name: &str, error: &io::Error) -> Box<Fault> {
    Box::new(
        Fault::error(codes::UNREADABLE, Path::new(name), format!("the file cannot be decompressed: {error}"))
            .help("it is cut short or no gzip file: check it with gzip -t and copy it again"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_skip_a_byte_order_mark() {
        let text = "\u{feff}a,b\nü,x\n".as_bytes().to_vec();
        let file = SourceFile { name: "t.csv".to_owned(), text, compressed: None };
        assert_eq!(file.place(3), (1, 1));
        assert_eq!(file.place(5), (1, 3));
        assert_eq!(file.place(10), (2, 3), "ü is one character in two bytes");
        let text = b"a\r\nb\rc".to_vec();
        let file = SourceFile { name: "t.csv".to_owned(), text, compressed: None };
        assert_eq!((file.place(3), file.place(5)), ((2, 1), (3, 1)), "a lone carriage return ends a line");
    }
}
