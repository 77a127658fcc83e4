//! Bytes per second between racks. Replication is counted exactly, from where leaders and followers sit; clients are taken
//! to be spread evenly over the racks of active brokers, since no snapshot says where they are.
//!
//! With R racks that makes, per partition, p·(R−1)/R of produce and c·(R−1)/R of consume cross racks, and with KIP-392
//! c·(R−r)/R, r the racks that hold an in-sync replica or the leader. With replicas in three of three racks, 300 MiB/s in
//! and two consumer groups these are the 1,200 MiB/s that AutoMQ reckons with, and 800 with KIP-392.

use super::classes::{client_racks, nearest};
use crate::capacity::NotEvaluated;
use crate::capacity::not_evaluated::broker_list;
use crate::model::{BrokerIdx, Snapshot};

/// Bytes per second from a rack (row) to a rack (column), both rows of the snapshot's racks.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    cells: Vec<Vec<f64>>,
}

impl Matrix {
    fn new(racks: usize) -> Self {
        Self { cells: vec![vec![0.0; racks]; racks] }
    }

    /// Bytes per second from rack `from` to rack `to`.
    #[must_use]
    pub fn get(&self, from: usize, to: usize) -> f64 {
        self.cells.get(from).and_then(|row| row.get(to)).copied().unwrap_or(0.0)
    }

    fn add(&mut self, from: usize, to: usize, rate: f64) {
        if let Some(cell) = self.cells.get_mut(from).and_then(|row| row.get_mut(to)) {
            *cell += rate;
        }
    }

    /// What leaves its rack, bytes per second.
    #[must_use]
    pub fn crossing(&self) -> f64 {
        let rows = self.cells.iter().enumerate();
        rows.flat_map(|(from, row)| row.iter().enumerate().filter(move |(to, _)| *to != from)).map(|(_, v)| v).sum()
    }

    /// The sum of matrices of one size.
    #[must_use]
    pub fn sum(parts: &[&Self]) -> Self {
        let mut total = Self::new(parts.first().map_or(0, |part| part.cells.len()));
        for (from, row) in total.cells.iter_mut().enumerate() {
            for (to, cell) in row.iter_mut().enumerate() {
                *cell = parts.iter().map(|part| part.get(from, to)).sum();
            }
        }
        total
    }
}

/// Traffic between racks by class.
#[derive(Clone, Debug, PartialEq)]
pub struct RackTraffic {
    /// From producers to leaders.
    pub produce: Matrix,
    /// From leaders to followers, those being added included.
    pub replication: Matrix,
    /// From leaders to consumers.
    pub consume: Matrix,
    /// To consumers that read in their own rack where they can (KIP-392).
    pub consume_nearest: Matrix,
}

impl RackTraffic {
    /// All classes, consumers reading from leaders.
    #[must_use]
    pub fn total(&self) -> Matrix {
        Matrix::sum(&[&self.produce, &self.replication, &self.consume])
    }

    /// All classes, consumers reading in their rack (KIP-392).
    #[must_use]
    pub fn total_nearest(&self) -> Matrix {
        Matrix::sum(&[&self.produce, &self.replication, &self.consume_nearest])
    }
}

/// Counts the traffic between racks; none where a broker that hosts replicas names no rack.
pub(super) fn rack_traffic(snapshot: &Snapshot, missing: &mut Vec<NotEvaluated>) -> Option<RackTraffic> {
    let mut hosts = vec![false; snapshot.brokers.len()];
    snapshot.replicas.iter().for_each(|replica| hosts[replica.broker.row()] = true);
    let without: Vec<BrokerIdx> = snapshot
        .broker_indices()
        .filter(|&b| snapshot.broker(b).rack.is_none() && (hosts[b.row()] || snapshot.broker(b).state.is_active()))
        .collect();
    let clients = client_racks(snapshot);
    if !without.is_empty() || clients.is_empty() {
        let why = if without.is_empty() {
            "no active broker names a rack".to_owned()
        } else {
            format!("no rack is known of {}", broker_list(snapshot, &without))
        };
        missing.push(NotEvaluated::new("cross_rack", why.clone()));
        missing.push(NotEvaluated::new("traffic.consume_nearest_bytes_per_sec", why));
        return None;
    }
    Some(count(snapshot, &clients))
}

