//! Which program made a document, and of which snapshot: what plan.json and report.json begin with.

use serde::Serialize;

use crate::model::Snapshot;

/// The program.
#[derive(Serialize)]
pub(crate) struct ToolView {
    name: &'static str,
    version: &'static str,
}

impl ToolView {
    /// This one.
    pub(crate) fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") }
    }
}

/// The snapshot.
#[derive(Serialize)]
pub(crate) struct SnapshotView<'a> {
    cluster_id: &'a str,
    captured_at: &'a str,
    sha256: &'a str,
}

impl<'a> SnapshotView<'a> {
    /// What names `snapshot`.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let cluster = &snapshot.cluster;
        Self { cluster_id: &cluster.cluster_id, captured_at: &cluster.captured_at, sha256: &cluster.sha256 }
    }
}
