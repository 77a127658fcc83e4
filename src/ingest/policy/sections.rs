//! The sections of a policy file, each written over the defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::parse_bytes;
use crate::ingest::codes;
use crate::ingest::toml_reader::{Bounds, TomlReader};
use crate::model::{Goal, Policy, TopicPartition, TopicPattern};

type Value<'t> = Spanned<DeValue<'t>>;

const KEYS: [&str; 11] = [
    "default_group",
    "excess_tolerance",
    "limits",
    "bands",
    "triggers",
    "floors",
    "weights",
    "topics",
    "brokers",
    "pin",
    "budget",
];
const LIMITS: [&str; 6] = ["disk", "network_in", "network_out", "cpu", "log_dir", "replicas_per_broker"];
const BANDS: [&str; 15] = [
    "disk",
    "network_in",
    "network_out",
    "cpu",
    "replicas",
    "leaders",
    "topic_spread",
    "topic_spread_slack",
    "log_dir",
    "log_dir_floor",
    "disk_writes",
    "log_dir_writes",
    "leaders_per_topic",
    "leaders_per_topic_slack",
    "scatter_width",
];

/// A share of a capacity: none at all would forbid everything, more than all of it nothing.
const LIMIT: Bounds = Bounds { min: 0.0, max: 1.0, above_min: true, below_max: false, words: "above 0 and at most 1" };
/// A band below its mean reaches down to nothing at 1.
const BAND: Bounds = Bounds { min: 0.0, max: 1.0, above_min: false, below_max: true, words: "at least 0 and below 1" };
/// Bands that have an upper edge alone. A thousand times the mean is as good as switched off, and keeps sums exact.
const ONE_SIDED: Bounds = Bounds { min: 0.0, max: 1000.0, above_min: false, below_max: false, words: "from 0 to 1000" };
const SHARE: Bounds = Bounds { min: 0.0, max: 1.0, above_min: false, below_max: false, words: "from 0 to 1" };
/// Weights compare goals: beyond a million to one nothing else would count.
const WEIGHT: Bounds = Bounds { min: 0.0, max: 1e6, above_min: false, below_max: false, words: "from 0 to 1000000" };

/// Writes what `root` says over `policy`.
pub(super) fn read<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("", root, &KEYS);
    if let Some(group) = root.get("default_group").and_then(|value| reader.string("default_group", value)) {
        policy.default_group = Some(group.trim().to_owned()).filter(|group| !group.is_empty());
    }
    set(&mut policy.excess_tolerance, root, "excess_tolerance", |key, value| reader.number(key, value, BAND));
    for (name, section) in [
        ("limits", limits as fn(&mut TomlReader<'t>, &DeTable<'t>, &mut Policy)),
        ("bands", bands),
        ("triggers", triggers),
        ("floors", floors),
        ("weights", weights),
        ("topics", topics),
        ("brokers", brokers),
        ("pin", pins),
        ("budget", budget),
    ] {
        if let Some(table) = root.get(name).and_then(|value| reader.table(name, value)) {
            section(reader, table, policy);
        }
    }
}

/// Replaces `target` by what `table` has under `key`, if that is sound.
fn set<'v, 't, T>(
    target: &mut T,
    table: &'v DeTable<'t>,
    key: &str,
    mut read: impl FnMut(&str, &'v Value<'t>) -> Option<T>,
) {
    if let Some(value) = table.get(key).and_then(|value| read(key, value)) {
        *target = value;
    }
}

fn limits<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("limits", table, &LIMITS);
    let limits = &mut policy.limits;
    for (target, key) in [
        (&mut limits.disk, "disk"),
        (&mut limits.network_in, "network_in"),
        (&mut limits.network_out, "network_out"),
        (&mut limits.cpu, "cpu"),
        (&mut limits.log_dir, "log_dir"),
    ] {
        set(target, table, key, |key, value| reader.number(&format!("limits.{key}"), value, LIMIT));
    }
    set(&mut limits.replicas_per_broker, table, "replicas_per_broker", |_, value| {
        count(reader, "limits.replicas_per_broker", value, 1)
    });
}

