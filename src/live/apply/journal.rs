//! The journal of a plan that is carried out: JSON lines, each on disk before the next thing happens, so that another
//! run can take over after this one ended however it ended. Appended to, never rewritten; locked against a second run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::live::admin::{ConfigChange, Resource};

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A run began.
    Begin {
        /// What was asked for: apply, resume, cancel, rollback.
        command: String,
        /// Of the plan's files.
        plan_sha256: String,
        /// Kafka's id of the cluster.
        cluster_id: String,
        /// RFC 3339, UTC.
        at: String,
    },
    /// Partitions that are left alone, for they are not as the snapshot has them.
    Skipped {
        /// `topic-partition`.
        partitions: Vec<String>,
    },
    /// A batch began, ended, or was undone.
    Batch {
        /// 1-based.
        batch: usize,
        /// What became of it.
        state: BatchState,
        /// RFC 3339, UTC.
        at: String,
    },
    /// How long a batch took, beside what was predicted.
    Measured(Measured),
    /// What settings were before they were changed: written before the change.
    Found {
        /// The settings.
        settings: Vec<Setting>,
    },
    /// All settings are as they were found.
    Restored {
        /// RFC 3339, UTC.
        at: String,
    },
    /// A run ended.
    End {
        /// How.
        outcome: Ending,
        /// RFC 3339, UTC.
        at: String,
    },
}

/// A batch as it went, beside what was predicted when it began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// 1-based.
    pub batch: usize,
    /// Nine of ten runs take longer, half do, one of ten does; seconds. None where nothing was copied or nothing slowed
    /// it down.
    pub predicted_seconds: Option<Span>,
    /// From its start to its last election, without `held_seconds`.
    pub seconds: f64,
    /// How long it was held, or waited for a window.
    pub held_seconds: f64,
    /// Bytes that were left to copy when it began, as the snapshot has them.
    pub planned_bytes: u64,
    /// Bytes that were copied.
    pub copied_bytes: u64,
}

/// A predicted span of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Nine of ten take longer.
    pub p10: f64,
    /// Half take longer.
    pub p50: f64,
    /// One of ten takes longer.
    pub p90: f64,
}

impl Measured {
    /// Bytes per second; 0 where it took no time.
    #[must_use]
    pub fn bytes_per_sec(&self) -> f64 {
        if self.seconds > 0.0 { self.copied_bytes as f64 / self.seconds } else { 0.0 }
    }

    /// Whether it took as long as eight of ten runs were predicted to; none without a prediction.
    #[must_use]
    pub fn is_as_predicted(&self) -> Option<bool> {
        self.predicted_seconds.map(|span| (span.p10..=span.p90).contains(&self.seconds))
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// It is under way.
    Started,
    /// It is through, elections included.
    Done,
    /// It is being undone.
    RollingBack,
    /// It is undone.
    RolledBack,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The whole plan is carried out.
    Applied,
    /// What was under way was cancelled.
    Cancelled,
    /// All is as it was.
    RolledBack,
}

/// A setting as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The broker that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<i32>,
    /// The topic that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Its name.
    pub key: String,
    /// Its value; none where it was not set.
    pub value: Option<String>,
}

impl Setting {
    /// `change`'s setting, with the value that puts it back.
    #[must_use]
    pub fn of(change: &ConfigChange) -> Self {
        let (broker, topic) = match &change.resource {
            Resource::Broker(id) => (Some(*id), None),
            Resource::Topic(name) => (None, Some(name.clone())),
        };
        Self { broker, topic, key: change.key.clone(), value: change.value.clone() }
    }

    /// The change that puts the setting back; none for a line that names neither broker nor topic.
    #[must_use]
    pub fn change(&self) -> Option<ConfigChange> {
        let resource = match (self.broker, &self.topic) {
            (Some(id), _) => Resource::Broker(id),
            (None, Some(name)) => Resource::Topic(name.clone()),
            (None, None) => return None,
        };
        Some(ConfigChange { resource, key: self.key.clone(), value: self.value.clone() })
    }
}

/// What a journal says of how far things are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Of the plan that it is of; none for a journal without a line.
    pub plan_sha256: Option<String>,
    /// Batches that were started and neither done nor undone.
    pub started: BTreeSet<usize>,
    /// Batches that are through.
    pub done: BTreeSet<usize>,
    /// Settings as they were found, not yet put back, the first finding of each.
    pub found: Vec<Setting>,
    /// How batches went that were carried out or undone, the last time each.
    pub measured: BTreeMap<usize, Measured>,
    /// Partitions that are left alone.
    pub skipped: BTreeSet<String>,
    /// How the last run ended; none while or after one that did not.
    pub ending: Option<Ending>,
}

impl Standing {
    /// Takes in the next line.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Begin { plan_sha256, .. } => {
                self.plan_sha256 = Some(plan_sha256.clone());
                self.ending = None;
            }
            Record::Skipped { partitions } => self.skipped.extend(partitions.iter().cloned()),
            Record::Batch { batch, state, .. } => {
                self.started.remove(batch);
                self.done.remove(batch);
                match state {
                    BatchState::Started | BatchState::RollingBack => drop(self.started.insert(*batch)),
                    BatchState::Done => drop(self.done.insert(*batch)),
                    BatchState::RolledBack => {}
                }
            }
            Record::Measured(measured) => drop(self.measured.insert(measured.batch, *measured)),
            Record::Found { settings } => {
                for setting in settings {
                    let is_same = |known: &Setting| {
                        (known.broker, &known.topic, &known.key) == (setting.broker, &setting.topic, &setting.key)
                    };
                    if !self.found.iter().any(is_same) {
                        self.found.push(setting.clone());
                    }
                }
            }
            Record::Restored { .. } => self.found.clear(),
            Record::End { outcome, .. } => {
                self.ending = Some(*outcome);
                if *outcome == Ending::RolledBack {
                    self.skipped.clear();
                    self.measured.clear();
                }
            }
        }
    }

    /// The settings to put back, by resource and key.
    #[must_use]
    pub fn originals(&self) -> BTreeMap<(Resource, String), Option<String>> {
        let changes = self.found.iter().filter_map(Setting::change);
        changes.map(|change| ((change.resource, change.key), change.value)).collect()
    }
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Another run holds it.
    #[error("{} is in use: another run carries this plan out", .0.display())]
    Locked(PathBuf),
    /// A line is none of ours.
    #[error("{}:{line}: {why}: this is no journal of evenkeel's, or it was changed", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Where records go.
