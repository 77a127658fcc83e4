//! Two ways to a new version: a new cluster beside the old one, or the brokers one after the other.
//!
//! The comparison that Chehaoduo describes: rebuild and migrate, or expand first and roll.

use super::catch_up::{BYTES_PER_GB, SECONDS_PER_HOUR, catch_up};
use super::{NotEvaluated, headroom};
use crate::ingest::scenario::upgrade::{Preference, Upgrade};
use crate::model::load::capacity;
use crate::model::{BrokerIdx, BrokerState, Goal, PartitionIdx, Placement, Policy, Snapshot};
use crate::verify::Usage;

/// A stretch of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub name: String,
    /// Hours from the start of the path.
    pub start_hours: f64,
    /// How long it takes.
    pub hours: f64,
    /// Whether copies or clients are at risk meanwhile.
    pub is_at_risk: bool,
}

/// Until when and how a path can be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackPoint {
    /// Until when.
    pub until: &'static str,
    /// How.
    pub how: &'static str,
}

/// One way to the new version.
#[derive(Clone, Debug, PartialEq)]
pub struct UpgradePath {
    /// `rebuild` or `roll`.
    pub name: &'static str,
    /// Brokers that are paid for beside those there are.
    pub brokers_added: u64,
    /// From the first step to the last.
    pub hours: Option<f64>,
    /// What is copied.
    pub bytes_copied: Option<f64>,
    /// What it costs, in the scenario's currency.
    pub cost: Option<f64>,
    /// Minutes in which copies are missing or clients switch.
    pub minutes_at_risk: Option<f64>,
    /// In order; empty where a duration is unknown.
    pub steps: Vec<Step>,
    /// In order.
    pub rollback: Vec<RollbackPoint>,
    /// What is to be mended before it is begun.
    pub conditions: Vec<String>,
    /// Why the path cannot be recommended as things are.
    pub obstacles: Vec<String>,
}

impl UpgradePath {
    fn is_evaluated(&self) -> bool {
        self.hours.is_some() && self.cost.is_some() && self.minutes_at_risk.is_some()
    }
}

/// Both ways and which to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Rebuild, then roll.
    pub paths: Vec<UpgradePath>,
    /// The name of the path to go, none where neither can be weighed.
    pub recommended: Option<&'static str>,
    /// What decides.
    pub why: String,
    /// What is absent above.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Weighs both paths for `snapshot`.
#[must_use]
pub fn upgrade(snapshot: &Snapshot, policy: &Policy, scenario: &Upgrade) -> Comparison {
    let mut missing = Vec::new();
    let cluster = Cluster { snapshot, policy, scenario };
    let paths = vec![cluster.rebuild(&mut missing), cluster.roll(&mut missing)];
    let (recommended, why) = recommend(&paths, scenario);
    Comparison { paths, recommended, why, not_evaluated: missing }
}

struct Cluster<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    scenario: &'a Upgrade,
}

/// Steps one after the other.
#[derive(Default)]
struct Timeline(Vec<Step>);

impl Timeline {
    fn then(&mut self, name: impl Into<String>, hours: f64, is_at_risk: bool) {
        let start_hours = self.hours();
        if hours > 0.0 {
            self.0.push(Step { name: name.into(), start_hours, hours, is_at_risk });
        }
    }

    fn hours(&self) -> f64 {
        self.0.last().map_or(0.0, |step| step.start_hours + step.hours)
    }
}

/// The most steps that a roll is shown in; neighbours share one.
const ROLL_STEPS: usize = 12;

