//! What a month costs: machines by the catalogue's price per hour, and traffic between racks by the gigabyte.
//!
//! A month is 730 hours, as cloud providers reckon. Traffic between racks is paid where it leaves and where it arrives
//! ($0.01 per gigabyte each on AWS, as Conduktor and AutoMQ quote it): 1,200 MiB/s are about $65,000 in 30 days. Where
//! racks are no availability zones, set the price to 0.

use std::collections::BTreeMap;

use super::RackTraffic;
use crate::capacity::NotEvaluated;
use crate::capacity::catch_up::{BYTES_PER_GB, HOURS_PER_MONTH};
use crate::capacity::not_evaluated::broker_list;
use crate::ingest::catalogue::Catalogue;
use crate::model::{BrokerIdx, BrokerState, Snapshot};

/// Traffic between racks is paid where it leaves and where it arrives.
const PAID_DIRECTIONS: f64 = 2.0;

/// Machines of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineCost {
    /// The machine model.
    pub model: String,
    /// How many brokers are such machines.
    pub brokers: u64,
    /// Price of an hour.
    pub price_hour: f64,
    /// ISO 4217 code.
    pub currency: String,
}

impl MachineCost {
    /// All of them for a month.
    #[must_use]
    pub fn monthly(&self) -> f64 {
        self.price_hour * HOURS_PER_MONTH * self.brokers as f64
    }
}

/// Traffic between racks for a month, US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossRackCost {
    /// From producers.
    pub produce_usd: f64,
    /// To followers.
    pub replication_usd: f64,
    /// To consumers reading from leaders.
    pub consume_usd: f64,
    /// To consumers reading in their rack where they can (KIP-392).
    pub consume_nearest_usd: f64,
}

impl CrossRackCost {
    /// All classes, consumers reading from leaders.
    #[must_use]
    pub fn total_usd(&self) -> f64 {
        self.produce_usd + self.replication_usd + self.consume_usd
    }

    /// All classes, consumers reading in their rack.
    #[must_use]
    pub fn total_nearest_usd(&self) -> f64 {
        self.produce_usd + self.replication_usd + self.consume_nearest_usd
    }
}

/// Cost of a month.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Machines with a price, by model.
    pub machines: Vec<MachineCost>,
    /// The sum over all machines: none where one has no price, or where currencies differ.
    pub machines_monthly: Option<(f64, String)>,
    /// Traffic between racks; none where racks are not known.
    pub cross_rack: Option<CrossRackCost>,
}

/// US dollars for `bytes_per_sec` between racks over `hours`, at a price per gigabyte and direction.
#[must_use]
pub fn cross_rack_usd(bytes_per_sec: f64, hours: f64, usd_per_gb: f64) -> f64 {
    bytes_per_sec * hours * 3600.0 / BYTES_PER_GB * usd_per_gb * PAID_DIRECTIONS
}

/// What a month of the snapshot's cluster costs.
pub(super) fn cost(
    snapshot: &Snapshot,
    catalogue: &Catalogue,
    racks: Option<&RackTraffic>,
    usd_per_gb: f64,
    missing: &mut Vec<NotEvaluated>,
) -> Cost {
    let mut by_model: BTreeMap<&str, MachineCost> = BTreeMap::new();
    let mut without: Vec<BrokerIdx> = Vec::new();
    for broker in snapshot.broker_indices().filter(|&b| snapshot.broker(b).state != BrokerState::Dead) {
        let machine = snapshot.broker(broker).machine_model.as_deref().and_then(|model| catalogue.get(model));
        let price = machine.and_then(|m| Some((m, m.price_hour.as_ref()?.value, m.currency.as_ref()?.value.clone())));
        let Some((machine, price_hour, currency)) = price else {
            without.push(broker);
            continue;
        };
        let entry = by_model.entry(&machine.id).or_insert_with(|| MachineCost {
            model: machine.id.clone(),
            brokers: 0,
            price_hour,
            currency,
        });
        entry.brokers += 1;
    }
    let machines: Vec<MachineCost> = by_model.into_values().collect();
    let currency = machines.first().map(|m| m.currency.clone());
    let is_one = machines.iter().all(|m| Some(&m.currency) == currency.as_ref());
    let why = match (&currency, without.is_empty()) {
        (_, false) => Some(format!("no price is known of {}", broker_list(snapshot, &without))),
        (Some(_), true) if !is_one => Some("the machines' prices are in several currencies".to_owned()),
        (Some(_), true) => None,
        (None, true) => Some("there is no broker".to_owned()),
    };
    let total = machines.iter().map(MachineCost::monthly).sum();
    let machines_monthly = if why.is_none() { currency.map(|currency| (total, currency)) } else { None };
    missing.extend(why.map(|why| NotEvaluated::new("cost.machines_monthly", why)));
    let month = |bytes_per_sec: f64| cross_rack_usd(bytes_per_sec, HOURS_PER_MONTH, usd_per_gb);
    let cross_rack = racks.map(|racks| CrossRackCost {
        produce_usd: month(racks.produce.crossing()),
        replication_usd: month(racks.replication.crossing()),
        consume_usd: month(racks.consume.crossing()),
        consume_nearest_usd: month(racks.consume_nearest.crossing()),
    });
    Cost { machines, machines_monthly, cross_rack }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;

    #[test]
    fn twelve_hundred_mib_per_second_cost_65_000_dollars_in_thirty_days() {
        let usd = cross_rack_usd(1_200.0 * 1_048_576.0, 30.0 * 24.0, 0.01);
        assert!((usd - 65_229.0).abs() < 1.0, "{usd}");
    }

    #[test]
    fn machines_cost_their_hours_and_one_without_a_price_leaves_the_sum_out() {
        let fixture = (1..=3).fold(Fixture::default(), |f, id| f.broker(id, "", "", BrokerState::Alive));
        let mut snapshot = fixture.build();
        for broker in &mut snapshot.brokers {
            broker.machine_model = Some("m7g.4xlarge".to_owned());
        }
        let mut missing = Vec::new();
        let found = cost(&snapshot, &Catalogue::builtin(), None, 0.01, &mut missing);
        // 0.6528 $/h · 730 h · 3.
        assert!((found.machines_monthly.as_ref().map_or(0.0, |m| m.0) - 1_429.632).abs() < 1e-9, "{found:?}");
        assert!(missing.is_empty());
        snapshot.brokers[1].machine_model = Some("kafka.m7g.4xlarge".to_owned());
        let found = cost(&snapshot, &Catalogue::builtin(), None, 0.01, &mut missing);
        assert_eq!((found.machines_monthly, found.machines[0].brokers), (None, 2));
        assert_eq!(missing[0].why, "no price is known of broker 2");
    }
}
