//! Takes back what is under way, and what Kafka makes of that.

use std::collections::{BTreeMap, BTreeSet};

use super::execute::{ATTEMPTS_MAX, LOOKS_TO_BELIEVE, brokers_of, errors, failed};
use super::look::{Look, Phase};
use super::work::{Target, ids};
use super::{Apply, ApplyError};
use crate::live::admin::{AdminError, Answer, ErrorKind, Replica, TopicPartition};

impl Apply<'_> {
    /// Cancels what is under way for `targets` and waits until nothing is; how many there were. A partition that ends
    /// with neither of its replica lists, or with the old replicas in another order, is given its old list.
    pub(super) fn cancel_targets(&self, targets: &[Target]) -> Result<usize, ApplyError> {
        let brokers = brokers_of(targets);
        let mut cancelled = BTreeSet::new();
        let mut why = Vec::new();
        // How often in a row each was seen with too many replicas: metadata may merely lag.
        let mut swollen: BTreeMap<TopicPartition, usize> = BTreeMap::new();
        for _ in 0..ATTEMPTS_MAX * LOOKS_TO_BELIEVE {
            let look = self.look(&brokers)?;
            let mut lists = Vec::new();
            let mut moves: Vec<(Replica, String)> = Vec::new();
            let mut is_settled = true;
            for target in targets {
                let partition = &target.partition;
                if look.phase(target) == Phase::Running {
                    lists.push((partition.clone(), None));
                    cancelled.insert((partition.clone(), None));
                } else if has_extra_replicas(&look, target) {
                    is_settled = false;
                    let times = swollen.entry(partition.clone()).or_default();
                    *times += 1;
                    if *times >= LOOKS_TO_BELIEVE {
                        lists.push((partition.clone(), Some(ids(&target.before))));
                    }
                } else {
                    is_settled &= look.running.get(partition).is_none_or(|r| r.target() != ids(&target.before));
                    swollen.remove(partition);
                    // Kafka goes back to the old replicas, but not to their order: the first is the preferred leader.
                    let found =
                        look.partitions.get(partition).map(|found| found.replicas.as_slice()).unwrap_or_default();
                    let old = ids(&target.before);
                    if look.phase(target) == Phase::Waiting && found != old {
                        lists.push((partition.clone(), Some(old)));
                    }
                }
                for (id, path) in target.after.iter().filter_map(|(id, dir)| Some((*id, dir.as_deref()?))) {
                    if look.moving_to(partition, id) == Some(path)
                        && let Some(here) = look.dir_of(partition, id)
                    {
                        moves.push(((partition.clone(), id), here.to_owned()));
                        cancelled.insert((partition.clone(), Some(id)));
                    }
                }
            }
            if is_settled && lists.is_empty() && moves.is_empty() {
                return Ok(cancelled.len());
            }
            why = Vec::new();
            if !moves.is_empty() {
                why.extend(errors(self.admin.alter_log_dirs(&moves).into_values()));
            }
            if !lists.is_empty() {
                let answers = self.admin.reassign(&lists).into_values();
                let is_over =
                    |answer: &Answer<()>| matches!(answer, Err(AdminError { kind: ErrorKind::NoReassignment, .. }));
                why.extend(errors(answers.filter(|answer| !is_over(answer))));
            }
            self.surroundings.sleep(self.options.poll);
        }
        Err(failed("not everything could be cancelled", &why))
    }
}

/// Whether a partition that nothing moves has replicas beyond its old and beyond its new list: what Kafka leaves when
/// an overridden reassignment is cancelled.
fn has_extra_replicas(look: &Look, target: &Target) -> bool {
    let Some(found) = look.partitions.get(&target.partition) else { return false };
    let known: BTreeSet<i32> = ids(&target.before).into_iter().chain(target.replicas()).collect();
    let is_ours = found.replicas.iter().all(|id| known.contains(id));
    let is_longer = found.replicas.len() > target.before.len().max(target.after.len());
    is_ours && is_longer && !look.running.contains_key(&target.partition)
}
