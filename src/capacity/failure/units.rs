//! What can fail, and which replicas go with it: the tables that every case of failures is counted on.
//!
//! What has failed already stays failed in every case: replicas on `down` and `dead` brokers and on offline log dirs.
//! Those brokers and dirs are no longer drawn. A draining broker still serves, and is.

use crate::model::{BrokerIdx, LogDirIdx, PartitionIdx, Snapshot};

/// What fails as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// A broker with all its log dirs.
    Broker,
    /// One log dir, as a rule a disk.
    LogDir,
    /// All brokers of a rack.
    Rack,
}

impl Domain {
    /// All domains, in the order in which cases name them.
    pub const ALL: [Self; 3] = [Self::Broker, Self::LogDir, Self::Rack];

    /// The name used in files: the plural, as the flag has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Broker => "brokers",
            Self::LogDir => "log_dirs",
            Self::Rack => "racks",
        }
    }

    /// One of them in words.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::LogDir => "log dir",
            Self::Rack => "rack",
        }
    }
}

/// How many of a domain fail at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Of what.
    pub domain: Domain,
    /// How many fail.
    pub take: usize,
    /// Of how many in service.
    pub of: usize,
}

/// Partitions by what has become of them. One that is lost is offline and under min ISR too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// Every replica is on what failed. First, since it counts most in comparisons.
    pub lost: u64,
    /// Every in-sync replica is.
    pub offline: u64,
    /// Fewer in-sync replicas than `min.insync.replicas` are left.
    pub under_min_isr: u64,
}

impl Tally {
    /// Lost, offline, under min ISR.
    #[must_use]
    pub fn figures(&self) -> [u64; 3] {
        [self.lost, self.offline, self.under_min_isr]
    }
}

/// What the replicas of one partition amount to, some gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remains {
    pub(super) replicas: u32,
    pub(super) in_sync: u32,
}

impl Remains {
    /// Whether the partition is lost, offline, under min ISR.
    pub(super) fn verdict(self, min_isr: u32) -> [bool; 3] {
        [self.replicas == 0, self.in_sync == 0, self.in_sync < min_isr]
    }
}

/// A replica that stands before anything more fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The units that it goes with, one per draw.
    pub(super) units: [Option<u32>; 3],
    /// Whether it may lead.
    pub(super) is_in_sync: bool,
}

/// One thing that can fail.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// `broker 5`, `log dir 5:/d1`, `rack a`.
    pub(super) name: String,
    /// What it is.
    pub(super) domain: Domain,
    /// Its row among the snapshot's brokers, log dirs or racks.
    pub(super) row: usize,
    /// The replicas that go with it, by row, ascending; those gone already are left out.
    pub(super) replicas: Vec<u32>,
}

/// Kafka's default of `min.insync.replicas`, for topics whose setting the snapshot does not hold.
pub(super) const MIN_ISR_DEFAULT: u32 = 1;

/// The tables. Unit numbers are offsets into `units`: brokers first, then log dirs, then racks.
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    /// By domain asked for: the number of its first unit, and the draw.
    pub(super) draws: Vec<(u32, Draw)>,
    /// By replica, whether it stands before anything more fails.
    pub(super) standing: Vec<bool>,
    /// By replica, its partition.
    pub(super) partition_of: Vec<u32>,
    /// By replica, whether it is in sync.
    pub(super) in_sync: Vec<bool>,
    /// By replica, the units that it goes with, one per domain of `draws`.
    pub(super) units_of: Vec<[Option<u32>; 3]>,
    /// By partition, what stands before anything more fails.
    pub(super) remains: Vec<Remains>,
    /// By partition.
    pub(super) min_isr: Vec<u32>,
    /// How the partitions stand before anything more fails.
    pub(super) before: Tally,
    /// Standing replicas whose log dir is unknown: no log dir takes them along.
    pub(super) without_dir: u64,
}

/// Whether the replica in `row` stands: its broker is in service and its log dir, if known, too.
fn stands(snapshot: &Snapshot, row: usize) -> bool {
    let replica = &snapshot.replicas[row];
    is_in_service(snapshot, replica.broker.row())
        && replica.log_dir.is_none_or(|d| snapshot.log_dir(d).state.is_serving())
}

/// Whether the broker in `row` answers: `alive`, `new` or `draining`.
pub(super) fn is_in_service(snapshot: &Snapshot, row: usize) -> bool {
    use crate::model::BrokerState;
    !matches!(snapshot.brokers[row].state, BrokerState::Down | BrokerState::Dead)
}

impl Units {
    /// The tables of `snapshot` for draws of `asked` (domain, how many), domains in order and each once.
    pub(super) fn of(snapshot: &Snapshot, asked: &[(Domain, usize)]) -> Self {
        let replicas = snapshot.replicas.len();
        let mut tables = Self {
            units: Vec::new(),
            draws: Vec::new(),
            standing: (0..replicas).map(|row| stands(snapshot, row)).collect(),
            partition_of: vec![0; replicas],
            in_sync: snapshot.replicas.iter().map(|r| r.in_sync).collect(),
            units_of: vec![[None; 3]; replicas],
            remains: Vec::with_capacity(snapshot.partitions.len()),
            min_isr: Vec::with_capacity(snapshot.partitions.len()),
            before: Tally::default(),
            without_dir: 0,
        };
        tables.add_partitions(snapshot);
        for (slot, &(domain, take)) in asked.iter().enumerate() {
            tables.add_domain(snapshot, slot, domain, take);
        }
        tables
    }