pub trait Journal {
    /// What the records so far come to.
    fn standing(&self) -> &Standing;

    /// Adds a record; it is on disk when this returns.
    ///
    /// # Errors
    /// It could not be written.
    fn append(&mut self, record: Record) -> Result<(), JournalError>;
}

/// A journal in a file.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: File,
    standing: Standing,
}

impl FileJournal {
    /// Opens the journal at `path`, or begins one, and locks it.
    ///
    /// # Errors
    /// A file that is held, that cannot be read or written, or that is no journal.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let fail = |what: &'static str| {
            let path = path.to_owned();
            move |source| JournalError::Io { what, path, source }
        };
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(fail("cannot open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(JournalError::Locked(path.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => return Err(fail("cannot lock")(source)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(fail("cannot read"))?;
        let (standing, whole) = read(path, &text)?;
        if whole < text.len() {
            // The last line was cut off by what ended the run before: what it told had not happened yet.
            file.set_len(whole as u64).map_err(fail("cannot mend"))?;
        }
        Ok(Self { path: path.to_owned(), file, standing })
    }
}

impl Journal for FileJournal {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn append(&mut self, record: Record) -> Result<(), JournalError> {
        let fail = |source| JournalError::Io { what: "cannot write", path: self.path.clone(), source };
        let mut line = serde_json::to_string(&record).map_err(|e| fail(e.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(fail)?;
        self.file.sync_data().map_err(fail)?;
        self.standing.take(&record);
        Ok(())
    }
}

/// What `text` comes to, and how many of its bytes are whole lines.
fn read(path: &Path, text: &str) -> Result<(Standing, usize), JournalError> {
    let mut standing = Standing::default();
    let mut whole = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') {
            break;
        }
        let record: Record = serde_json::from_str(line).map_err(|error| JournalError::Malformed {
            path: path.to_owned(),
            line: index + 1,
            why: error.to_string(),
        })?;
        standing.take(&record);
        whole += line.len();
    }
    Ok((standing, whole))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn setting(broker: i32, value: Option<&str>) -> Setting {
        Setting { broker: Some(broker), topic: None, key: "k".to_owned(), value: value.map(str::to_owned) }
    }

    fn batch(batch: usize, state: BatchState) -> Record {
        Record::Batch { batch, state, at: "2026-11-21T00:00:00Z".to_owned() }
    }

    #[test]
    fn what_was_written_is_read_back_and_a_line_that_was_cut_off_did_not_happen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.journal");
        let mut journal = FileJournal::open(&path).unwrap();
        assert_eq!(journal.standing(), &Standing::default());
        let begin = Record::Begin {
            command: "apply".to_owned(),
            plan_sha256: "ab".to_owned(),
            cluster_id: "c".to_owned(),
            at: "2026-11-21T00:00:00Z".to_owned(),
        };
        for record in [begin, batch(1, BatchState::Started), Record::Found { settings: vec![setting(1, Some("7"))] }] {
            journal.append(record).unwrap();
        }
        assert!(matches!(FileJournal::open(&path), Err(JournalError::Locked(_))));
        let standing = journal.standing().clone();
        drop(journal);
        let mut text = std::fs::read_to_string(&path).unwrap();
        let whole = text.clone();
        text.push_str("{\"record\":\"restored\",\"at");
        std::fs::write(&path, text).unwrap();
        assert_eq!(FileJournal::open(&path).unwrap().standing(), &standing);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    }

    #[test]
    fn a_file_that_is_no_journal_is_refused_at_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "{\"record\":\"restored\",\"at\":\"x\"}\nhello\n").unwrap();
        let error = FileJournal::open(&path).unwrap_err().to_string();
        assert!(error.contains(":2: "), "{error}");
    }

    #[test]
    fn the_first_finding_of_a_setting_is_what_is_put_back() {
        let mut standing = Standing::default();
        standing.take(&Record::Found { settings: vec![setting(1, Some("7")), setting(2, None)] });
        standing.take(&Record::Found { settings: vec![setting(1, Some("ours"))] });
        assert_eq!(standing.found, [setting(1, Some("7")), setting(2, None)]);
        standing.take(&Record::Restored { at: String::new() });
        assert_eq!(standing.found, []);
    }

    #[test]
    fn a_batch_is_in_one_state_at_a_time() {
        let mut standing = Standing::default();
        for (state, started, done) in [
            (BatchState::Started, 1, 0),
            (BatchState::Done, 0, 1),
            (BatchState::RollingBack, 1, 0),
            (BatchState::RolledBack, 0, 0),
        ] {
            standing.take(&batch(4, state));
            assert_eq!((standing.started.len(), standing.done.len()), (started, done), "{state:?}");
        }
    }
}
