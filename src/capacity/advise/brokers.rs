//! Broker settings from hardware: threads by cores and disks, queues, and what balancing by plan asks for.
//!
//! The rules are those of a site with some thousand brokers of many disks each (vivo); Kafka's defaults are for small
//! machines. A rule that asks for less than the default is not followed. Brokers with the same hardware are advised
//! together.

use std::collections::{BTreeMap, BTreeSet};

use super::linux::linux;
use super::{Advice, BOOTSTRAP, Finding, Value};
use crate::capacity::not_evaluated::broker_list;
use crate::model::settings::BrokerSettings;
use crate::model::{BrokerIdx, BrokerState, Snapshot};

const VIVO: &str = "vivo's production rules; Kafka's default is for small machines";

/// A setting that takes a number.
struct NumberRule {
    setting: &'static str,
    /// Kafka's default (its source as of October 2024).
    default: u64,
    advised: fn(&Hardware) -> Option<u64>,
    /// What the rule counts.
    rule: &'static str,
    unless: &'static str,
    /// Whether the brokers take it while they run; Kafka then at most doubles threads per change.
    is_dynamic: bool,
}

const NUMBERS: [NumberRule; 4] = [
    NumberRule {
        setting: "num.network.threads",
        default: 3,
        advised: |hardware| Some(hardware.cores? * 2),
        rule: "2 × cores",
        unless: "network threads are idle most of the time (NetworkProcessorAvgIdlePercent above 0.3)",
        is_dynamic: true,
    },
    NumberRule {
        setting: "num.io.threads",
        default: 8,
        advised: |hardware| (hardware.disks > 0).then_some(hardware.disks * 2),
        rule: "2 × disks",
        unless: "request handlers are idle most of the time (RequestHandlerAvgIdlePercent above 0.3)",
        is_dynamic: true,
    },
    NumberRule {
        setting: "num.replica.fetchers",
        default: 1,
        advised: |hardware| Some((hardware.cores? / 4).max(1)),
        rule: "cores ÷ 4",
        unless: "followers keep up; each fetcher is a connection from every broker to every other",
        is_dynamic: true,
    },
    NumberRule {
        setting: "queued.max.requests",
        default: 500,
        advised: |_| Some(500),
        rule: "at least 500",
        unless: "memory is short: requests wait in it with all they carry",
        is_dynamic: false,
    },
];

/// What a broker's settings depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hardware {
    /// Whole cores; none where they are not known.
    pub(super) cores: Option<u64>,
    /// Log dirs, which are disks as a rule.
    pub(super) disks: u64,
}

/// Advises settings of brokers and of the hosts that they run on; `settings` are those in force, if known.
#[must_use]
pub fn brokers(snapshot: &Snapshot, settings: Option<&BrokerSettings>) -> Advice {
    let mut advice = Advice::default();
    let classes = classes(snapshot);
    if classes.is_empty() {
        advice.absent("brokers", "no broker is in service");
        return advice;
    }
    for rule in &NUMBERS {
        for (advised, (hardware, brokers)) in by_advised(rule, &classes) {
            number(snapshot, settings, rule, advised, (hardware, &brokers), &mut advice);
        }
    }
    let all: Vec<BrokerIdx> = classes.values().flatten().copied().collect();
    advice.findings.extend(leader_rebalance(snapshot, settings, &all));
    advice.findings.extend(compression(snapshot, settings, &all));
    note_absent(snapshot, settings, &classes, &mut advice);
    linux(snapshot, settings, &classes, &mut advice);
    advice
}

/// The brokers in service by hardware.
fn classes(snapshot: &Snapshot) -> BTreeMap<Hardware, Vec<BrokerIdx>> {
    let mut classes: BTreeMap<Hardware, Vec<BrokerIdx>> = BTreeMap::new();
    for index in snapshot.broker_indices() {
        let broker = snapshot.broker(index);
        if matches!(broker.state, BrokerState::Down | BrokerState::Dead) {
            continue;
        }
        let cores = broker.cpu_cores.map(|cores| cores as u64).filter(|cores| *cores > 0);
        let hardware = Hardware { cores, disks: u64::from(broker.log_dir_count) };
        classes.entry(hardware).or_default().push(index);
    }
    classes
}

