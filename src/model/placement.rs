//! Where every replica sits and who leads: a state of the cluster, as read, as planned, or as another tool wants it.
//!
//! Invariant: seats are grouped by partition in the snapshot's order; within a partition they are in position order
//! (position 0 is the preferred leader).

use std::ops::Range;

use super::index::{BrokerIdx, LogDirIdx, PartitionIdx};
use super::snapshot::Snapshot;

/// One replica's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The hosting broker.
    pub broker: BrokerIdx,
    /// The log dir; none where it is unknown or left to the broker.
    pub log_dir: Option<LogDirIdx>,
}

/// Where every replica sits and who leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    first_seat: Vec<u32>,
    seats: Vec<Seat>,
    leaders: Vec<Option<BrokerIdx>>,
}

impl Placement {
    /// The snapshot as it stands.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut placement = Self::with_capacity(snapshot.partitions.len(), snapshot.replicas.len());
        for partition in &snapshot.partitions {
            let replicas = &snapshot.replicas[partition.replica_rows()];
            let seats = replicas.iter().map(|r| Seat { broker: r.broker, log_dir: r.log_dir });
            placement.push(seats, partition.leader);
        }
        placement
    }

    /// An empty placement with room for so many partitions and replicas, to be filled in the snapshot's order.
    #[must_use]
    pub fn with_capacity(partitions: usize, replicas: usize) -> Self {
        let mut first_seat = Vec::with_capacity(partitions + 1);
        first_seat.push(0);
        Self { first_seat, seats: Vec::with_capacity(replicas), leaders: Vec::with_capacity(partitions) }
    }

    /// Appends the next partition.
    pub fn push(&mut self, seats: impl IntoIterator<Item = Seat>, leader: Option<BrokerIdx>) {
        self.seats.extend(seats);
        self.first_seat.push(u32::try_from(self.seats.len()).unwrap_or(u32::MAX));
        self.leaders.push(leader);
    }

    /// The seats of `partition`, in position order.
    #[must_use]
    pub fn seats(&self, partition: PartitionIdx) -> &[Seat] {
        &self.seats[self.rows(partition)]
    }

    /// Mutable access to the seats of `partition`.
    pub fn seats_mut(&mut self, partition: PartitionIdx) -> &mut [Seat] {
        let rows = self.rows(partition);
        &mut self.seats[rows]
    }

    /// Who leads `partition`.
    #[must_use]
    pub fn leader(&self, partition: PartitionIdx) -> Option<BrokerIdx> {
        self.leaders[partition.row()]
    }

    /// Makes `leader` lead `partition`.
    pub fn set_leader(&mut self, partition: PartitionIdx, leader: Option<BrokerIdx>) {
        self.leaders[partition.row()] = leader;
    }

    /// How many partitions there are.
    #[must_use]
    pub fn partition_count(&self) -> usize {
        self.leaders.len()
    }

    /// How many replicas there are.
    #[must_use]
    pub fn seat_count(&self) -> usize {
        self.seats.len()
    }

    /// The same placement with every position 0 leading: what a restart or Kafka's own leader rebalancing brings.
    #[must_use]
    pub fn with_preferred_leaders(&self) -> Self {
        let leaders =
            (0..self.leaders.len()).map(|row| self.seats(PartitionIdx::new(row)).first().map(|s| s.broker)).collect();
        Self { first_seat: self.first_seat.clone(), seats: self.seats.clone(), leaders }
    }

    fn rows(&self, partition: PartitionIdx) -> Range<usize> {
        let row = partition.row();
        self.first_seat[row] as usize..self.first_seat[row + 1] as usize
    }
}

/// The size of the replica that `seat` holds: its own where the broker hosts the partition in the snapshot already,
/// the partition's largest where it is a fresh copy (contract §2).
#[must_use]
pub fn seat_size_bytes(snapshot: &Snapshot, partition: PartitionIdx, seat: Seat) -> u64 {
    let replicas = snapshot.replicas_of(partition);
    let resident = replicas
        .iter()
        .find(|r| r.broker == seat.broker && r.log_dir == seat.log_dir)
        .or_else(|| replicas.iter().find(|r| r.broker == seat.broker));
    resident.map_or_else(|| snapshot.copy_size_bytes(partition), |r| r.size_bytes)
}
