//! A cluster on its way: where replicas sit after each file that Kafka is given, kept by the judge alone.

use crate::ingest::kafka_files::ANY_LOG_DIR;
use crate::model::{BrokerIdx, LogDirIdx, PartitionIdx, Placement, Seat, Snapshot};

/// A replica and the bytes it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Where it sits.
    pub seat: Seat,
    /// Its size.
    pub size_bytes: u64,
}

/// What a file asks for one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The broker.
    pub broker: BrokerIdx,
    /// The dir; none for [`ANY_LOG_DIR`], an absent list, or a path that the broker does not have.
    pub log_dir: Option<LogDirIdx>,
}

/// The snapshot and what has been carried out since.
#[derive(Clone, Debug)]
pub struct State<'a> {
    snapshot: &'a Snapshot,
    /// By partition; none where it stands as in the snapshot.
    replicas: Vec<Option<Vec<Resident>>>,
    leaders: Vec<Option<BrokerIdx>>,
}

impl<'a> State<'a> {
    /// The snapshot itself.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            replicas: vec![None; snapshot.partitions.len()],
            leaders: snapshot.partitions.iter().map(|p| p.leader).collect(),
        }
    }

    /// The replicas of `partition`, in position order.
    #[must_use]
    pub fn residents(&self, partition: PartitionIdx) -> Vec<Resident> {
        if let Some(replicas) = &self.replicas[partition.row()] {
            return replicas.clone();
        }
        let rows = self.snapshot.replicas_of(partition).iter();
        rows.map(|r| Resident { seat: Seat { broker: r.broker, log_dir: r.log_dir }, size_bytes: r.size_bytes })
            .collect()
    }

    /// The seats of `partition`, in position order.
    #[must_use]
    pub fn seats(&self, partition: PartitionIdx) -> Vec<Seat> {
        self.residents(partition).iter().map(|r| r.seat).collect()
    }

    /// Who leads `partition`.
    #[must_use]
    pub fn leader(&self, partition: PartitionIdx) -> Option<BrokerIdx> {
        self.leaders[partition.row()]
    }

    /// Carries one entry out. A replica that stays on its broker keeps its dir unless another is named; a new one
    /// without a path counts to the broker alone. Returns what was copied: the fresh replicas and those on a new dir.
    pub fn reassign(&mut self, partition: PartitionIdx, wishes: &[Wish]) -> Vec<Resident> {
        let old = self.residents(partition);
        let new = self.residents_after(partition, wishes);
        let leader = self.leader(partition);
        let stays = leader.filter(|leader| new.iter().any(|r| r.seat.broker == *leader));
        let is_active = |b: &BrokerIdx| self.snapshot.broker(*b).state.is_active();
        // A partition without a leader has no replica that could be copied or elected: it stays without one.
        let next = || new.iter().map(|r| r.seat.broker).find(is_active);
        self.leaders[partition.row()] = leader.and_then(|_| stays.or_else(next));
        let copied = new.iter().filter(|r| !old.iter().any(|o| o.seat == r.seat)).copied().collect();
        self.replicas[partition.row()] = Some(new);
        copied
    }

    /// The seats that [`Self::reassign`] would lead to.
    #[must_use]
    pub fn seats_after(&self, partition: PartitionIdx, wishes: &[Wish]) -> Vec<Seat> {
        self.residents_after(partition, wishes).iter().map(|r| r.seat).collect()
    }

    fn residents_after(&self, partition: PartitionIdx, wishes: &[Wish]) -> Vec<Resident> {
        let old = self.residents(partition);
        let copy_bytes = self.snapshot.copy_size_bytes(partition);
        let one = |wish: &Wish| {
            let wanted = Seat { broker: wish.broker, log_dir: wish.log_dir };
            let on_seat = old.iter().find(|r| r.seat == wanted);
            match on_seat.or_else(|| old.iter().find(|r| r.seat.broker == wish.broker)) {
                Some(resident) if wish.log_dir.is_none() => *resident,
                stays => Resident { seat: wanted, size_bytes: stays.map_or(copy_bytes, |r| r.size_bytes) },
            }
        };
        wishes.iter().map(one).collect()
    }

    /// Takes over how `partition` stands in `other`, a state of the same snapshot.
    pub(super) fn take_over(&mut self, other: &Self, partition: PartitionIdx) {
        self.replicas[partition.row()].clone_from(&other.replicas[partition.row()]);
        self.leaders[partition.row()] = other.leaders[partition.row()];
    }

    /// Makes the first replica lead.
    pub fn elect(&mut self, partition: PartitionIdx) {
        if let Some(first) = self.seats(partition).first() {
            self.leaders[partition.row()] = Some(first.broker);
        }
    }

    /// The state as a placement.
    #[must_use]
    pub fn placement(&self) -> Placement {
        let mut placement = Placement::with_capacity(self.snapshot.partitions.len(), self.snapshot.replicas.len());
        for partition in self.snapshot.partition_indices() {
            placement.push(self.seats(partition), self.leader(partition));
        }
        placement
    }
}

/// Whether `path` names a dir, rather than leaving it to the broker.
#[must_use]
pub fn is_path(path: &str) -> bool {
    path != ANY_LOG_DIR
}