/// The brokers that `rule` advises alike, by what it advises, with the hardware of the first.
fn by_advised(
    rule: &NumberRule,
    classes: &BTreeMap<Hardware, Vec<BrokerIdx>>,
) -> BTreeMap<u64, (Hardware, Vec<BrokerIdx>)> {
    let mut alike: BTreeMap<u64, (Hardware, Vec<BrokerIdx>)> = BTreeMap::new();
    for (hardware, brokers) in classes {
        if let Some(advised) = (rule.advised)(hardware) {
            alike.entry(advised).or_insert((*hardware, Vec::new())).1.extend(brokers);
        }
    }
    alike.values_mut().for_each(|(_, brokers)| brokers.sort_unstable());
    alike
}

/// What a setting is on some brokers.
struct InForce {
    /// The different values.
    values: Vec<String>,
    /// How many of how many brokers it is known of.
    known: (usize, usize),
}

impl InForce {
    fn of(snapshot: &Snapshot, settings: Option<&BrokerSettings>, key: &str, brokers: &[BrokerIdx]) -> Self {
        let value = |b: &BrokerIdx| settings.and_then(|s| s.value(snapshot.broker(*b).id, key));
        let found: Vec<&str> = brokers.iter().filter_map(value).collect();
        let known = (found.len(), brokers.len());
        let values: BTreeSet<String> = found.into_iter().map(str::to_owned).collect();
        Self { values: values.into_iter().collect(), known }
    }

    /// Whether it is known of every broker and `wanted` of each.
    fn all(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.known.0 == self.known.1 && self.values.iter().all(|value| wanted(value))
    }

    fn value(&self) -> Option<Value> {
        let (known, all) = self.known;
        match self.values.as_slice() {
            [] => None,
            [one] if known == all => Some(one.parse().map_or_else(|_| Value::Text(one.clone()), Value::Number)),
            many if known == all => Some(Value::Text(many.join(", "))),
            many => Some(Value::Text(format!("{} on {known} of {all}", many.join(", ")))),
        }
    }
}

fn number(
    snapshot: &Snapshot,
    settings: Option<&BrokerSettings>,
    rule: &NumberRule,
    advised: u64,
    (hardware, brokers): (Hardware, &[BrokerIdx]),
    advice: &mut Advice,
) {
    let now = InForce::of(snapshot, settings, rule.setting, brokers);
    let least = now.values.iter().filter_map(|v| v.parse::<u64>().ok()).min();
    let from = least.unwrap_or(rule.default);
    if advised <= from {
        return;
    }
    let is_all = brokers.len() == snapshot.brokers.len();
    let default = rule.default;
    let known = if now.values.is_empty() {
        format!("; what is in force is not known, Kafka's default is {default}")
    } else {
        String::new()
    };
    let doubled = if rule.is_dynamic && advised > from * 2 { "; a change may double threads at most" } else { "" };
    advice.findings.push(Finding {
        setting: rule.setting,
        subject: if is_all { "all brokers".to_owned() } else { broker_list(snapshot, brokers) },
        now: now.value(),
        advised: Value::Number(advised),
        why: format!("{} with {}{known}{doubled}", rule.rule, hardware.in_words()),
        unless: rule.unless.to_owned(),
        source: VIVO,
        command: Some(if rule.is_dynamic {
            steps(snapshot, rule.setting, from, advised, brokers, is_all)
        } else {
            format!("server.properties: {}={advised}, then restart the brokers one by one", rule.setting)
        }),
    });
}

impl Hardware {
    fn in_words(self) -> String {
        let cores = self.cores.map_or_else(|| "unknown cores".to_owned(), |cores| format!("{cores} cores"));
        format!("{cores} and {} log dir{}", self.disks, if self.disks == 1 { "" } else { "s" })
    }
}

