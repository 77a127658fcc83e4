//! What the brokers cost in a month, by the machine catalogue's prices.

use std::collections::BTreeSet;

use super::NotEvaluated;
use crate::ingest::catalogue::Catalogue;
use crate::model::{BrokerState, NewBroker, Snapshot};

/// Hours in a month as cloud providers count them: 365 · 24 ÷ 12 (AWS Pricing Calculator's assumption).
pub const HOURS_PER_MONTH: f64 = 730.0;

/// The price of all brokers in a month, before and after. Machines alone: no storage, traffic or licence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonthlyCost {
    /// Of the snapshot's brokers, dead ones aside; none where a price is unknown.
    pub before: Option<f64>,
    /// Without those removed, with those added; none likewise.
    pub after: Option<f64>,
    /// ISO 4217 code, where either is known.
    pub currency: Option<String>,
}

/// The price of an hour of `model` and its currency; the reason where there is none.
///
/// # Errors
/// Why there is no price.
pub fn price_hour<'c>(catalogue: &'c Catalogue, model: Option<&str>) -> Result<(f64, Option<&'c str>), String> {
    let model = model.ok_or("names no machine_model")?;
    let machine = catalogue.get(model).ok_or_else(|| format!("is a {model}, which is not in the catalogue"))?;
    let price = machine.price_hour.as_ref().ok_or_else(|| format!("is a {model}, whose price is not known"))?;
    Ok((price.value, machine.currency.as_ref().map(|figure| figure.value.as_str())))
}

/// The cost of `snapshot`'s brokers, and of those that are left without `removed` and with `added`; and why a figure is
/// absent.
#[must_use]
pub fn monthly_cost(
    snapshot: &Snapshot,
    catalogue: &Catalogue,
    added: &[NewBroker],
    removed: &BTreeSet<i32>,
) -> (MonthlyCost, Vec<NotEvaluated>) {
    let paid = snapshot.brokers.iter().filter(|broker| broker.state != BrokerState::Dead);
    let old: Vec<(i32, Option<&str>)> = paid.map(|b| (b.id, b.machine_model.as_deref())).collect();
    let kept = old.iter().copied().filter(|(id, _)| !removed.contains(id));
    let new: Vec<(i32, Option<&str>)> = kept.chain(added.iter().map(|b| (b.id, b.machine_model.as_deref()))).collect();
    let (before, after) = (total(catalogue, &old), total(catalogue, &new));
    let currency = [&before, &after].into_iter().find_map(|sum| sum.as_ref().ok().and_then(|(_, c)| c.clone()));
    let why = |which: &str, sum: &Result<(f64, Option<String>), String>| {
        sum.as_ref().err().map(|why| NotEvaluated::new(format!("monthly_cost.{which}"), why.clone()))
    };
    let missing = why("before", &before).into_iter().chain(why("after", &after)).collect();
    let figure = |sum: Result<(f64, Option<String>), String>| sum.ok().map(|(cost, _)| cost);
    (MonthlyCost { before: figure(before), after: figure(after), currency }, missing)
}

/// Σ price of an hour · 730, and the one currency of all prices.
fn total(catalogue: &Catalogue, brokers: &[(i32, Option<&str>)]) -> Result<(f64, Option<String>), String> {
    let (mut sum, mut currencies, mut unpriced) = (0.0, BTreeSet::new(), Vec::new());
    for &(id, model) in brokers {
        match price_hour(catalogue, model) {
            Ok((price, currency)) => {
                sum += price;
                currencies.insert(currency);
            }
            Err(why) => unpriced.push(format!("broker {id} {why}")),
        }
    }
    match unpriced.split_first() {
        Some((first, [])) => return Err(first.clone()),
        Some((first, more)) => return Err(format!("{first}, and {} more brokers have no price", more.len())),
        None => {}
    }
    if currencies.len() > 1 {
        return Err("the machines' prices are in different currencies".to_owned());
    }
    Ok((sum * HOURS_PER_MONTH, currencies.into_iter().next().flatten().map(str::to_owned)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::model::fixture::Fixture;

    fn cluster(models: &[Option<&str>]) -> Snapshot {
        let fixture =
            (1..=models.len()).fold(Fixture::default(), |f, id| f.broker(id as i32, "", "", BrokerState::Alive));
        let mut snapshot = fixture.build();
        for (broker, model) in snapshot.brokers.iter_mut().zip(models) {
            broker.machine_model = model.map(str::to_owned);
        }
        snapshot
    }

    #[test]
    fn a_month_is_730_hours_of_every_broker() {
        // i3en.3xlarge 1.356 $/h, i3en.6xlarge 2.712 $/h (karpenter's price table, us-east-1).
        let snapshot = cluster(&[Some("i3en.3xlarge"), Some("i3en.3xlarge"), Some("i3en.6xlarge")]);
        let (cost, missing) = monthly_cost(&snapshot, &Catalogue::builtin(), &[], &BTreeSet::from([3]));
        assert!(missing.is_empty(), "{missing:?}");
        assert!((cost.before.unwrap() - 3_959.52).abs() < 1e-9, "{cost:?}");
        assert!((cost.after.unwrap() - 1_979.76).abs() < 1e-9, "{cost:?}");
        assert_eq!(cost.currency.as_deref(), Some("USD"));
    }

    #[test]
    fn dead_brokers_cost_nothing_and_draining_ones_do() {
        let mut snapshot = cluster(&[Some("m7g.large"), Some("m7g.large"), Some("m7g.large")]);
        snapshot.brokers[0].state = BrokerState::Dead;
        snapshot.brokers[1].state = BrokerState::Draining;
        let (cost, _) = monthly_cost(&snapshot, &Catalogue::builtin(), &[], &BTreeSet::new());
        assert!((cost.before.unwrap() - 2.0 * 0.0816 * 730.0).abs() < 1e-9);
    }

    #[test]
    fn one_unknown_price_leaves_no_total_and_says_whose() {
        let snapshot = cluster(&[Some("i3en.3xlarge"), None, Some("bare-2u-12x1tb")]);
        let (cost, missing) = monthly_cost(&snapshot, &Catalogue::builtin(), &[], &BTreeSet::from([2, 3]));
        assert_eq!(cost.before, None);
        assert!((cost.after.unwrap() - 989.88).abs() < 1e-9);
        let why = "broker 2 names no machine_model, and 1 more brokers have no price";
        assert_eq!(missing, [NotEvaluated::new("monthly_cost.before", why)]);
    }
}
