//! Cases of failures, all of them or a sample, counted on all threads; and the worst found.
//!
//! Cases are numbered; blocks of numbers are counted apart and merged in order, each block of a sample with a random
//! stream of its own, so that results do not depend on the thread count.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::chance::{Combination, combinations};
use super::units::{Counter, Tally, Units};

/// Cases of one block: enough to be worth a task.
const BLOCK: u64 = 1_024;

/// How many of the worst cases are kept.
pub(super) const WORST_KEPT: usize = 5;

/// Replicas that the search for worse cases looks at, at most, shared out among the cases that it starts from: about a
/// second.
const SEARCH_WORK: f64 = 1e8;

/// One case: what fails and how the partitions stand then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) tally: Tally,
    /// Unit numbers, ascending.
    pub(super) failed: Vec<u32>,
}

/// The worst cases, worst first: most lost, then most offline, then most under min ISR; among equals those whose units
/// come first.
#[derive(Clone, Debug, Default)]
pub(super) struct Worst {
    pub(super) cases: Vec<Case>,
}

impl Worst {
    /// Keeps `failed` if it is among the worst; a case is kept once.
    pub(super) fn offer(&mut self, tally: Tally, failed: &[u32]) {
        // Most cases are no worse than the last kept: they are turned away before anything is copied.
        let is_no_worse = |last: &Case| last.tally > tally || (last.tally == tally && last.failed.as_slice() <= failed);
        if self.cases.len() == WORST_KEPT && self.cases.last().is_some_and(is_no_worse) {
            return;
        }
        let rank = |case: &Case| (std::cmp::Reverse(case.tally), case.failed.clone());
        let case = Case { tally, failed: failed.to_vec() };
        if let Err(at) = self.cases.binary_search_by_key(&rank(&case), rank) {
            self.cases.insert(at, case);
            self.cases.truncate(WORST_KEPT);
        }
    }
}

/// What was counted over cases, in [`Tally::figures`]' order.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) cases: u64,
    /// Cases with any such partition.
    pub(super) any: [u64; 3],
    /// Such partitions over all cases.
    pub(super) sum: [u64; 3],
    pub(super) worst: Worst,
}

impl Counted {
    fn add(&mut self, tally: Tally, failed: &[u32]) {
        self.cases += 1;
        for (slot, figure) in tally.figures().into_iter().enumerate() {
            self.any[slot] += u64::from(figure > 0);
            self.sum[slot] = self.sum[slot].saturating_add(figure);
        }
        self.worst.offer(tally, failed);
    }

    fn merge(mut self, other: Self) -> Self {
        self.cases += other.cases;
        for slot in 0..3 {
            self.any[slot] += other.any[slot];
            self.sum[slot] = self.sum[slot].saturating_add(other.sum[slot]);
        }
        other.worst.cases.iter().for_each(|case| self.worst.offer(case.tally, &case.failed));
        self
    }
}

/// How many cases there are; none from 2^64 on.
pub(super) fn case_count(units: &Units) -> Option<u64> {
    let ways = units.draws.iter().map(|(_, draw)| combinations(draw.of as u64, draw.take as u64));
    ways.collect::<Option<Vec<u64>>>()?.into_iter().try_fold(1_u64, u64::checked_mul)
}

/// Counts every case; `total` is [`case_count`].
pub(super) fn enumerate(units: &Units, total: u64) -> Counted {
    blocks(units, total, |counter, counted, first, last| {
        let mut odometer = Odometer::at(units, first);
        let mut failed = Vec::new();
        for _ in first..last {
            odometer.failed(units, &mut failed);
            counted.add(counter.count(&failed), &failed);
            odometer.advance();
        }
    })
}

/// Counts `cases` cases drawn with `seed`, each as likely as any other.
pub(super) fn sample(units: &Units, cases: u64, seed: u64) -> Counted {
    blocks(units, cases, |counter, counted, first, last| {
        let mut rng = Pcg64::new(u128::from(seed), u128::from(first / BLOCK));
        let mut failed = Vec::new();
        for _ in first..last {
            draw(units, &mut rng, &mut failed);
            counted.add(counter.count(&failed), &failed);
        }
    })
}

/// Distributes cases 0…`total`−1 over the threads in blocks.
fn blocks(units: &Units, total: u64, count: impl Fn(&mut Counter<'_>, &mut Counted, u64, u64) + Sync) -> Counted {
    let block = |counter: &mut Counter<'_>, index: u64| {
        let mut counted = Counted::default();
        count(counter, &mut counted, index * BLOCK, total.min((index + 1) * BLOCK));
        counted
    };
    let numbers = 0..total.div_ceil(BLOCK);
    let counted: Vec<Counted> = numbers.into_par_iter().map_init(|| Counter::new(units), block).collect();
    counted.into_iter().fold(Counted::default(), Counted::merge)
}

