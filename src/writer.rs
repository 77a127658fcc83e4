//! The one place that writes files: a directory appears whole, by rename, or not at all.

use std::path::PathBuf;

/// A file to be written, relative to its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Path below the directory.
    pub path: PathBuf,
    /// Content.
    pub bytes: Vec<u8>,
}
