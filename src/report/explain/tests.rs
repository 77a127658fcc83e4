//! What `explain` prints of the contract's example.

use super::*;
use crate::model::PartitionIdx;
use crate::plan::explain::explain;
use crate::report::sample;

fn report<'a>(snapshot: &'a Snapshot, policy: &'a Policy, row: usize) -> ExplainReport<'a> {
    let plan = sample::plan(snapshot);
    let partition = PartitionIdx::new(row);
    let reasons = plan.moves.iter().filter(|m| m.partition == partition).map(|m| m.reason.clone()).collect();
    ExplainReport { snapshot, policy, explanation: explain(snapshot, policy, &plan.placement, partition), reasons }
}

#[test]
fn a_moved_partition_as_text() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    insta::assert_snapshot!(sample::plain(&report(&snapshot, &policy, 3).to_text()));
}

#[test]
fn a_moved_partition_as_json() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    insta::assert_snapshot!(String::from_utf8(report(&snapshot, &policy, 3).to_json()).unwrap());
}

#[test]
fn a_partition_that_gets_no_entry_says_so() {
    let (snapshot, policy) = (sample::contract_example(), Policy::default());
    let text = sample::plain(&report(&snapshot, &policy, 2).to_text());
    assert!(text.contains("STAYS every replica") && text.contains("Held: it has no leader"), "{text}");
    assert!(text.contains("not looked for: the partition gets no entry"), "{text}");
}
