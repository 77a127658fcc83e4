//! A neighbourhood: a few brokers of one group and the replicas on them that may change places among them.
//!
//! What is not in an area keeps its place, so its loads are constants there and rules need no look beyond. Large brokers
//! hold more than a model can; a drawn sample of their partitions is free then, half of it from replicas that have moved
//! already, for those may return at no cost.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

use super::super::balance::is_free;
use super::super::problem::{LANES, NONE, Problem, Vector, plus, row};
use super::super::repair::{fault, rack_broken};
use super::super::state::{NO_LEADER, State};

/// A partition of an area.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The partition.
    pub(crate) p: u32,
    /// Its slots that may change places, ascending.
    pub(crate) slots: Vec<u32>,
    /// Where they may be, as places in [`Area::brokers`]; where they are now is among them.
    pub(crate) places: Vec<usize>,
    /// Whether one of `slots` leads.
    pub(crate) leads: bool,
}

impl Item {
    /// Whether leadership is a choice of its own: with one replica inside, it goes where that goes.
    pub(crate) fn chooses_leader(&self) -> bool {
        self.leads && self.slots.len() > 1
    }

    /// How many binaries it takes.
    fn binaries(&self) -> usize {
        self.places.len() * if self.chooses_leader() { 2 } else { 1 }
    }
}

/// A few brokers and what is free on them.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    /// The brokers, all of one group and in its bands.
    pub(crate) brokers: Vec<u32>,
    /// What may change places.
    pub(crate) items: Vec<Item>,
    /// Each broker's loads without the items.
    pub(crate) base: Vec<Vector>,
    /// Whether every partition that may change places is among the items.
    pub(crate) whole: bool,
}

impl Area {
    /// Gathers what is free on `brokers`, at most `binaries` of it.
    pub(crate) fn new(
        problem: &Problem<'_>,
        state: &State,
        brokers: Vec<u32>,
        binaries: usize,
        rng: &mut Pcg64Mcg,
    ) -> Self {
        let mut partitions: Vec<u32> = brokers
            .iter()
            .flat_map(|&b| &state.on_broker[b as usize])
            .map(|&s| problem.slot_partition[s as usize])
            .collect();
        partitions.sort_unstable();
        partitions.dedup();
        let moved = |p: u32| problem.slots(p).any(|s| state.broker[s] != problem.home_broker[s]);
        let (mut returning, mut resident): (Vec<u32>, Vec<u32>) = partitions.into_iter().partition(|&p| moved(p));
        shuffle(&mut returning, rng);
        shuffle(&mut resident, rng);
        let (mut items, mut used, mut whole) = (Vec::new(), 0, true);
        let longest = returning.len().max(resident.len());
        let turns = (0..longest).flat_map(|i| [returning.get(i), resident.get(i)]).flatten();
        for item in turns.filter_map(|&p| item(problem, state, &brokers, p)) {
            if used + item.binaries() > binaries {
                whole = false;
                break;
            }
            used += item.binaries();
            items.push(item);
        }
        items.sort_unstable_by_key(|item| item.p);
        let mut base: Vec<Vector> = brokers.iter().map(|&b| state.load[b as usize]).collect();
        for &slot in items.iter().flat_map(|item| &item.slots) {
            let place = brokers.iter().position(|&b| b == state.broker[slot as usize]);
            if let Some(place) = place {
                base[place] = plus(base[place], &state.demand_here(problem, slot), -1.0);
            }
        }
        Self { brokers, items, base, whole }
    }
}

/// Partition `p` as an item of an area of `brokers`; none where nothing of it is free there, or it breaks a rule that
/// repairs could not mend.
fn item(problem: &Problem<'_>, state: &State, brokers: &[u32], p: u32) -> Option<Item> {
    let inside = |s: &usize| brokers.contains(&state.broker[*s]) && is_free(problem, row(*s));
    let slots: Vec<u32> = problem.slots(p).filter(inside).map(row).collect();
    if slots.is_empty()
        || rack_broken(problem, state, p)
        || problem.slots(p).any(|s| fault(problem, state, row(s)).is_some())
    {
        return None;
    }
    let places: Vec<usize> = (0..brokers.len()).filter(|&i| admits(problem, state, &slots, p, brokers[i])).collect();
    let leader = state.leader[p as usize];
    let leads = leader != NO_LEADER && slots.contains(&(problem.partitions[p as usize].first_slot + u32::from(leader)));
    let item = Item { p, slots, places, leads };
    (item.places.len() > item.slots.len() || item.chooses_leader()).then_some(item)
}