/// The units of one case, one combination per draw; the last draw's turns fastest.
struct Odometer {
    wheels: Vec<(u32, Combination)>,
}

impl Odometer {
    fn at(units: &Units, case: u64) -> Self {
        let mut rest = case;
        let wheel = |(first, draw): &(u32, super::units::Draw)| {
            let ways = combinations(draw.of as u64, draw.take as u64).unwrap_or(u64::MAX).max(1);
            let combination = Combination::of_rank(draw.of, draw.take, rest % ways);
            rest /= ways;
            (*first, combination)
        };
        let mut wheels: Vec<(u32, Combination)> = units.draws.iter().rev().map(wheel).collect();
        wheels.reverse();
        Self { wheels }
    }

    fn failed(&self, units: &Units, failed: &mut Vec<u32>) {
        debug_assert_eq!(self.wheels.len(), units.draws.len());
        failed.clear();
        for (first, combination) in &self.wheels {
            failed.extend(combination.members().iter().map(|member| first + super::units::number(*member)));
        }
    }

    fn advance(&mut self) {
        let _ = self.wheels.iter_mut().rev().any(|(_, combination)| combination.advance());
    }
}

/// Draws one case: R. W. Floyd's sample without repetition (Communications of the ACM 30, 1987), draw by draw.
fn draw(units: &Units, rng: &mut Pcg64, failed: &mut Vec<u32>) {
    failed.clear();
    for (first, draw) in &units.draws {
        let start = failed.len();
        for last in draw.of - draw.take..draw.of {
            let picked = first + super::units::number(rng.random_range(0..=last));
            let is_new = !failed[start..].contains(&picked);
            failed.push(if is_new { picked } else { first + super::units::number(last) });
        }
        failed[start..].sort_unstable();
    }
}

/// Looks for cases worse than the worst of a sample, from those and from `seeds`: while exchanging one unit of a case
/// for another of its domain makes it worse, the worst such exchange is made. Finds what a sample of rare events
/// misses, proves nothing.
pub(super) fn worsen(units: &Units, worst: &mut Worst, seeds: &[Vec<u32>]) {
    let mut counter = Counter::new(units);
    let mut starts: Vec<Vec<u32>> = worst.cases.iter().map(|case| case.failed.clone()).collect();
    starts.extend(seeds.iter().filter_map(|seed| completed(units, seed)));
    starts.sort_unstable();
    starts.dedup();
    let share = SEARCH_WORK / starts.len().max(1) as f64;
    for start in starts {
        let mut failed = start;
        let mut tally = counter.count(&failed);
        let mut work = share;
        loop {
            worst.offer(tally, &failed);
            let Some((better, exchanged)) = worst_exchange(units, &mut counter, &failed, tally, &mut work) else {
                break;
            };
            (tally, failed) = (better, exchanged);
        }
    }
}

/// `seed` with units of least number added up to the size of a case; none where it is larger than one.
fn completed(units: &Units, seed: &[u32]) -> Option<Vec<u32>> {
    let mut failed = seed.to_vec();
    for (first, draw) in &units.draws {
        let own = |unit: &u32| (*first..*first + super::units::number(draw.of)).contains(unit);
        let has = seed.iter().filter(|unit| own(unit)).count();
        let missing = draw.take.checked_sub(has)?;
        let free = (*first..*first + super::units::number(draw.of)).filter(|unit| !seed.contains(unit));
        failed.extend(free.take(missing));
    }
    failed.sort_unstable();
    Some(failed)
}

fn worst_exchange(
    units: &Units,
    counter: &mut Counter<'_>,
    failed: &[u32],
    tally: Tally,
    work: &mut f64,
) -> Option<(Tally, Vec<u32>)> {
    let mut best: Option<(Tally, Vec<u32>)> = None;
    for at in 0..failed.len() {
        let (first, draw) = units.draws.get(units.draw_of(failed[at]))?;
        for unit in *first..*first + super::units::number(draw.of) {
            if failed.contains(&unit) {
                continue;
            }
            *work -= units.work_of(failed);
            if *work < 0.0 {
                return best;
            }
            let mut exchanged = failed.to_vec();
            exchanged[at] = unit;
            let found = counter.count(&exchanged);
            if found > best.as_ref().map_or(tally, |(best, _)| *best) {
                exchanged.sort_unstable();
                best = Some((found, exchanged));
            }
        }
    }
    best
}