fn bands<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("bands", table, &BANDS);
    for goal in Goal::ALL.into_iter().filter(|goal| *goal != Goal::ScatterWidth) {
        set(policy.bands.of_mut(goal), table, goal.name(), |key, value| {
            reader.number(&format!("bands.{key}"), value, bounds(goal))
        });
    }
    set(&mut policy.bands.scatter_width, table, Goal::ScatterWidth.name(), |_, value| {
        count(reader, "bands.scatter_width", value, 0).map(f64::from)
    });
    set(&mut policy.bands.leaders_per_topic_slack, table, "leaders_per_topic_slack", |_, value| {
        count(reader, "bands.leaders_per_topic_slack", value, 0)
    });
    set(&mut policy.bands.topic_spread_slack, table, "topic_spread_slack", |_, value| {
        count(reader, "bands.topic_spread_slack", value, 0)
    });
    set(&mut policy.bands.log_dir_floor, table, "log_dir_floor", |_, value| {
        reader.number("bands.log_dir_floor", value, SHARE)
    });
}

/// What a goal's band may be: a share of the mean, on both sides of it or above it alone.
fn bounds(goal: Goal) -> Bounds {
    let is_one_sided = matches!(goal, Goal::TopicSpread | Goal::LeadersPerTopic) || goal.is_of_log_dirs();
    if is_one_sided { ONE_SIDED } else { BAND }
}

fn triggers<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    let goals = || Goal::ALL.into_iter().filter(|goal| goal.has_trigger());
    reader.check_keys("triggers", table, &goals().map(Goal::name).collect::<Vec<_>>());
    policy.triggers = BTreeMap::new();
    for goal in goals() {
        let Some(value) = table.get(goal.name()) else { continue };
        let key = format!("triggers.{}", goal.name());
        let trigger = match value.get_ref() {
            DeValue::String(word) if word == "never" => Some(f64::INFINITY),
            DeValue::String(_) => {
                reader.wrong_kind(&key, value, "a number or \"never\"");
                None
            }
            _ => reader.number(&key, value, bounds(goal)),
        };
        policy.triggers.extend(trigger.map(|trigger| (goal, trigger)));
    }
}

fn floors<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("floors", table, &Goal::UTILIZATIONS.map(Goal::name));
    policy.floors = BTreeMap::new();
    for goal in Goal::UTILIZATIONS {
        let key = format!("floors.{}", goal.name());
        let floor = table.get(goal.name()).and_then(|value| reader.number(&key, value, SHARE));
        policy.floors.extend(floor.map(|floor| (goal, floor)));
    }
}

fn weights<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("weights", table, &Goal::ALL.map(Goal::name));
    let mut found = BTreeMap::new();
    for goal in Goal::ALL {
        let key = format!("weights.{}", goal.name());
        if let Some(weight) = table.get(goal.name()).and_then(|value| reader.number(&key, value, WEIGHT)) {
            // A weight of 1 is what goals have without one: policies that mean the same are the same.
            if weight != 1.0 {
                found.insert(goal, weight);
            }
        }
    }
    policy.weights = found;
}

fn topics<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("topics", table, &["exclude", "frozen"]);
    set(&mut policy.exclude, table, "exclude", |_, value| patterns(reader, "topics.exclude", value));
    set(&mut policy.frozen, table, "frozen", |_, value| patterns(reader, "topics.frozen", value));
}

fn patterns<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>) -> Option<Vec<TopicPattern>> {
    let list = reader.list(key, value)?;
    let mut found = Vec::with_capacity(list.len());
    for item in list {
        let Some(text) = reader.string(&format!("a pattern of {key}"), item) else { continue };
        match TopicPattern::new(&text) {
            Ok(pattern) => found.push(pattern),
            Err(error) => {
                let message = format!("pattern {text:?} is not one: {error}");
                let help = "* stands for any run, ? for a character, [ab] for a class, {a,b} for alternatives";
                reader.error(item.span(), codes::POLICY_PATTERN, message, help);
            }
        }
    }
    Some(found)
}

fn brokers<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("brokers", table, &["no_receive"]);
    set(&mut policy.no_receive, table, "no_receive", |_, value| {
        let ids = ids(reader, "brokers.no_receive", value)?;
        Some(ids.into_iter().map(|(id, _)| id).collect())
    });
}

