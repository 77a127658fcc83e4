//! Quotas from what clients do today.
//!
//! Kafka's quotas are bytes per second **and broker**: a client may use its quota on each broker that it talks to. What
//! it needs is the most that it moves through any one, times a headroom. `clients.csv` has a client's total over the
//! cluster, not which partitions it uses, so that the busiest broker's share is taken from all traffic: the share of
//! everything written (read) that the broker with most of it leads. Names and levels are those of Kafka's documentation,
//! "Quotas" and "Setting quotas".

use std::collections::BTreeSet;
use std::fmt::Write as _;

pub use super::in_force::InForce;
use super::{Advice, BOOTSTRAP, Finding, Value, quoted};
use crate::model::clients::{Client, ClientIdentity};
pub use crate::model::clients::{Entity, Part};
use crate::model::settings::BrokerSettings;
use crate::model::{BrokerState, Policy, Snapshot, Statistic, human};

/// Above the peak, so that a quota stops a runaway client and not an ordinary day.
pub const HEADROOM: f64 = 1.3;

const SOURCE: &str = "Kafka documentation, Quotas: per broker, by user and client id; peak × 1.3";

/// Kafka's defaults of `num.io.threads` and `num.network.threads`.
const THREADS: [(&str, u64); 2] = [("num.io.threads", 8), ("num.network.threads", 3)];

/// The entities whose quota may bind a connection of `user` as `client_id`, in Kafka's order: the first that has a quota
/// binds, the others do not count.
#[must_use]
pub fn precedence(user: &str, client_id: &str) -> [Entity; 8] {
    let named = |name: &str| Part::Named(name.to_owned());
    let entity = |user: Part, client_id: Part| Entity { user, client_id };
    [
        entity(named(user), named(client_id)),
        entity(named(user), Part::Default),
        entity(named(user), Part::Absent),
        entity(Part::Default, named(client_id)),
        entity(Part::Default, Part::Default),
        entity(Part::Default, Part::Absent),
        entity(Part::Absent, named(client_id)),
        entity(Part::Absent, Part::Default),
    ]
}

/// Whose quota binds a connection of `user` as `client_id` where `quotas` have one.
#[must_use]
pub fn binding(quotas: &BTreeSet<Entity>, user: &str, client_id: &str) -> Option<Entity> {
    precedence(user, client_id).into_iter().find(|entity| quotas.contains(entity))
}

impl Entity {
    /// The entity that a row of `clients.csv` is for; a row without names is for everybody else.
    #[must_use]
    pub fn of(identity: &ClientIdentity) -> Self {
        let part = |name: &Option<String>| name.clone().map_or(Part::Absent, Part::Named);
        let (user, client_id) = (part(&identity.user), part(&identity.client_id));
        match (&user, &client_id) {
            (Part::Absent, Part::Absent) => Self { user, client_id: Part::Default },
            _ => Self { user, client_id },
        }
    }