/// The commands that raise a dynamic setting. Brokers refuse to change a thread pool to more than twice what it is
/// (`DynamicThreadPool.validateReconfiguration`), so that large changes go in steps.
fn steps(snapshot: &Snapshot, setting: &str, from: u64, to: u64, brokers: &[BrokerIdx], all: bool) -> String {
    let mut values = Vec::new();
    let mut value = from.max(1);
    while value < to {
        value = value.saturating_mul(2).min(to);
        values.push(value);
    }
    let set = |value: &u64, whom: &str| {
        format!("kafka-configs {BOOTSTRAP} --alter --entity-type brokers {whom} --add-config {setting}={value}")
    };
    if all {
        return values.iter().map(|v| set(v, "--entity-default")).collect::<Vec<_>>().join(" && ");
    }
    let ids: Vec<String> = brokers.iter().map(|b| snapshot.broker(*b).id.to_string()).collect();
    let body: Vec<String> = values.iter().map(|v| set(v, "--entity-name \"$id\"")).collect();
    format!("for id in {}; do {}; done", ids.join(" "), body.join(" && "))
}

fn leader_rebalance(snapshot: &Snapshot, settings: Option<&BrokerSettings>, all: &[BrokerIdx]) -> Option<Finding> {
    let now = InForce::of(snapshot, settings, "auto.leader.rebalance.enable", all);
    if now.all(|value| value == "false") {
        return None;
    }
    Some(Finding {
        setting: "auto.leader.rebalance.enable",
        subject: "all brokers".to_owned(),
        now: now.value(),
        advised: "false".into(),
        why: "Kafka's default is true: every five minutes leadership returns to preferred leaders by itself, in the midst of \
              the day and of a plan that is being carried out"
            .to_owned(),
        unless: "nobody elects preferred leaders after a restart: plans and runbooks of evenkeel do".to_owned(),
        source: VIVO,
        command: Some("server.properties: auto.leader.rebalance.enable=false, then restart the brokers one by one".to_owned()),
    })
}

fn compression(snapshot: &Snapshot, settings: Option<&BrokerSettings>, all: &[BrokerIdx]) -> Option<Finding> {
    let now = InForce::of(snapshot, settings, "compression.type", all);
    if now.all(|value| value != "producer" && value != "uncompressed") {
        return None;
    }
    Some(Finding {
        setting: "compression.type",
        subject: "all brokers".to_owned(),
        now: now.value(),
        advised: "lz4".into(),
        why: "what producers send uncompressed is otherwise stored, replicated and read uncompressed; lz4 costs least cpu for \
              what it saves"
            .to_owned(),
        unless: "producers compress already: brokers would compress again what comes in another codec. Better still, set \
                 compression.type=lz4 in the producers and leave the brokers at producer"
            .to_owned(),
        source: VIVO,
        command: Some(format!(
            "kafka-configs {BOOTSTRAP} --alter --entity-type brokers --entity-default --add-config compression.type=lz4"
        )),
    })
}

