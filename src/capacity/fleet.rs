//! Many clusters at a glance: one row each, the most urgent first.

use super::{HeadroomVerdict, headroom};
use crate::model::{Placement, Policy, Snapshot};
use crate::plan::Plan;
use crate::verify::assess;

/// How a cluster stands, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FleetVerdict {
    /// A hard rule is broken.
    Broken,
    /// The snapshot cannot be read.
    Unreadable,
    /// A limit is passed once the worst broker is lost.
    AtRisk,
    /// Some goal is outside its band.
    Outside,
    /// Nothing to object to.
    Ok,
}

impl FleetVerdict {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Unreadable => "unreadable",
            Self::AtRisk => "at risk",
            Self::Outside => "outside",
            Self::Ok => "ok",
        }
    }
}

/// A cluster whose snapshot was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// When the snapshot was taken.
    pub captured_at: String,
    /// Brokers, in any state.
    pub brokers: u64,
    /// Partitions.
    pub partitions: u64,
    /// Bytes of all replicas.
    pub stored_bytes: u64,
    /// Violations of hard rules.
    pub hard_total: u64,
    /// What is outside its band.
    pub outside: u64,
    /// How far, as multiples of means.
    pub excess: f64,
    /// What is nearest to its limit once the worst broker is lost.
    pub tightest: Option<Tightest>,
    /// Days until a limit is reached; none without a history.
    pub headroom_days: Option<f64>,
    /// What a rebalance would do; none where it was not asked for.
    pub rebalance: Option<Rebalance>,
}

/// The resource nearest to its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Tightest {
    /// Resource group.
    pub group: String,
    /// The goal's name.
    pub goal: &'static str,
    /// The highest utilization once the worst broker is lost (today's where there is no other), a fraction.
    pub utilization: f64,
    /// The limit, a fraction.
    pub limit: f64,
}

/// What a rebalance would do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebalance {
    /// Bytes copied between brokers.
    pub bytes: u64,
    /// Violations of hard rules left.
    pub hard_total: u64,
    /// What stays outside its band.
    pub outside: u64,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The directory, as the reader knows it.
    pub name: String,
    /// How it stands.
    pub verdict: FleetVerdict,
    /// Figures, or why there are none.
    pub standing: Result<Standing, String>,
}

/// Sums over the clusters that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// All clusters.
    pub clusters: u64,
    /// Those with a broken rule.
    pub broken: u64,
    /// Those that could not be read.
    pub unreadable: u64,
    /// Those that a lost broker pushes over a limit.
    pub at_risk: u64,
    /// Brokers.
    pub brokers: u64,
    /// Partitions.
    pub partitions: u64,
    /// Bytes of all replicas.
    pub stored_bytes: u64,
    /// Violations of hard rules.
    pub hard_total: u64,
    /// What is outside its band.
    pub outside: u64,
    /// Bytes that rebalancing all would copy; none where it was not asked for.
    pub rebalance_bytes: Option<u64>,
}

/// How `snapshot` stands, and what `plan` would do for it.
#[must_use]
pub fn row(name: String, snapshot: &Snapshot, policy: &Policy, plan: Option<&Plan>) -> Row {
    let placement = Placement::of(snapshot);
    let judged = assess(snapshot, policy, &placement);
    let headroom = headroom(snapshot, policy, &placement);
    let is_at_risk =
        headroom.iter().any(|h| matches!(h.verdict, HeadroomVerdict::BrokerLossExceeds | HeadroomVerdict::Exceeded));
    let tightest = headroom.into_iter().map(|h| Tightest {
        utilization: h.broker_lost.as_ref().map_or(h.utilization_max, |lost| lost.utilization_max),
        group: h.group,
        goal: h.goal.name(),
        limit: h.limit,
    });
    let used = |t: &Tightest| t.utilization / t.limit;
    let standing = Standing {
        cluster_id: snapshot.cluster.cluster_id.clone(),
        captured_at: snapshot.cluster.captured_at.clone(),
        brokers: snapshot.brokers.len() as u64,
        partitions: snapshot.partitions.len() as u64,
        stored_bytes: snapshot.replicas.iter().map(|r| r.size_bytes).sum(),
        hard_total: judged.hard_total(),
        outside: judged.imbalance.outside,
        excess: judged.imbalance.excess,
        tightest: tightest.reduce(|a, b| if used(&b) > used(&a) { b } else { a }),
        headroom_days: None,
        rebalance: plan.map(|plan| Rebalance {
            bytes: plan.movement.inter_broker_bytes,
            hard_total: plan.after.hard_total(),
            outside: plan.after.imbalance.outside,
        }),
    };
    let verdict = if standing.hard_total > 0 {
        FleetVerdict::Broken
    } else if is_at_risk {
        FleetVerdict::AtRisk
    } else if standing.outside > 0 {
        FleetVerdict::Outside
    } else {
        FleetVerdict::Ok
    };
    Row { name, verdict, standing: Ok(standing) }
}

