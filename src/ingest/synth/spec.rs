//! What a synthetic snapshot is asked to be, and why it cannot be.

use crate::model::band::rack_cap;

/// What to synthesize. Shares and utilizations are fractions (0–1).
#[derive(Clone, Debug, PartialEq)]
pub struct SynthSpec {
    /// Brokers that hold replicas; ids run from 1.
    pub brokers: u32,
    /// Partitions, hit exactly.
    pub partitions: u32,
    /// Topics; none for about one per sixteen partitions.
    pub topics: Option<u32>,
    /// Racks; 0 for brokers that name none.
    pub racks: u32,
    /// How unequal racks are: 0 equal, 0.5 the largest three times the smallest.
    pub rack_skew: f64,
    /// Resource groups; 0 or 1 for a cluster that names none.
    pub groups: u32,
    /// Log dirs per broker.
    pub log_dirs: u32,
    /// Replication factors and their weights among topics.
    pub replication: Vec<(u32, f64)>,
    /// Whether two in five brokers are machines of twice the size.
    pub heterogeneous: bool,
    /// Mean disk utilization.
    pub disk_utilization: f64,
    /// How far operation has driven placement off balance: 0 not at all, 1 badly.
    pub drift: f64,
    /// Empty `new` brokers beside `brokers`.
    pub expanded: u32,
    /// What is broken.
    pub faults: SynthFaults,
    /// Seed of every random choice.
    pub seed: u64,
}

/// How much of what is broken. Each partition gets at most one of the partition faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthFaults {
    /// Brokers that are gone.
    pub dead: u32,
    /// Brokers that must be emptied.
    pub draining: u32,
    /// Brokers that do not answer.
    pub down: u32,
    /// Failed log dirs of active brokers.
    pub offline_dirs: u32,
    /// Log dirs that take nothing new.
    pub cordoned: u32,
    /// Partitions with too many replicas in one rack.
    pub rack_violations: u32,
    /// Replicas on brokers of another group.
    pub wrong_group: u32,
    /// Partitions with a running reassignment.
    pub reassigning: u32,
    /// Partitions without a leader.
    pub no_leader: u32,
}

impl Default for SynthSpec {
    fn default() -> Self {
        Self {
            brokers: 12,
            partitions: 600,
            topics: None,
            racks: 3,
            rack_skew: 0.0,
            groups: 0,
            log_dirs: 1,
            replication: vec![(3, 1.0)],
            heterogeneous: false,
            disk_utilization: 0.45,
            drift: 0.3,
            expanded: 0,
            faults: SynthFaults::default(),
            seed: 0,
        }
    }
}

/// Why no snapshot can be synthesized.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SynthError {
    /// A figure is out of range.
    #[error("{what} is {value}, must be {allowed}")]
    OutOfRange {
        /// The figure, by its flag's name.
        what: &'static str,
        /// As given.
        value: String,
        /// What would do.
        allowed: String,
    },
    /// A group's brokers cannot hold a topic's replicas apart.
    #[error(
        "{brokers} brokers in {racks} racks of a group cannot hold {replication_factor} replicas apart, add brokers"
    )]
    GroupTooSmall {
        /// Brokers of the smallest group.
        brokers: usize,
        /// Racks they span.
        racks: usize,
        /// The largest replication factor.
        replication_factor: u32,
    },
    /// More of a fault is wanted than there is room for.
    #[error("{wanted} {fault} wanted, only {possible} possible here")]
    TooManyFaults {
        /// The fault, by its flag's name.
        fault: &'static str,
        /// As given.
        wanted: u32,
        /// How many fit.
        possible: u32,
    },
}

/// The most brokers that are synthesized: beyond the largest clusters known by an order of magnitude.
const MAX_BROKERS: u32 = 20_000;
/// The most partitions: their replicas stay within what the snapshot's tables index.
const MAX_PARTITIONS: u32 = 20_000_000;

impl SynthSpec {
    /// How many topics there will be.
    #[must_use]
    pub fn topic_count(&self) -> u32 {
        self.topics.unwrap_or_else(|| self.partitions.div_ceil(16)).clamp(1, self.partitions.max(1))
    }

    /// The largest replication factor asked for.
    #[must_use]
    pub fn max_replication(&self) -> u32 {
        self.replication.iter().map(|(factor, _)| *factor).max().unwrap_or(1)
    }

    /// Whether brokers and topics name groups.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.groups > 1
    }

    /// Checks every figure on its own; how they fit together shows while synthesizing.
    pub(super) fn validate(&self) -> Result<(), SynthError> {
        let count = |what, value: u32, least: u32, most: u32| {
            let allowed = || format!("{least} to {most}");
            (least..=most).contains(&value).then_some(()).ok_or_else(|| SynthError::OutOfRange {
                what,
                value: value.to_string(),
                allowed: allowed(),
            })
        };
        let share = |what, value: f64, most: f64| {
            ((0.0..=most).contains(&value)).then_some(()).ok_or_else(|| SynthError::OutOfRange {
                what,
                value: value.to_string(),
                allowed: format!("0 to {most}"),
            })
        };
        count("brokers", self.brokers, 1, MAX_BROKERS)?;
        count("expanded", self.expanded, 0, MAX_BROKERS)?;
        count("partitions", self.partitions, 1, MAX_PARTITIONS)?;
        count("racks", self.racks, 0, self.brokers)?;
        count("groups", self.groups, 0, self.brokers)?;
        count("log-dirs", self.log_dirs, 1, 64)?;
        if let Some(topics) = self.topics {
            count("topics", topics, 1, self.partitions)?;
        }
        share("rack-skew", self.rack_skew, 0.9)?;
        share("disk-utilization", self.disk_utilization, 0.9)?;
        share("drift", self.drift, 1.0)?;
        self.validate_replication()
    }

    fn validate_replication(&self) -> Result<(), SynthError> {
        let valid = |&(factor, weight): &(u32, f64)| factor > 0 && weight.is_finite() && weight > 0.0;
        if self.replication.is_empty() || !self.replication.iter().all(valid) {
            return Err(SynthError::OutOfRange {
                what: "replication",
                value: format!("{:?}", self.replication),
                allowed: "factors from 1 with weights above 0".to_owned(),
            });
        }
        Ok(())
    }
}

/// Whether brokers in racks of these sizes can hold `factor` replicas apart as the rack rule wants.
pub(super) fn can_hold(rack_sizes: &[usize], factor: usize) -> bool {
    let racks = rack_sizes.len();
    let cap = rack_cap(factor, racks);
    rack_sizes.iter().map(|&size| size.min(cap)).sum::<usize>() >= factor
}