fn count(snapshot: &Snapshot, clients: &[usize]) -> RackTraffic {
    let empty = Matrix::new(snapshot.racks.len());
    let mut traffic = RackTraffic {
        produce: empty.clone(),
        replication: empty.clone(),
        consume: empty.clone(),
        consume_nearest: empty,
    };
    let rack_of = |broker: BrokerIdx| snapshot.broker(broker).rack.map_or(usize::MAX, |rack| rack.row());
    let share = 1.0 / clients.len() as f64;
    for index in snapshot.partition_indices() {
        let partition = snapshot.partition(index);
        let Some(leader) = partition.leader else { continue };
        let home = rack_of(leader);
        let replicas = snapshot.replicas_of(index);
        for &client in clients {
            traffic.produce.add(client, home, partition.bytes_in_per_sec * share);
            traffic.consume.add(home, client, partition.bytes_out_per_sec * share);
        }
        for follower in replicas.iter().filter(|replica| replica.broker != leader) {
            traffic.replication.add(home, rack_of(follower.broker), partition.bytes_in_per_sec);
        }
        for &client in clients {
            for (broker, rate) in nearest(snapshot, partition, replicas, &[client]) {
                traffic.consume_nearest.add(rack_of(broker), client, rate * share);
            }
        }
    }
    traffic
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;
    use crate::model::{BrokerState, LogDirState};

    const MIB: f64 = 1_048_576.0;

    fn brokers(racks: &[&str]) -> Fixture {
        (1..).zip(racks).fold(Fixture::default(), |fixture, (id, rack)| {
            fixture.broker(id, rack, "", BrokerState::Alive).dir(id, "/d", 1_000, LogDirState::Online, 0)
        })
    }

    /// 300 MiB/s produced, two consumer groups, three replicas in as many racks, leaders everywhere.
    fn automq() -> Snapshot {
        (0..3)
            .fold(brokers(&["a", "b", "c"]), |fixture, number| {
                let order = [number as i32, (number as i32 + 1) % 3, (number as i32 + 2) % 3];
                let replicas = order.map(|id| (id + 1, "/d", 1, true));
                fixture.partition(("t", number), order[0] + 1, (100.0 * MIB, 200.0 * MIB), &replicas)
            })
            .build()
    }

    #[test]
    fn automqs_example_crosses_racks_with_1200_mib_per_second_and_800_with_kip_392() {
        let traffic = rack_traffic(&automq(), &mut Vec::new()).unwrap();
        let mib = |matrix: &Matrix| (matrix.crossing() / MIB * 1e6).round() / 1e6;
        assert_eq!((mib(&traffic.produce), mib(&traffic.replication), mib(&traffic.consume)), (200.0, 600.0, 400.0));
        assert_eq!((mib(&traffic.total()), mib(&traffic.total_nearest())), (1_200.0, 800.0));
    }

    #[test]
    fn replication_within_a_rack_does_not_cross() {
        let replicas = [(1, "/d", 1, true), (2, "/d", 1, true), (3, "/d", 1, true)];
        let snapshot = brokers(&["a", "a", "b"]).partition(("t", 0), 1, (10.0, 8.0), &replicas).build();
        let traffic = rack_traffic(&snapshot, &mut Vec::new()).unwrap();
        assert_eq!((traffic.replication.get(0, 0), traffic.replication.get(0, 1)), (10.0, 10.0));
        assert_eq!(
            (traffic.produce.crossing(), traffic.consume.crossing()),
            (5.0, 4.0),
            "half of the clients are near"
        );
        assert_eq!(traffic.consume_nearest.crossing(), 0.0);
    }

    #[test]
    fn a_broker_without_a_rack_leaves_the_figures_out() {
        let replicas = [(1, "/d", 1, true), (2, "/d", 1, true)];
        let snapshot = brokers(&["a", ""]).partition(("t", 0), 1, (10.0, 8.0), &replicas).build();
        let mut missing = Vec::new();
        assert_eq!(rack_traffic(&snapshot, &mut missing), None);
        assert_eq!(missing[0], NotEvaluated::new("cross_rack", "no rack is known of broker 2"));
        assert_eq!(missing.len(), 2);
    }
}