/// The row of a snapshot that could not be read.
#[must_use]
pub fn unreadable(name: String, why: String) -> Row {
    Row { name, verdict: FleetVerdict::Unreadable, standing: Err(why) }
}

/// The most urgent first: by verdict, then most violations, then nearest to a limit, then most excess, then name.
pub fn sort(rows: &mut [Row]) {
    let figures = |row: &Row| {
        row.standing.as_ref().map_or((0, 0.0, 0.0), |s| {
            let used = s.tightest.as_ref().map_or(0.0, |t| t.utilization / t.limit);
            (s.hard_total, used, s.excess)
        })
    };
    rows.sort_by(|a, b| {
        let ((hard_a, used_a, excess_a), (hard_b, used_b, excess_b)) = (figures(a), figures(b));
        let by_urgency = hard_b.cmp(&hard_a).then(used_b.total_cmp(&used_a)).then(excess_b.total_cmp(&excess_a));
        a.verdict.cmp(&b.verdict).then(by_urgency).then_with(|| a.name.cmp(&b.name))
    });
}

/// Adds `rows` up.
#[must_use]
pub fn totals(rows: &[Row]) -> Totals {
    let of = |verdict: FleetVerdict| rows.iter().filter(|row| row.verdict == verdict).count() as u64;
    let standings = || rows.iter().filter_map(|row| row.standing.as_ref().ok());
    Totals {
        clusters: rows.len() as u64,
        broken: of(FleetVerdict::Broken),
        unreadable: of(FleetVerdict::Unreadable),
        at_risk: of(FleetVerdict::AtRisk),
        brokers: standings().map(|s| s.brokers).sum(),
        partitions: standings().map(|s| s.partitions).sum(),
        stored_bytes: standings().map(|s| s.stored_bytes).sum(),
        hard_total: standings().map(|s| s.hard_total).sum(),
        outside: standings().map(|s| s.outside).sum(),
        rebalance_bytes: standings().map(|s| s.rebalance.map(|r| r.bytes)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(hard_total: u64, excess: f64, bytes: Option<u64>) -> Standing {
        Standing {
            cluster_id: "c".to_owned(),
            captured_at: String::new(),
            brokers: 3,
            partitions: 10,
            stored_bytes: 100,
            hard_total,
            outside: 1,
            excess,
            tightest: None,
            headroom_days: None,
            rebalance: bytes.map(|bytes| Rebalance { bytes, hard_total: 0, outside: 0 }),
        }
    }

    #[test]
    fn the_most_urgent_comes_first() {
        let row = |name: &str, verdict, standing| Row { name: name.to_owned(), verdict, standing };
        let mut rows = vec![
            row("fine", FleetVerdict::Ok, Ok(standing(0, 0.0, Some(0)))),
            row("b", FleetVerdict::Outside, Ok(standing(0, 0.5, Some(7)))),
            row("a", FleetVerdict::Outside, Ok(standing(0, 0.5, Some(5)))),
            row("lost", FleetVerdict::Unreadable, Err("no such directory".to_owned())),
            row("worse", FleetVerdict::Broken, Ok(standing(9, 0.0, Some(1)))),
            row("bad", FleetVerdict::Broken, Ok(standing(2, 9.0, Some(2)))),
        ];
        sort(&mut rows);
        let order: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(order, ["worse", "bad", "lost", "a", "b", "fine"]);
        let totals = totals(&rows);
        assert_eq!((totals.clusters, totals.broken, totals.unreadable, totals.brokers), (6, 2, 1, 15));
        assert_eq!((totals.hard_total, totals.rebalance_bytes), (11, Some(15)));
    }

    #[test]
    fn a_sum_with_a_part_missing_is_missing() {
        let rows = [Row { name: "x".to_owned(), verdict: FleetVerdict::Ok, standing: Ok(standing(0, 0.0, None)) }];
        assert_eq!(totals(&rows).rebalance_bytes, None);
    }
}