impl Cluster<'_> {
    /// The brokers that run: all but dead and down ones.
    fn running(&self) -> Vec<BrokerIdx> {
        let runs = |b: &BrokerIdx| !matches!(self.snapshot.broker(*b).state, BrokerState::Dead | BrokerState::Down);
        self.snapshot.broker_indices().filter(runs).collect()
    }

    /// A new cluster: new brokers × price × the hours that both run, and the mirror's bytes. The mirror copies what is
    /// stored once (replication within the new cluster is its own) at what it gains over the producers, S ÷ (c − w).
    fn rebuild(&self, missing: &mut Vec<NotEvaluated>) -> UpgradePath {
        let rebuild = &self.scenario.rebuild;
        let brokers_added = rebuild.brokers.unwrap_or(self.running().len() as u64);
        // Folds, since the sum of no floats is −0.
        let sizes = self.snapshot.partition_indices().map(|p| self.snapshot.copy_size_bytes(p));
        let stored = sizes.fold(0.0, |sum, bytes| sum + bytes as f64);
        let written = self.snapshot.partitions.iter().fold(0.0, |sum, p| sum + p.bytes_in_per_sec);
        let copy_seconds = rebuild.mirror_bytes_per_sec.and_then(|rate| {
            if rate <= written {
                let why =
                    format!("producers write {written:.0} B/s and the mirror copies {rate:.0} B/s: it never ends");
                missing.push(NotEvaluated::new("paths.rebuild.hours", why));
            }
            (rate > written).then(|| stored / (rate - written))
        });
        if rebuild.mirror_bytes_per_sec.is_none() {
            let why = "the scenario's [rebuild] has no mirror_bytes_per_sec";
            missing.push(NotEvaluated::new("paths.rebuild.hours", why));
        }
        let mut timeline = Timeline::default();
        if let Some(seconds) = copy_seconds {
            timeline.then("set up", rebuild.setup_hours, false);
            timeline.then("mirror what is stored", seconds / SECONDS_PER_HOUR, false);
            timeline.then("run both", rebuild.overlap_hours, false);
            timeline.then("switch clients", rebuild.cutover_minutes / 60.0, true);
        }
        let hours = copy_seconds.map(|_| timeline.hours());
        // Producers write on while the mirror runs.
        let bytes_copied =
            copy_seconds.map(|seconds| stored + written * (seconds + rebuild.overlap_hours * SECONDS_PER_HOUR));
        if rebuild.price_per_hour.is_none() && brokers_added > 0 {
            let why = "the scenario's [rebuild] has no price_per_hour, and no machine_model whose price is known";
            missing.push(NotEvaluated::new("paths.rebuild.cost", why));
        }
        let cost = hours.zip(bytes_copied).zip(rebuild.price_per_hour).map(|((hours, bytes), price)| {
            brokers_added as f64 * price * hours
                + bytes / BYTES_PER_GB * rebuild.price_per_gb
                + self.scenario.staff_per_hour * hours
        });
        UpgradePath {
            name: "rebuild",
            brokers_added,
            hours,
            bytes_copied,
            cost,
            minutes_at_risk: Some(rebuild.cutover_minutes),
            steps: timeline.0,
            rollback: vec![
                RollbackPoint {
                    until: "clients have switched",
                    how: "stop the mirror and remove the new cluster: the old one serves untouched",
                },
                RollbackPoint {
                    until: "the old cluster is removed",
                    how: "switch clients back; what was written to the new cluster alone must be mirrored back first",
                },
            ],
            conditions: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// The brokers in turn: N·(restart + catch-up), catch-up = d·w ÷ (c − w) (Amazon MSK's best practices: 10 to 15
    /// minutes a broker). Where brokers are added first, the copies onto them come before.
    fn roll(&self, missing: &mut Vec<NotEvaluated>) -> UpgradePath {
        let roll = &self.scenario.roll;
        let usage = Usage::of(self.snapshot, &Placement::of(self.snapshot));
        let brokers = self.running();
        let (copied, expansion_hours) = self.expansion(&usage, &brokers, missing);
        let minutes: Option<Vec<f64>> =
            brokers.iter().map(|&broker| self.away_minutes(broker, &usage, missing)).collect();
        let mut timeline = Timeline::default();
        if let (Some(minutes), Some(expansion_hours)) = (&minutes, expansion_hours) {
            timeline.then("add brokers and copy onto them", expansion_hours, false);
            let chunk = brokers.len().div_ceil(ROLL_STEPS).max(1);
            for (ids, minutes) in brokers.chunks(chunk).zip(minutes.chunks(chunk)) {
                let pauses = roll.pause_minutes * minutes.len() as f64;
                let hours = (minutes.iter().sum::<f64>() + pauses) / 60.0;
                timeline.then(self.named(ids), hours, true);
            }
        }
        let hours = minutes.as_ref().and(expansion_hours).map(|_| timeline.hours());
        let price = self.scenario.rebuild.price_per_hour;
        if roll.brokers_added > 0 && price.is_none() {
            let why = "brokers are added, and [rebuild] has no price_per_hour or machine_model whose price is known";
            missing.push(NotEvaluated::new("paths.roll.cost", why));
        }
        let machines = if roll.brokers_added == 0 { Some(0.0) } else { price.map(|p| p * roll.brokers_added as f64) };
        UpgradePath {
            name: "roll",
            brokers_added: roll.brokers_added,
            hours,
            bytes_copied: copied.zip(self.missed_bytes(&brokers, &usage)).map(|(copied, missed)| copied + missed),
            cost: hours.zip(machines).map(|(hours, machines)| (machines + self.scenario.staff_per_hour) * hours),
            minutes_at_risk: minutes.map(|minutes| minutes.iter().fold(0.0, |sum, minutes| sum + minutes)),
            steps: timeline.0,
            rollback: vec![
                RollbackPoint {
                    until: "the inter-broker protocol or metadata.version is raised",
                    how: "restart upgraded brokers with the old version, one after the other",
                },
                RollbackPoint {
                    until: "never after that",
                    how: "the on-disk or metadata format may not be readable by the old version: restore or rebuild",
                },
            ],
            conditions: self.conditions(),
            obstacles: self.obstacles(),
        }
    }

    fn named(&self, brokers: &[BrokerIdx]) -> String {
        let id = |b: Option<&BrokerIdx>| b.map_or(0, |b| self.snapshot.broker(*b).id);
        match brokers {
            [one] => format!("broker {}", id(Some(one))),
            _ => format!("brokers {}…{}", id(brokers.first()), id(brokers.last())),
        }
    }

    /// Minutes that `broker` is away or behind.
    fn away_minutes(&self, broker: BrokerIdx, usage: &Usage, missing: &mut Vec<NotEvaluated>) -> Option<f64> {
        let id = self.snapshot.broker(broker).id;
        let away = self.scenario.roll.restart_minutes;
        let limited = || Some(capacity(self.snapshot, broker, Goal::NetworkIn)? * self.policy.limits.network_in);
        let Some(copied) = self.scenario.roll.catch_up_bytes_per_sec.or_else(limited) else {
            let why = format!(
                "broker {id} has no network_in_capacity_bytes_per_sec, and the scenario's [roll] no catch_up_bytes_per_sec"
            );
            missing.push(NotEvaluated::new("paths.roll.hours", why));
            return None;
        };
        let written = usage.load(broker, Goal::NetworkIn)?;
        let behind = catch_up(away, written, copied);
        if behind.is_none() {
            let why =
                format!("broker {id} is written {written:.0} B/s and catches up at {copied:.0} B/s: it never does");
            missing.push(NotEvaluated::new("paths.roll.hours", why));
        }
        behind.map(|behind| away + behind)
    }

    /// What brokers miss while they restart, bytes.
    fn missed_bytes(&self, brokers: &[BrokerIdx], usage: &Usage) -> Option<f64> {
        let written: Option<f64> = brokers.iter().map(|&b| usage.load(b, Goal::NetworkIn)).sum();
        written.map(|written| written * self.scenario.roll.restart_minutes * 60.0)
    }

    /// Bytes that brokers added first take over, an even share of all replicas, and hours at what the throttle leaves
    /// beside the traffic that they follow.
    fn expansion(
        &self,
        usage: &Usage,
        brokers: &[BrokerIdx],
        missing: &mut Vec<NotEvaluated>,
    ) -> (Option<f64>, Option<f64>) {
        let (old, new) = (brokers.len() as f64, self.scenario.roll.brokers_added as f64);
        if new == 0.0 {
            return (Some(0.0), Some(0.0));
        }
        let stored: f64 = self.snapshot.replicas.iter().map(|r| r.size_bytes as f64).sum();
        let copied = stored * new / (old + new);
        let Some(throttle) = self.scenario.roll.throttle_bytes_per_sec else {
            let why = "brokers are added, and the scenario's [roll] has no throttle_bytes_per_sec";
            missing.push(NotEvaluated::new("paths.roll.hours", why));
            return (Some(copied), None);
        };
        let followed = brokers.iter().filter_map(|&b| usage.load(b, Goal::NetworkIn)).sum::<f64>() / (old + new);
        if throttle <= followed {
            let why = format!("an added broker follows {followed:.0} B/s, which the throttle must exceed");
            missing.push(NotEvaluated::new("paths.roll.hours", why));
            return (Some(copied), None);
        }
        (Some(copied), Some(copied / new / (throttle - followed) / SECONDS_PER_HOUR))
    }

    /// Kafka's default of `min.insync.replicas` is 1.
    fn least_in_sync(&self, partition: PartitionIdx) -> usize {
        let topic = self.snapshot.topic(self.snapshot.partition(partition).topic);
        topic.min_insync_replicas.unwrap_or(1).max(1) as usize
    }

    /// Replicas that are out of sync are to be back before others restart.
    fn conditions(&self) -> Vec<String> {
        let misses_some = |p: &PartitionIdx| {
            let replicas = self.snapshot.replicas_of(*p);
            let in_sync = replicas.iter().filter(|r| r.in_sync).count();
            let least = self.least_in_sync(*p);
            in_sync <= least && replicas.len() > least
        };
        let behind = self.snapshot.partition_indices().filter(misses_some).count();
        let text = format!(
            "heal {behind} partitions (rebalance does): replicas are out of sync, so that they cannot be written while \
             one more broker is away"
        );
        if behind > 0 { vec![text] } else { Vec::new() }
    }

    /// What a restart of one broker breaks.
    fn obstacles(&self) -> Vec<String> {
        let mut found = Vec::new();
        let snapshot = self.snapshot;
        let is_interrupted = |p: &PartitionIdx| snapshot.replicas_of(*p).len() <= self.least_in_sync(*p);
        let interrupted = snapshot.partition_indices().filter(is_interrupted).count();
        if interrupted > 0 {
            found.push(format!(
                "{interrupted} partitions cannot be written while one of their brokers restarts: they have no replica \
                 beyond min.insync.replicas"
            ));
        }
        for row in headroom(snapshot, self.policy, &Placement::of(snapshot)) {
            if row.goal == Goal::Disk {
                // A restart copies nothing to others' disks.
                continue;
            }
            if let Some(lost) = row.broker_lost.filter(|lost| lost.utilization_max > row.limit) {
                found.push(format!(
                    "without {} the busiest broker of group {} is at {:.0} % of its {}, above {:.0} %: add brokers first",
                    lost.lost,
                    row.group,
                    lost.utilization_max * 100.0,
                    row.goal.name(),
                    row.limit * 100.0
                ));
            }
        }
        found
    }
}

fn recommend(paths: &[UpgradePath], scenario: &Upgrade) -> (Option<&'static str>, String) {
    let figure = |path: &UpgradePath| match scenario.prefer {
        Preference::Risk => path.minutes_at_risk,
        Preference::Cost => path.cost,
        Preference::Time => path.hours,
    };
    let in_words = |path: &UpgradePath| {
        let value = figure(path).unwrap_or(0.0);
        match scenario.prefer {
            Preference::Risk => format!("{value:.0} minutes at risk"),
            Preference::Cost => format!("{value:.0} {}", scenario.currency),
            Preference::Time => format!("{value:.1} hours"),
        }
    };
    let usable: Vec<&UpgradePath> =
        paths.iter().filter(|path| path.is_evaluated() && path.obstacles.is_empty()).collect();
    match usable[..] {
        [a, b] => {
            let (best, other) = if figure(b) < figure(a) { (b, a) } else { (a, b) };
            let why = format!(
                "{} has {} against {} for {}; {} decides (prefer in the scenario)",
                best.name,
                in_words(best),
                in_words(other),
                other.name,
                scenario.prefer.name()
            );
            (Some(best.name), why)
        }
        [only] => {
            let others = paths.iter().filter(|path| path.name != only.name);
            let reasons: Vec<String> = others
                .map(|path| {
                    let reason = path.obstacles.first().cloned();
                    format!("{}: {}", path.name, reason.unwrap_or_else(|| "it cannot be evaluated".to_owned()))
                })
                .collect();
            (Some(only.name), format!("{} is the only path open; {}", only.name, reasons.join("; ")))
        }
        _ => (None, "neither path can be recommended as things are".to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::catalogue::Catalogue;
    use crate::ingest::scenario::upgrade::parse;
    use crate::model::LogDirState;
    use crate::model::fixture::Fixture;
    use std::path::Path;

    const GB: u64 = 1_000_000_000;

    /// Three brokers, each with one leader and two followers of 100 GB: 30 MB/s into each.
    fn cluster(min_isr: u32) -> Snapshot {
        let mut fixture = Fixture::default();
        for id in 1..=3 {
            fixture = fixture.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 1000 * GB, LogDirState::Online, 0);
        }
        for number in 0..3 {
            let at = |offset: u32| ((number + offset) % 3 + 1) as i32;
            let replicas: Vec<(i32, &str, u64, bool)> = (0..3).map(|o| (at(o), "/d", 100 * GB, true)).collect();
            fixture = fixture.partition(("t", number), at(0), (10e6, 0.0), &replicas);
        }
        let mut snapshot = fixture.build();
        snapshot.topics[0].min_insync_replicas = Some(min_isr);
        snapshot
    }

    fn compare(snapshot: &Snapshot, text: &str) -> Comparison {
        let scenario = parse(Path::new("u.toml"), text, &Catalogue::builtin()).unwrap();
        upgrade(snapshot, &Policy::default(), &scenario)
    }

    const SCENARIO: &str = "prefer = \"risk\"\n[rebuild]\nbrokers = 4\nprice_per_hour = 1.5\nsetup_hours = 2\n\
                            mirror_bytes_per_sec = 130e6\noverlap_hours = 24\ncutover_minutes = 30\nprice_per_gb = 0.01\n\
                            [roll]\nrestart_minutes = 12\ncatch_up_bytes_per_sec = 90e6\n";

    #[test]
    fn rebuilding_costs_brokers_for_the_overlap_and_the_mirrors_bytes() {
        let found = compare(&cluster(2), SCENARIO);
        let path = &found.paths[0];
        // 300 GB at 130 − 30 MB/s: 3,000 s.
        let hours = 2.0 + 3000.0 / 3600.0 + 24.0 + 0.5;
        assert!((path.hours.unwrap() - hours).abs() < 1e-9);
        let bytes = 300e9 + 30e6 * (3000.0 + 86_400.0);
        assert!((path.bytes_copied.unwrap() - bytes).abs() < 1.0);
        assert!((path.cost.unwrap() - (4.0 * 1.5 * hours + bytes / 1e9 * 0.01)).abs() < 1e-6);
        assert_eq!((path.brokers_added, path.minutes_at_risk), (4, Some(30.0)));
    }

    #[test]
    fn rolling_takes_each_broker_its_restart_and_what_it_missed() {
        let found = compare(&cluster(2), SCENARIO);
        let path = &found.paths[1];
        // d = 12 min, w = 30 MB/s, c = 90 MB/s: 12·30/60 = 6 minutes more; three brokers.
        assert!((path.minutes_at_risk.unwrap() - 54.0).abs() < 1e-9);
        assert!((path.hours.unwrap() - 0.9).abs() < 1e-9);
        assert_eq!((path.cost, path.brokers_added), (Some(0.0), 0));
        assert!((path.bytes_copied.unwrap() - 3.0 * 30e6 * 720.0).abs() < 1.0);
        assert_eq!(found.recommended, Some("rebuild"), "{}", found.why);
        assert_eq!(compare(&cluster(2), &SCENARIO.replace("\"risk\"", "\"cost\"")).recommended, Some("roll"));
    }

    #[test]
    fn brokers_added_first_take_their_share_at_what_the_throttle_leaves() {
        let text = format!("{SCENARIO}brokers_added = 1\nthrottle_bytes_per_sec = 47.5e6\n");
        let path = compare(&cluster(2), &text).paths[1].clone();
        // A quarter of 900 GB; it follows a quarter of 90 MB/s, so that 25 MB/s are left: 9,000 s.
        assert!((path.steps[0].hours - 2.5).abs() < 1e-9, "{path:?}");
        assert!((path.cost.unwrap() - 1.5 * path.hours.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn partitions_that_a_restart_stops_speak_against_rolling() {
        let found = compare(&cluster(3), &SCENARIO.replace("\"risk\"", "\"cost\""));
        assert!(found.paths[1].obstacles[0].starts_with("3 partitions cannot be written"));
        assert_eq!(found.recommended, Some("rebuild"));
    }

    #[test]
    fn what_never_ends_has_no_hours() {
        let text = SCENARIO.replace("130e6", "30e6").replace("90e6", "20e6");
        let found = compare(&cluster(2), &text);
        assert!(found.paths.iter().all(|path| path.hours.is_none() && path.cost.is_none() && path.steps.is_empty()));
        assert_eq!(found.recommended, None);
        assert!(found.not_evaluated.len() >= 2);
    }
}
