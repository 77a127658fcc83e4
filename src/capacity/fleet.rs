//! Many clusters at a glance: one row each, the most urgent first.

use super::forecast::{Forecast, GoalForecast};
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
    /// Days until a limit is reached: the least median (p50) over groups and goals of reaching the policy's limit; or why
    /// there is none.
    pub headroom_days: Result<f64, String>,
    /// Which group and goal that limit is of.
    pub full_first: Option<(String, &'static str)>,
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

/// How `snapshot` stands, what `plan` would do for it, and what its history says of the days ahead.
#[must_use]
pub fn row(
    name: String,
    snapshot: &Snapshot,
    policy: &Policy,
    plan: Option<&Plan>,
    forecast: Option<&Forecast>,
) -> Row {
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
    let (headroom_days, full_first) = match days_left(forecast) {
        Ok((days, group, goal)) => (Ok(days), Some((group, goal))),
        Err(why) => (Err(why), None),
    };
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
        headroom_days,
        full_first,
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

/// The least median over groups and goals of the days until the policy's limit, and whose it is.
fn days_left(forecast: Option<&Forecast>) -> Result<(f64, String, &'static str), String> {
    let forecast = forecast.ok_or("days until a limit take a history of each cluster")?;
    if forecast.series.is_empty() {
        let why = forecast.not_evaluated.first().map_or("it has no rows", |missing| &missing.why);
        return Err(format!("nothing could be forecast from the history: {why}"));
    }
    let first = |series: &GoalForecast| {
        let days = series.thresholds.first()?.days?.p50?;
        Some((f64::from(days), series.group.clone(), series.goal.name()))
    };
    // The first among equals, as the forecast has them in order.
    let least = forecast.series.iter().filter_map(first).reduce(|a, b| if b.0 < a.0 { b } else { a });
    least.ok_or_else(|| format!("no limit is reached within {} days", forecast.horizon_days))
}

/// The row of a snapshot that could not be read.
#[must_use]
pub fn unreadable(name: String, why: String) -> Row {
    Row { name, verdict: FleetVerdict::Unreadable, standing: Err(why) }
}

/// The most urgent first: by verdict, then most violations, then fewest days to a limit (those without days after those
/// with), then nearest to a limit, then most excess, then name.
pub fn sort(rows: &mut [Row]) {
    let figures = |row: &Row| {
        row.standing.as_ref().map_or((0, f64::INFINITY, 0.0, 0.0), |s| {
            let used = s.tightest.as_ref().map_or(0.0, |t| t.utilization / t.limit);
            let days = s.headroom_days.as_ref().map_or(f64::INFINITY, |days| *days);
            (s.hard_total, days, used, s.excess)
        })
    };
    rows.sort_by(|a, b| {
        let ((hard_a, days_a, used_a, excess_a), (hard_b, days_b, used_b, excess_b)) = (figures(a), figures(b));
        let by_room = days_a.total_cmp(&days_b).then(used_b.total_cmp(&used_a));
        let by_urgency = hard_b.cmp(&hard_a).then(by_room).then(excess_b.total_cmp(&excess_a));
        a.verdict.cmp(&b.verdict).then(by_urgency).then_with(|| a.name.cmp(&b.name))
    });
}

/// The cluster that is full next, with its days, group and goal.
#[must_use]
pub fn full_next(rows: &[Row]) -> Option<(&Row, f64, &str, &'static str)> {
    let days = |row: &Row| row.standing.as_ref().ok()?.headroom_days.as_ref().ok().copied();
    let known = rows.iter().filter_map(|row| Some((row, days(row)?)));
    let next = known.reduce(|a, b| if b.1 < a.1 { b } else { a })?;
    let (group, goal) = next.0.standing.as_ref().ok()?.full_first.as_ref()?;
    Some((next.0, next.1, group, goal))
}

/// The clusters that are not safe as they are: a rule is broken, or a limit would be passed once a broker is lost.
#[must_use]
pub fn unsafe_clusters(rows: &[Row]) -> Vec<&str> {
    let is_unsafe = |row: &&Row| matches!(row.verdict, FleetVerdict::Broken | FleetVerdict::AtRisk);
    rows.iter().filter(is_unsafe).map(|row| row.name.as_str()).collect()
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
            headroom_days: Err("no history".to_owned()),
            full_first: None,
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
    fn of_equal_verdicts_the_fewest_days_come_first_and_unknown_ones_last() {
        let of = |days: Result<f64, String>| {
            let full_first = days.is_ok().then(|| ("core".to_owned(), "disk"));
            Standing { headroom_days: days, full_first, ..standing(0, 0.5, None) }
        };
        let row = |name: &str, days| Row { name: name.to_owned(), verdict: FleetVerdict::Ok, standing: Ok(of(days)) };
        let mut rows = [row("none", Err("no history".to_owned())), row("late", Ok(170.0)), row("soon", Ok(3.0))];
        sort(&mut rows);
        assert_eq!(rows.each_ref().map(|row| row.name.as_str()), ["soon", "late", "none"]);
        let next = full_next(&rows).map(|(row, days, group, goal)| (row.name.as_str(), days, group, goal));
        assert_eq!(next, Some(("soon", 3.0, "core", "disk")));
        assert_eq!(full_next(&rows[2..]), None, "without a history nothing is said");
        rows[1].verdict = FleetVerdict::AtRisk;
        rows[2].verdict = FleetVerdict::Broken;
        assert_eq!(unsafe_clusters(&rows), ["late", "none"]);
    }

    #[test]
    fn the_days_left_are_the_least_median_and_none_says_why() {
        use crate::capacity::forecast::{self, DaysToThreshold, Threshold};
        let days = |p50| Threshold {
            utilization: 0.8,
            days: Some(DaysToThreshold { p10: 1, p50, p90: None }),
            busiest_days: None,
        };
        let series = |thresholds| GoalForecast {
            group: "g".to_owned(),
            goal: crate::model::Goal::Disk,
            model: forecast::Model::Trend,
            source: forecast::Source::Brokers,
            history_days: 100,
            backtest: forecast::Backtest { mape: None, coverage95: None, origins: 0, days_ahead: 0 },
            today: 0.5,
            busiest: (crate::model::BrokerIdx::new(0), 0.5),
            growth_30_days: 0.0,
            growth_p_value: None,
            thresholds,
            points: Vec::new(),
            history: Vec::new(),
            notes: Vec::new(),
        };
        let late = Threshold { utilization: 1.0, ..days(Some(2)) };
        let all = vec![series(vec![days(Some(90))]), series(vec![days(Some(40)), late]), series(vec![days(None)])];
        let of = |series| Forecast { series, horizon_days: 180, ..Forecast::default() };
        let least = (40.0, "g".to_owned(), "disk");
        assert_eq!(days_left(Some(&of(all))), Ok(least), "a series' first threshold is what counts");
        let far = of(vec![series(vec![days(None)])]);
        assert_eq!(days_left(Some(&far)), Err("no limit is reached within 180 days".to_owned()));
        assert!(days_left(None).is_err() && days_left(Some(&of(Vec::new()))).is_err());
    }

    #[test]
    fn a_sum_with_a_part_missing_is_missing() {
        let rows = [Row { name: "x".to_owned(), verdict: FleetVerdict::Ok, standing: Ok(standing(0, 0.0, None)) }];
        assert_eq!(totals(&rows).rebalance_bytes, None);
    }
}