/// The broker ids in a list, with their places.
fn ids<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>) -> Option<Vec<(i32, Range<usize>)>> {
    let list = reader.list(key, value)?;
    let mut found = Vec::with_capacity(list.len());
    for item in list {
        let id = reader.whole(&format!("a broker id of {key}"), item, 0, i32::MAX as u64);
        found.extend(id.and_then(|id| i32::try_from(id).ok()).map(|id| (id, item.span())));
    }
    Some(found)
}

fn pins<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    policy.pin.clear();
    for (key, value) in table {
        let name: &str = key.get_ref();
        let Some(partition) = topic_partition(name) else {
            let message = format!("pin {name:?} is not of the form topic-partition");
            reader.error(key.span(), codes::POLICY_PIN_KEY, message, "write e.g. \"orders-0\" = [1, 2]");
            continue;
        };
        let Some(pinned) = ids(reader, &format!("pin.{name:?}"), value) else { continue };
        let mut seen = BTreeSet::new();
        for (id, span) in &pinned {
            if !seen.insert(*id) {
                let message = format!("pin {name:?} names broker {id} twice");
                reader.error(span.clone(), codes::POLICY_PIN_TWICE, message, "name each broker once");
            }
        }
        if policy.pin.contains_key(&partition) {
            let message = format!("pin {name:?} is for a partition that has one already");
            reader.error(key.span(), codes::POLICY_PIN_TWICE, message, "write all its brokers in one list");
        }
        policy.pin.insert(partition, pinned.into_iter().map(|(id, _)| id).collect());
    }
}

/// Splits at the last hyphen: topics' names hold hyphens, partitions' numbers do not.
fn topic_partition(name: &str) -> Option<TopicPartition> {
    let (topic, number) = name.rsplit_once('-')?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let partition = number.parse().ok().filter(|_| digits && !topic.is_empty())?;
    Some(TopicPartition { topic: topic.to_owned(), partition })
}

fn budget<'t>(reader: &mut TomlReader<'t>, table: &DeTable<'t>, policy: &mut Policy) {
    reader.check_keys("budget", table, &["max_moved_bytes", "max_moved_share", "max_moves"]);
    set(&mut policy.budget.max_moved_bytes, table, "max_moved_bytes", |_, value| {
        amount(reader, "budget.max_moved_bytes", value, "a size such as \"500GiB\"", |text| parse_bytes(text).ok())
    });
    set(&mut policy.budget.max_moved_share, table, "max_moved_share", |key, value| {
        if value.get_ref().as_str() == Some("unlimited") {
            return Some(None);
        }
        reader.number(&format!("budget.{key}"), value, SHARE).map(Some)
    });
    set(&mut policy.budget.max_moves, table, "max_moves", |_, value| {
        amount(reader, "budget.max_moves", value, "a whole number", |text| text.trim().parse().ok())
    });
}

/// A whole number, a string that `parse` takes, or "unlimited", which is none; the outer option is none where it is
/// neither.
fn amount<'t>(
    reader: &mut TomlReader<'t>,
    key: &str,
    value: &Value<'t>,
    wanted: &str,
    parse: impl Fn(&str) -> Option<u64>,
) -> Option<Option<u64>> {
    let Some(text) = value.get_ref().as_str() else {
        return match value.get_ref() {
            DeValue::Integer(_) => reader.whole(key, value, 0, u64::MAX).map(Some),
            _ => {
                reader.wrong_kind(key, value, &format!("{wanted} or \"unlimited\""));
                None
            }
        };
    };
    if text == "unlimited" {
        return Some(None);
    }
    let parsed = parse(text);
    if parsed.is_none() {
        let message = format!("{key} {text:?} is neither {wanted} nor \"unlimited\"");
        reader.error(value.span(), codes::POLICY_VALUE, message, format!("write {wanted}, or \"unlimited\""));
    }
    parsed.map(Some)
}

fn count<'t>(reader: &mut TomlReader<'t>, key: &str, value: &Value<'t>, min: u64) -> Option<u32> {
    let number = reader.whole(key, value, min, u64::from(u32::MAX))?;
    u32::try_from(number).ok()
}
