//! First placement, as Kafka makes it: round robin over brokers in alternating racks, each topic from a start of its
//! own, followers shifted a step further on every round (Kafka's `StripedReplicaPlacer` and its predecessor
//! `AdminUtils.assignReplicasToBrokers`).

use rand_pcg::Pcg64;

use super::draft::Draft;
use super::fleet::Fleet;
use super::{below, stream};

/// Places every replica; position 0 leads.
pub(super) fn place(draft: &mut Draft, seed: u64) {
    let mut rng = stream(seed, "place");
    let arranged: Vec<Vec<usize>> =
        draft.fleet.members.iter().map(|members| rack_alternated(&draft.fleet, members)).collect();
    draft.hosts.reserve_exact(draft.replica_count());
    draft.leaders.reserve_exact(draft.partitions.len());
    for topic in 0..draft.topics.len() {
        place_topic(draft, topic, &arranged[draft.homes[topic]], &mut rng);
    }
    draft.recount();
}

fn place_topic(draft: &mut Draft, topic: usize, brokers: &[usize], rng: &mut Pcg64) {
    let start = below(rng, brokers.len());
    let mut shift = below(rng, brokers.len());
    for (number, p) in draft.topics[topic].partition_rows().enumerate() {
        if number > 0 && number % brokers.len() == 0 {
            shift += 1;
        }
        let factor = draft.partitions[p].replica_count as usize;
        let chosen = spread(&draft.fleet, brokers, (start + number) % brokers.len(), shift, factor);
        draft.leaders.push(chosen[0]);
        draft.hosts.extend(chosen);
    }
}

/// `factor` brokers from `first` on: the fewest used racks first, then whoever is next in the circle.
fn spread(fleet: &Fleet, brokers: &[usize], first: usize, shift: usize, factor: usize) -> Vec<u32> {
    let mut chosen = vec![brokers[first]];
    let rack = |row: usize| fleet.machines[row].rack;
    while chosen.len() < factor {
        let others = brokers.len() - 1;
        let circle = (0..others).map(|step| brokers[(first + 1 + (shift + step) % others) % brokers.len()]);
        let mut free = circle.filter(|row| !chosen.contains(row));
        let used = |row: usize| chosen.iter().filter(|&&c| rack(c).is_some() && rack(c) == rack(row)).count();
        // A broker in an unused rack is near at hand where racks outnumber replicas; else all are looked at, and
        // `min_by_key` takes the first of equals, which is the next in the circle.
        let fresh = free.clone().find(|&row| used(row) == 0);
        let Some(next) = fresh.or_else(|| free.by_ref().min_by_key(|&row| used(row))) else { break };
        chosen.push(next);
    }
    chosen.into_iter().map(|row| row as u32).collect()
}

/// One broker of each rack in turn, so that neighbours in the circle are in different racks.
fn rack_alternated(fleet: &Fleet, members: &[usize]) -> Vec<usize> {
    let mut by_rack: Vec<std::collections::VecDeque<usize>> = vec![Default::default(); fleet.racks.len() + 1];
    for &row in members {
        by_rack[fleet.machines[row].rack.map_or(fleet.racks.len(), |r| r)].push_back(row);
    }
    let mut arranged = Vec::with_capacity(members.len());
    while arranged.len() < members.len() {
        arranged.extend(by_rack.iter_mut().filter_map(std::collections::VecDeque::pop_front));
    }
    arranged
}