fn note_absent(
    snapshot: &Snapshot,
    settings: Option<&BrokerSettings>,
    classes: &BTreeMap<Hardware, Vec<BrokerIdx>>,
    advice: &mut Advice,
) {
    let list = |wanted: fn(&Hardware) -> bool| -> Vec<BrokerIdx> {
        classes
            .iter()
            .filter(|(hardware, _)| wanted(hardware))
            .flat_map(|(_, brokers)| brokers.iter().copied())
            .collect()
    };
    let (no_cores, no_disks) = (list(|h| h.cores.is_none()), list(|h| h.disks == 0));
    if !no_cores.is_empty() {
        let why = format!("cpu_cores is not known of {}", broker_list(snapshot, &no_cores));
        advice.absent("num.network.threads, num.replica.fetchers", why);
    }
    if !no_disks.is_empty() {
        advice
            .absent("num.io.threads", format!("no log dirs in the snapshot for {}", broker_list(snapshot, &no_disks)));
    }
    match settings {
        None => advice.absent(
            "now",
            "settings in force are not known: give the output of kafka-configs --describe --all with --configs",
        ),
        Some(settings) => {
            let all: Vec<BrokerIdx> = classes.values().flatten().copied().collect();
            let missing: Vec<BrokerIdx> = all
                .into_iter()
                .filter(|b| settings.value(snapshot.broker(*b).id, "num.io.threads").is_none())
                .collect();
            if !missing.is_empty() {
                let why = format!("not in the file of settings: {}", broker_list(snapshot, &missing));
                advice.absent("now", why);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::LogDirState;
    use crate::model::fixture::Fixture;

    fn cluster(cores: f64, disks: usize) -> Snapshot {
        let mut fixture =
            Fixture::default().broker(1, "", "", BrokerState::Alive).broker(2, "", "", BrokerState::Alive);
        for id in 1..=2 {
            for disk in 0..disks {
                fixture = fixture.dir(id, &format!("/d{disk}"), 1_000, LogDirState::Online, 0);
            }
        }
        let mut snapshot = fixture.build();
        snapshot.brokers.iter_mut().for_each(|b| b.cpu_cores = Some(cores));
        snapshot
    }

    fn advised(advice: &Advice, setting: &str) -> Option<Value> {
        advice.findings.iter().find(|f| f.setting == setting).map(|f| f.advised.clone())
    }

    #[test]
    fn threads_follow_cores_and_disks() {
        let advice = brokers(&cluster(32.0, 12), None);
        assert_eq!(advised(&advice, "num.network.threads"), Some(Value::Number(64)));
        assert_eq!(advised(&advice, "num.io.threads"), Some(Value::Number(24)));
        assert_eq!(advised(&advice, "num.replica.fetchers"), Some(Value::Number(8)));
        assert_eq!(advised(&advice, "queued.max.requests"), None, "the default is 500 already");
        assert_eq!(advised(&advice, "auto.leader.rebalance.enable"), Some("false".into()));
        let io = advice.findings.iter().find(|f| f.setting == "num.io.threads").unwrap();
        let command = io.command.clone().unwrap();
        assert!(command.contains("num.io.threads=16 && ") && command.ends_with("num.io.threads=24"), "{command}");
        assert!(io.now.is_none() && advice.not_evaluated.iter().any(|n| n.what == "now"));
    }

    #[test]
    fn a_rule_below_the_default_is_not_followed() {
        let advice = brokers(&cluster(1.0, 2), None);
        assert_eq!(advised(&advice, "num.io.threads"), None, "4 is less than 8");
        assert_eq!(advised(&advice, "num.network.threads"), None, "2 is less than 3");
    }

    #[test]
    fn what_is_in_force_counts_before_the_default() {
        let mut settings = BrokerSettings::default();
        for (key, value) in [
            ("num.network.threads", "64"),
            ("num.io.threads", "8"),
            ("queued.max.requests", "16"),
            ("auto.leader.rebalance.enable", "false"),
            ("compression.type", "zstd"),
        ] {
            settings.cluster.insert(key.to_owned(), value.to_owned());
        }
        let advice = brokers(&cluster(32.0, 12), Some(&settings));
        assert_eq!(advised(&advice, "num.network.threads"), None);
        assert_eq!(advised(&advice, "auto.leader.rebalance.enable"), None);
        assert_eq!(advised(&advice, "compression.type"), None);
        assert_eq!(advised(&advice, "queued.max.requests"), Some(Value::Number(500)));
        let io = advice.findings.iter().find(|f| f.setting == "num.io.threads").unwrap();
        assert_eq!(io.now, Some(Value::Number(8)));
    }

    #[test]
    fn unlike_machines_are_advised_apart() {
        let mut snapshot = cluster(32.0, 12);
        snapshot.brokers[1].cpu_cores = Some(16.0);
        let advice = brokers(&snapshot, None);
        let network: Vec<_> = advice.findings.iter().filter(|f| f.setting == "num.network.threads").collect();
        assert_eq!(network.len(), 2);
        assert!(network.iter().all(|f| f.command.as_deref().unwrap().starts_with("for id in ")));
        snapshot.brokers[1].cpu_cores = None;
        assert!(brokers(&snapshot, None).not_evaluated.iter().any(|n| n.what.contains("num.network.threads")));
    }
}