    /// The same tables with other numbers of failures; `takes` has one per draw.
    pub(super) fn set_takes(&mut self, takes: &[usize]) {
        for ((_, draw), take) in self.draws.iter_mut().zip(takes) {
            draw.take = *take;
        }
    }

    fn add_partitions(&mut self, snapshot: &Snapshot) {
        for partition in snapshot.partition_indices() {
            let row = snapshot.partition(partition);
            let mut remains = Remains::default();
            for replica in row.replica_rows() {
                self.partition_of[replica] = number(partition.row());
                if self.standing[replica] {
                    remains.replicas += 1;
                    remains.in_sync += u32::from(self.in_sync[replica]);
                    self.without_dir += u64::from(snapshot.replicas[replica].log_dir.is_none());
                }
            }
            let min_isr = snapshot.topic(row.topic).min_insync_replicas.unwrap_or(MIN_ISR_DEFAULT);
            let [lost, offline, under] = remains.verdict(min_isr).map(u64::from);
            self.before.lost += lost;
            self.before.offline += offline;
            self.before.under_min_isr += under;
            self.remains.push(remains);
            self.min_isr.push(min_isr);
        }
    }

    fn add_domain(&mut self, snapshot: &Snapshot, slot: usize, domain: Domain, take: usize) {
        let first = self.units.len();
        // By row of the domain's table, the unit.
        let unit_of_row = self.add_units(snapshot, domain);
        for (row, replica) in snapshot.replicas.iter().enumerate().filter(|(row, _)| self.standing[*row]) {
            let table_row = match domain {
                Domain::Broker => Some(replica.broker.row()),
                Domain::LogDir => replica.log_dir.map(LogDirIdx::row),
                Domain::Rack => snapshot.broker(replica.broker).rack.map(crate::model::RackIdx::row),
            };
            let unit = table_row.and_then(|table_row| unit_of_row.get(table_row).copied().flatten());
            self.units_of[row][slot] = unit;
            if let Some(unit) = unit {
                self.units[unit as usize].replicas.push(number(row));
            }
        }
        let of = self.units.len() - first;
        self.draws.push((number(first), Draw { domain, take, of }));
    }

    /// Adds the units of `domain` that are in service.
    fn add_units(&mut self, snapshot: &Snapshot, domain: Domain) -> Vec<Option<u32>> {
        let in_service = |broker: usize| is_in_service(snapshot, broker);
        let names: Vec<Option<String>> = match domain {
            Domain::Broker => {
                let name = |row: usize| in_service(row).then(|| format!("broker {}", snapshot.brokers[row].id));
                (0..snapshot.brokers.len()).map(name).collect()
            }
            Domain::LogDir => {
                let serves = |d: &crate::model::LogDir| d.state.is_serving() && in_service(d.broker.row());
                let name = |d: &crate::model::LogDir| format!("log dir {}:{}", snapshot.broker(d.broker).id, d.path);
                snapshot.log_dirs.iter().map(|d| serves(d).then(|| name(d))).collect()
            }
            Domain::Rack => {
                let has_broker = |rack: usize| {
                    let mut brokers = snapshot.brokers.iter().enumerate();
                    brokers.any(|(row, b)| b.rack.is_some_and(|r| r.row() == rack) && in_service(row))
                };
                let name = |(row, name): (usize, &String)| has_broker(row).then(|| format!("rack {name}"));
                snapshot.racks.iter().enumerate().map(name).collect()
            }
        };
        let mut unit_of_row = vec![None; names.len()];
        for (row, name) in names.into_iter().enumerate() {
            if let Some(name) = name {
                unit_of_row[row] = Some(number(self.units.len()));
                self.units.push(Unit { name, domain, row, replicas: Vec::new() });
            }
        }
        unit_of_row
    }

    /// The standing replicas of `partition`, in position order.
    pub(super) fn standing_of(&self, snapshot: &Snapshot, partition: PartitionIdx) -> Vec<Standing> {
        let rows = snapshot.partition(partition).replica_rows().filter(|row| self.standing[*row]);
        rows.map(|row| Standing { units: self.units_of[row], is_in_sync: self.in_sync[row] }).collect()
    }

    /// The units that the standing replicas of `partition` go with, ascending, each once.
    pub(super) fn touched(&self, snapshot: &Snapshot, partition: PartitionIdx) -> Vec<u32> {
        touched_by(&self.standing_of(snapshot, partition))
    }