/// Whether a slot of `slots`, all of partition `p`, may be on `broker`, as far as one replica alone can tell.
fn admits(problem: &Problem<'_>, state: &State, slots: &[u32], p: u32, broker: u32) -> bool {
    if slots.iter().any(|&s| state.broker[s as usize] == broker) {
        return true;
    }
    if problem.slots(p).any(|s| state.broker[s] == broker) {
        return false;
    }
    let topic = &problem.topics[problem.partitions[p as usize].topic as usize];
    let facts = &problem.brokers[broker as usize];
    let racked = topic.racks == 0 || (facts.rack != NONE && rack_room(problem, state, slots, p, facts.rack) > 0);
    racked
        && match problem.home_slot(p, broker) {
            Some(home) => {
                facts.active
                    && facts.group != NONE
                    && (topic.group == NONE || topic.group == facts.group)
                    && !problem.home_dir_offline(home)
            }
            None => problem.may_receive(topic, broker),
        }
}

/// How many of partition `p`'s replicas `rack` may take beside those that are not in `slots`.
pub(crate) fn rack_room(problem: &Problem<'_>, state: &State, slots: &[u32], p: u32, rack: u32) -> usize {
    let facts = &problem.partitions[p as usize];
    let racks = problem.topics[facts.topic as usize].racks.max(1) as usize;
    let cap = usize::from(facts.slot_count).div_ceil(racks);
    cap.saturating_sub(staying(problem, state, slots, p, rack))
}

/// How many of partition `p`'s replicas in `rack` are not in `slots`.
pub(crate) fn staying(problem: &Problem<'_>, state: &State, slots: &[u32], p: u32, rack: u32) -> usize {
    let held = |s: &usize| !slots.contains(&row(*s)) && problem.brokers[state.broker[*s] as usize].rack == rack;
    problem.slots(p).filter(held).count()
}

/// Fisher–Yates.
pub(crate) fn shuffle(list: &mut [u32], rng: &mut Pcg64Mcg) {
    for last in (1..list.len()).rev() {
        let wide = u128::from(rng.next_u64()) * (last as u128 + 1);
        let other = usize::try_from(wide >> 64).unwrap_or(0);
        list.swap(last, other);
    }
}

/// The brokers that goals compare with `center`, itself left out, those that may take what it has too much of or give
/// what it lacks first; its own rack before others, for there alone replicas can always change places.
pub(crate) fn peers_by_need(problem: &Problem<'_>, state: &State, center: u32) -> Vec<u32> {
    let c = center as usize;
    let ratio = |b: usize, lane: usize| state.bands.ratio(b, &state.load[b], lane);
    let need = |lane: usize| {
        let (low, high) = state.bands.band(c, lane);
        (ratio(c, lane) - high).max(0.0) - (low - ratio(c, lane)).max(0.0)
    };
    let needs: Vec<f64> = (0..LANES).map(need).collect();
    let offers = |b: usize| {
        let mut sum = 0.0;
        for (lane, need) in needs.iter().enumerate().filter(|(_, need)| **need != 0.0) {
            let (low, high) = state.bands.band(b, lane);
            let offer = if *need > 0.0 { high - ratio(b, lane) } else { ratio(b, lane) - low };
            sum += offer.clamp(-OFFER_MAX, OFFER_MAX);
        }
        let own_rack = problem.brokers[b].rack == problem.brokers[c].rack;
        sum + if own_rack { OWN_RACK } else { 0.0 }
    };
    let is_peer = |b: &usize| {
        let facts = &problem.brokers[*b];
        *b != c && facts.in_band && facts.group == problem.brokers[c].group
    };
    let peers = (0..problem.brokers.len()).filter(is_peer);
    let mut keyed: Vec<(f64, u32)> = peers.map(|b| (offers(b), row(b))).collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, b)| b).collect()
}

/// The most that one goal's room counts for, in means: a broker that is empty on one goal is no better peer than one
/// with room on every goal that matters.
const OFFER_MAX: f64 = 0.2;
/// What sharing the rack counts for, in means: more than any one goal's room.
const OWN_RACK: f64 = 0.25;

/// The brokers that exchanged replicas with `center`, itself left out, most bytes first.
pub(crate) fn peers_by_traffic(problem: &Problem<'_>, state: &State, center: u32) -> Vec<u32> {
    let mut bytes = vec![0.0; problem.brokers.len()];
    for &s in &state.moved {
        let (from, to) = (problem.home_broker[s as usize], state.broker[s as usize]);
        let copy = problem.partitions[problem.slot_partition[s as usize] as usize].copy_bytes;
        if from == center {
            bytes[to as usize] += copy;
        } else if to == center {
            bytes[from as usize] += copy;
        }
    }
    let mut peers = peers_by_need(problem, state, center);
    peers.sort_by(|&a, &b| bytes[b as usize].total_cmp(&bytes[a as usize]));
    peers
}
