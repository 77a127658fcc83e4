//! Capacity planner and rebalancer for Apache Kafka: offline, minimal movement, proved.
//!
//! Read as a pipeline: [`model`] is the vocabulary, [`ingest`] reads, [`optimize`] searches, [`plan`] writes down what
//! to do, [`report`] shows it; [`capacity`] says what the cluster can carry; [`verify`] judges any placement without the
//! optimizer; [`live`] talks to clusters; [`cli`] is the terminal's side and [`writer`] the one place that writes files.
//! See ARCHITECTURE.md.

pub mod capacity;
pub mod cli;
pub mod ingest;
pub mod live;
pub mod model;
pub mod optimize;
pub mod plan;
pub mod report;
pub mod verify;
pub mod writer;