    /// The unit of each draw that a replica on `broker`, on `dir` if that is known, goes with.
    pub(super) fn units_at(&self, snapshot: &Snapshot, broker: BrokerIdx, dir: Option<LogDirIdx>) -> [Option<u32>; 3] {
        let mut found = [None; 3];
        for (slot, (first, draw)) in found.iter_mut().zip(&self.draws) {
            let wanted = match draw.domain {
                Domain::Broker => Some(broker.row()),
                Domain::LogDir => dir.map(LogDirIdx::row),
                Domain::Rack => snapshot.broker(broker).rack.map(crate::model::RackIdx::row),
            };
            let own = self.units.get(*first as usize..*first as usize + draw.of).unwrap_or_default();
            // Units of a domain ascend by row.
            let at = wanted.and_then(|row| own.binary_search_by_key(&row, |unit| unit.row).ok());
            *slot = at.map(|offset| first + number(offset));
        }
        found
    }

    /// The draw that `unit` belongs to, as an offset into `draws`.
    pub(super) fn draw_of(&self, unit: u32) -> usize {
        self.draws.iter().rposition(|(first, _)| *first <= unit).unwrap_or(0)
    }

    /// The names of `units`.
    pub(super) fn names(&self, units: &[u32]) -> Vec<String> {
        units.iter().filter_map(|u| self.units.get(*u as usize)).map(|unit| unit.name.clone()).collect()
    }

    /// Replicas that go with `failed`, and one for each unit: the work of counting that case.
    pub(super) fn work_of(&self, failed: &[u32]) -> f64 {
        failed.iter().map(|unit| 1.0 + self.units[*unit as usize].replicas.len() as f64).sum()
    }

    /// Replicas that a case looks at, on average: the measure of its work.
    pub(super) fn work_per_case(&self) -> f64 {
        let of_draw = |(first, draw): &(u32, Draw)| {
            let units = &self.units[*first as usize..*first as usize + draw.of];
            let replicas: usize = units.iter().map(|u| u.replicas.len()).sum();
            draw.take as f64 * (replicas as f64 / draw.of.max(1) as f64).max(1.0)
        };
        self.draws.iter().map(of_draw).sum::<f64>().max(1.0)
    }
}

/// The units that `replicas` go with, ascending, each once.
pub(super) fn touched_by(replicas: &[Standing]) -> Vec<u32> {
    let mut touched: Vec<u32> = replicas.iter().flat_map(|r| r.units.into_iter().flatten()).collect();
    touched.sort_unstable();
    touched.dedup();
    touched
}

/// What stands of `replicas` when the units that `failed` is true of fail.
pub(super) fn remains_without(replicas: &[Standing], failed: impl Fn(u32) -> bool) -> Remains {
    let mut remains = Remains::default();
    for replica in replicas.iter().filter(|r| !r.units.into_iter().flatten().any(&failed)) {
        remains.replicas += 1;
        remains.in_sync += u32::from(replica.is_in_sync);
    }
    remains
}

/// A row as it is stored; tables have fewer rows than 2^32 (ingestion refuses more).
pub(super) fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// Counts cases one after the other in memory that is used again.
pub(super) struct Counter<'a> {
    units: &'a Units,
    /// Whether a replica can go with two units of a case.
    overlaps: bool,
    case: u32,
    seen_replica: Vec<u32>,
    seen_partition: Vec<u32>,
    gone: Vec<Remains>,
    touched: Vec<u32>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(units: &'a Units) -> Self {
        let overlaps = units.draws.len() > 1;
        Self {
            units,
            overlaps,
            case: 0,
            seen_replica: vec![0; if overlaps { units.standing.len() } else { 0 }],
            seen_partition: vec![0; units.remains.len()],
            gone: vec![Remains::default(); units.remains.len()],
            touched: Vec::new(),
        }
    }

    /// How the partitions stand when `failed` fail.
    pub(super) fn count(&mut self, failed: &[u32]) -> Tally {
        self.next_case();
        let units = self.units;
        for &unit in failed {
            for &replica in &units.units[unit as usize].replicas {
                let replica = replica as usize;
                if self.overlaps {
                    if self.seen_replica[replica] == self.case {
                        continue;
                    }
                    self.seen_replica[replica] = self.case;
                }
                let partition = units.partition_of[replica] as usize;
                if self.seen_partition[partition] != self.case {
                    self.seen_partition[partition] = self.case;
                    self.gone[partition] = Remains::default();
                    self.touched.push(number(partition));
                }
                self.gone[partition].replicas += 1;
                self.gone[partition].in_sync += u32::from(units.in_sync[replica]);
            }
        }
        let mut figures = units.before.figures();
        for &partition in &self.touched {
            let row = partition as usize;
            let (old, gone) = (units.remains[row], self.gone[row]);
            let left = Remains { replicas: old.replicas - gone.replicas, in_sync: old.in_sync - gone.in_sync };
            let (was, is) = (old.verdict(units.min_isr[row]), left.verdict(units.min_isr[row]));
            for ((figure, was), is) in figures.iter_mut().zip(was).zip(is) {
                *figure += u64::from(is && !was);
            }
        }
        let [lost, offline, under_min_isr] = figures;
        Tally { lost, offline, under_min_isr }
    }

    fn next_case(&mut self) {
        self.touched.clear();
        if self.case == u32::MAX {
            self.case = 0;
            self.seen_replica.fill(0);
            self.seen_partition.fill(0);
        }
        self.case += 1;
    }
}