    /// In words: `user etl, client id loader`.
    #[must_use]
    pub fn name(&self) -> String {
        let part = |noun: &str, part: &Part| match part {
            Part::Named(name) => Some(format!("{noun} {name}")),
            Part::Default => Some(format!("every other {noun}")),
            Part::Absent => None,
        };
        let parts = [part("user", &self.user), part("client id", &self.client_id)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The place among [`precedence`]'s, 1–8.
    #[must_use]
    pub fn level(&self) -> u8 {
        match (&self.user, &self.client_id) {
            (Part::Named(_), Part::Named(_)) => 1,
            (Part::Named(_), Part::Default) => 2,
            (Part::Named(_), Part::Absent) => 3,
            (Part::Default, Part::Named(_)) => 4,
            (Part::Default, Part::Default) => 5,
            (Part::Default, Part::Absent) => 6,
            (Part::Absent, Part::Named(_)) => 7,
            (Part::Absent, Part::Default | Part::Absent) => 8,
        }
    }

    fn flags(&self) -> String {
        let flag = |kind: &str, part: &Part| match part {
            Part::Named(name) => Some(format!("--entity-type {kind} --entity-name {}", quoted(name))),
            Part::Default => Some(format!("--entity-type {kind} --entity-default")),
            Part::Absent => None,
        };
        let parts = [flag("users", &self.user), flag("clients", &self.client_id)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Quotas by client.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaAdvice {
    /// Findings.
    pub advice: Advice,
    /// The share of what is written (read) that the busiest broker leads; none without brokers in service.
    pub busiest_share: [Option<f64>; 2],
    /// Σ quotas ÷ (limit · capacity) of the smallest broker, for producing against network in and consuming against
    /// network out: above 1 the quotas together let through more than a broker carries. None where a capacity is missing.
    pub oversubscription: [Option<f64>; 2],
    /// What `request_percentage` is a share of: (num.io.threads + num.network.threads) · 100; none where the settings are
    /// not known.
    pub request_percentage_total: Option<u64>,
}

/// Producing and consuming: the setting, what the client does, what is done to its traffic.
const SIDES: [(&str, &str, &str); 2] =
    [("producer_byte_rate", "writes", "written"), ("consumer_byte_rate", "reads", "read")];

/// Advises quotas for `clients`; `headroom` multiplies what they use, [`HEADROOM`] as a rule.
#[must_use]
pub fn quotas(
    snapshot: &Snapshot,
    policy: &Policy,
    clients: &[Client],
    in_force: InForce<'_>,
    settings: Option<&BrokerSettings>,
    headroom: f64,
) -> QuotaAdvice {
    let mut advice = Advice::default();
    let busiest_share = [0, 1].map(|side| busiest_share(snapshot, side));
    let mut sums = [0.0; 2];
    let has_users = clients.iter().any(|c| c.identity.user.is_some());
    let mut by_level: Vec<(Entity, &Client)> = clients.iter().map(|c| (Entity::of(&c.identity), c)).collect();
    by_level.sort_by_key(|(entity, _)| (entity.level(), entity.clone()));
    for (entity, client) in by_level {
        let rates = [client.produce_bytes_per_sec, client.consume_bytes_per_sec];
        for (side, rate) in rates.into_iter().enumerate().filter(|(_, rate)| *rate > 0.0) {
            let Some(share) = busiest_share[side] else { continue };
            let quota = (rate * share * headroom).ceil();
            sums[side] += quota;
            let bound = in_force.binding(&client.identity, side);
            if bound.as_ref().is_some_and(|(rate, whose)| *whose == entity && rate.ceil() == quota) {
                continue;
            }
            let mut why = why(&entity, client, side, share, headroom, has_users);
            if let Some((_, whose)) = bound.as_ref().filter(|(_, whose)| *whose != entity) {
                let _ = write!(why, ". Today the quota of {} binds it", whose.name());
            }
            let unlimited = || in_force.is_known().then(|| Value::from("unlimited"));
            advice.findings.push(Finding {
                setting: SIDES[side].0,
                subject: entity.name(),
                now: bound.map(|(rate, _)| Value::Number(rate.round() as u64)).or_else(unlimited),
                advised: Value::Number(quota as u64),
                why,
                unless: format!(
                    "its topics are led by fewer brokers than the rest: up to {} where one broker leads them all",
                    human::rate(rate * headroom)
                ),
                source: SOURCE,
                command: Some(command(snapshot, &entity, SIDES[side].0, quota as u64)),
            });
        }
    }
    note_absent(snapshot, clients, in_force, &mut advice);
    let oversubscription = oversubscription(snapshot, policy, sums, &mut advice);
    let request_percentage_total = request_percentage_total(snapshot, settings);
    if request_percentage_total.is_none() {
        advice.absent(
            "request_percentage_total",
            "the brokers' num.io.threads and num.network.threads are not known: give --configs",
        );
    }
    QuotaAdvice { advice, busiest_share, oversubscription, request_percentage_total }
}

/// The share of what is written (side 0) or read (1) that the broker leading most of it leads; an even share among the
/// brokers in service where no traffic is known.
fn busiest_share(snapshot: &Snapshot, side: usize) -> Option<f64> {
    let mut led = vec![0.0; snapshot.brokers.len()];
    for partition in &snapshot.partitions {
        if let Some(leader) = partition.leader {
            led[leader.row()] += [partition.bytes_in_per_sec, partition.bytes_out_per_sec][side];
        }
    }
    let total: f64 = led.iter().sum();
    if total > 0.0 {
        return Some(led.into_iter().fold(0.0, f64::max) / total);
    }
    let serving = snapshot.brokers.iter().filter(|b| !matches!(b.state, BrokerState::Down | BrokerState::Dead)).count();
    (serving > 0).then(|| 1.0 / serving as f64)
}

fn why(entity: &Entity, client: &Client, side: usize, share: f64, headroom: f64, has_users: bool) -> String {
    let rate = [client.produce_bytes_per_sec, client.consume_bytes_per_sec][side];
    let mut why = format!(
        "it {} {} over the cluster; the busiest broker leads {:.1} % of all that is {}, which makes {}, times {headroom}. Level \
         {} of 8 in Kafka's precedence",
        SIDES[side].1,
        human::rate(rate),
        share * 100.0,
        SIDES[side].2,
        human::rate(rate * share),
        entity.level()
    );
    if entity.level() >= 7 && has_users {
        why.push_str("; it does not bind users who have a quota of their own, nor anybody once users have a default");
    }
    if client.throttle_ms.is_some_and(|ms| ms > 0.0) {
        why.push_str(". It is throttled today, so that it would use more than was measured");
    }
    why
}

fn command(snapshot: &Snapshot, entity: &Entity, setting: &str, quota: u64) -> String {
    let at = if before_2_6(snapshot) { "--zookeeper \"$ZOOKEEPER\"" } else { BOOTSTRAP };
    format!("kafka-configs {at} --alter --add-config {setting}={quota} {}", entity.flags())
}

/// Whether the brokers are older than 2.6, which first takes quotas over the brokers' own protocol (KIP-546).
fn before_2_6(snapshot: &Snapshot) -> bool {
    let Some(version) = &snapshot.cluster.kafka_version else { return false };
    let mut parts = version.split(['.', '-']).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (2, 6),
        _ => false,
    }
}

fn note_absent(snapshot: &Snapshot, clients: &[Client], in_force: InForce<'_>, advice: &mut Advice) {
    if !in_force.is_known() {
        advice.absent("now", "no quotas.csv says which quotas are in force; kafka-configs --describe lists them");
    }
    advice.absent(
        "partitions of each client",
        "clients.csv has totals: the busiest broker's share of all traffic stands in",
    );
    let statistic = snapshot.cluster.window.as_ref().map(|window| window.statistic);
    if !matches!(statistic, Some(Statistic::P99 | Statistic::Max)) {
        let is = statistic.map_or_else(|| "an unknown statistic".to_owned(), |s| format!("the {}", s.name()));
        advice.absent(
            "p99 by client",
            format!("rates are taken to be {is}, as the snapshot's are; quotas want p99 or max"),
        );
    }
    let throttled: Vec<String> = clients
        .iter()
        .filter(|c| c.throttle_ms.is_some_and(|ms| ms > 0.0))
        .map(|c| Entity::of(&c.identity).name())
        .collect();
    if !throttled.is_empty() {
        advice.absent(
            "demand of throttled clients",
            format!("throttled while they were measured: {}", throttled.join("; ")),
        );
    }
    advice.absent("request_percentage by client", "clients.csv has no request times");
    if !clients.iter().any(|c| c.identity == ClientIdentity::default()) {
        advice.absent("quota of everybody else", "clients.csv has no row without user and client_id to take it from");
    }
}

fn oversubscription(snapshot: &Snapshot, policy: &Policy, sums: [f64; 2], advice: &mut Advice) -> [Option<f64>; 2] {
    let active = || snapshot.brokers.iter().filter(|b| b.state.is_active());
    let least = |capacities: Vec<Option<f64>>| {
        let known: Option<Vec<f64>> = capacities.into_iter().collect();
        known?.into_iter().reduce(f64::min)
    };
    let capacity = [
        least(active().map(|b| b.network_in_capacity_bytes_per_sec).collect()),
        least(active().map(|b| b.network_out_capacity_bytes_per_sec).collect()),
    ];
    let limit = [policy.limits.network_in, policy.limits.network_out];
    let names = ["oversubscription.produce", "oversubscription.consume"];
    [0, 1].map(|side| {
        let Some(capacity) = capacity[side] else {
            advice.absent(names[side], "an active broker has no known network capacity");
            return None;
        };
        Some(sums[side] / (limit[side] * capacity))
    })
}

/// (io + network threads) · 100, the least over the brokers; none where a broker's are not known.
fn request_percentage_total(snapshot: &Snapshot, settings: Option<&BrokerSettings>) -> Option<u64> {
    let settings = settings?;
    let threads = |id: i32| -> Option<u64> {
        THREADS.iter().map(|(key, _)| settings.value(id, key).and_then(|v| v.parse::<u64>().ok())).sum()
    };
    let all: Option<Vec<u64>> = snapshot.brokers.iter().map(|b| threads(b.id)).collect();
    all?.into_iter().min().map(|threads| threads.saturating_mul(100))
}

/// What `request_percentage` is a share of with Kafka's default threads: 1,100.
#[must_use]
pub fn default_request_percentage_total() -> u64 {
    THREADS.iter().map(|(_, threads)| threads * 100).sum()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
pub(super) mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    pub(in crate::capacity::advise) fn cluster() -> Snapshot {
        let mut fixture = Fixture::default();
        for id in 1..=2 {
            fixture = fixture.broker(id, "", "", BrokerState::Alive).dir(id, "/d", 1_000, LogDirState::Online, 0);
        }
        let mut snapshot = fixture
            .partition(("t", 0), 1, (300.0, 100.0), &[(1, "/d", 10, true), (2, "/d", 10, true)])
            .partition(("t", 1), 2, (100.0, 100.0), &[(2, "/d", 10, true), (1, "/d", 10, true)])
            .build();
        for broker in &mut snapshot.brokers {
            broker.network_in_capacity_bytes_per_sec = Some(1_000.0);
        }
        snapshot
    }

    pub(in crate::capacity::advise) fn client(user: &str, client_id: &str, produce: f64, consume: f64) -> Client {
        let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let identity = ClientIdentity { user: name(user), client_id: name(client_id) };
        Client { identity, produce_bytes_per_sec: produce, consume_bytes_per_sec: consume, throttle_ms: None }
    }

    #[test]
    fn a_quota_is_the_busiest_brokers_share_of_the_peak_and_a_third() {
        let clients = [client("", "web", 0.0, 50.0), client("etl", "", 200.0, 0.0)];
        let found = quotas(&cluster(), &Policy::default(), &clients, InForce::new(None), None, HEADROOM);
        assert_eq!(found.busiest_share, [Some(0.75), Some(0.5)]);
        let advised: Vec<_> = found.advice.findings.iter().map(|f| (f.setting, f.advised.clone())).collect();
        // 200 · 0.75 · 1.3 = 195; 50 · 0.5 · 1.3 = 32.5.
        assert_eq!(advised, [("producer_byte_rate", Value::Number(195)), ("consumer_byte_rate", Value::Number(33))]);
        assert!((found.oversubscription[0].unwrap() - 195.0 / 800.0).abs() < 1e-12);
        assert_eq!(found.oversubscription[1], None, "no capacity out");
        assert!(found.advice.not_evaluated.iter().any(|n| n.what == "oversubscription.consume"));
        assert_eq!(
            found.advice.findings[0].command.as_deref(),
            Some(
                "kafka-configs --bootstrap-server \"$BOOTSTRAP\" --alter --add-config producer_byte_rate=195 \
                 --entity-type users --entity-name etl"
            )
        );
    }

    #[test]
    fn brokers_before_2_6_take_quotas_through_zookeeper() {
        let mut snapshot = cluster();
        for (version, zookeeper) in
            [("2.5.1", true), ("2.6.0", false), ("0.11.0", true), ("4.1.0", false), ("?", false)]
        {
            snapshot.cluster.kafka_version = Some(version.to_owned());
            let clients = [client("", "a b", 1.0, 0.0)];
            let found = quotas(&snapshot, &Policy::default(), &clients, InForce::new(None), None, HEADROOM);
            let command = found.advice.findings[0].command.clone().unwrap();
            assert_eq!(command.contains("--zookeeper"), zookeeper, "{version}");
            assert!(command.ends_with("--entity-type clients --entity-name 'a b'"), "{command}");
        }
    }

    #[test]
    fn kafkas_precedence_is_kept_in_all_its_eight_levels() {
        let levels = precedence("u", "c");
        assert_eq!(levels.each_ref().map(Entity::level), [1, 2, 3, 4, 5, 6, 7, 8]);
        let mut quotas: BTreeSet<Entity> = levels.iter().cloned().collect();
        for entity in &levels {
            assert_eq!(binding(&quotas, "u", "c").as_ref(), Some(entity));
            quotas.remove(entity);
        }
        assert_eq!(binding(&quotas, "u", "c"), None);
        // A default for users hides what clients were given by id.
        let both = BTreeSet::from([levels[5].clone(), levels[6].clone()]);
        assert_eq!(binding(&both, "u", "c"), Some(levels[5].clone()));
        assert_eq!(Entity::of(&ClientIdentity::default()).level(), 8);
    }

    #[test]
    fn request_time_is_a_share_of_all_threads() {
        assert_eq!(default_request_percentage_total(), 1_100);
        let mut settings = BrokerSettings::default();
        settings.cluster.insert("num.io.threads".to_owned(), "16".to_owned());
        let ask = |settings: &BrokerSettings| {
            quotas(&cluster(), &Policy::default(), &[], InForce::new(None), Some(settings), HEADROOM)
                .request_percentage_total
        };
        assert_eq!(ask(&settings), None);
        settings.cluster.insert("num.network.threads".to_owned(), "8".to_owned());
        assert_eq!(ask(&settings), Some(2_400));
    }
}
