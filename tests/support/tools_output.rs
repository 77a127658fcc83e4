//! What Kafka's own tools print of a running lab, as files that `snapshot kafka-cli` reads.

use std::fs;
use std::path::Path;

use crate::support::lab::Lab;

/// Writes to `dir` what docs/snapshot-kafka-cli.md has an operator capture, and `more` of (file, tool, arguments).
pub(crate) fn tools_output(lab: &Lab, dir: &Path, more: &[(&str, &str, &[&str])]) {
    fs::create_dir(dir).unwrap();
    let captured: [(&str, &str, &[&str]); 6] = [
        ("topics", "topics", &["--describe"]),
        ("log-dirs", "log-dirs", &["--describe"]),
        ("broker-configs", "configs", &["--describe", "--entity-type", "brokers", "--all"]),
        ("topic-configs", "configs", &["--describe", "--entity-type", "topics"]),
        ("reassignments", "reassign", &["--list"]),
        ("brokers", "api-versions", &[]),
    ];
    for (file, tool, args) in captured.iter().chain(more) {
        fs::write(dir.join(file).with_extension("txt"), lab.run(tool, args)).unwrap();
    }
}
