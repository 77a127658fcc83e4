//! Prices of bands and topics' limits by the subgradient method (Held, Wolfe & Crowder 1974, Polyak's step): what is beyond
//! an edge becomes dearer, what lies within cheaper again.

use super::relaxation::{Prices, Relaxation};

/// Evaluations of the Lagrangian.
const STEPS: usize = 120;
/// After so many without a better value, steps are halved.
const PATIENCE: usize = 8;

/// The best Lagrangian that the steps find; `ours` are the bytes of a plan, which no bound passes.
pub(super) fn ascend(relaxation: &Relaxation, ours: f64) -> f64 {
    let unit = Units::of(relaxation);
    let mut prices = Prices { bands: vec![0.0; relaxation.bands.len()], crowds: vec![0.0; relaxation.crowds.len()] };
    let (mut best, mut factor, mut stale): (f64, f64, usize) = (0.0, 1.0, 0);
    for _ in 0..STEPS {
        let mut bands = vec![0.0; relaxation.bands.len()];
        let mut crowds = vec![0.0; relaxation.crowds.len()];
        let value = relaxation.choose(&prices, &relaxation.holds, &mut |item, place| {
            for (row, load) in relaxation.loads(item, place) {
                if let Some(sum) = bands.get_mut(row as usize) {
                    *sum += load;
                }
            }
            if let Some(count) = crowds.get_mut(relaxation.places[place].crowd as usize) {
                *count += 1.0;
            }
        });
        if value > best {
            (best, stale) = (value, 0);
        } else {
            stale += 1;
        }
        if stale == PATIENCE {
            (factor, stale) = (factor / 2.0, 0);
        }
        let slopes = |i: usize| slope(bands[i], (relaxation.bands[i].least, relaxation.bands[i].most), prices.bands[i]);
        let of_bands: Vec<f64> = (0..bands.len()).map(slopes).collect();
        let slopes = |i: usize| slope(crowds[i], (f64::NEG_INFINITY, relaxation.crowds[i]), prices.crowds[i]);
        let of_crowds: Vec<f64> = (0..crowds.len()).map(slopes).collect();
        let scaled = |i: usize| of_bands[i] * unit.columns[relaxation.bands[i].column];
        let norm = (0..bands.len()).map(|i| scaled(i).powi(2)).sum::<f64>()
            + of_crowds.iter().map(|slope| (slope * unit.copy).powi(2)).sum::<f64>();
        if best.ceil() >= ours || norm <= 0.0 || !value.is_finite() {
            break;
        }
        let step = factor * (ours - value).max(0.0) / norm;
        for ((price, slope), band) in prices.bands.iter_mut().zip(&of_bands).zip(&relaxation.bands) {
            let unit = unit.columns[band.column];
            *price = stepped(*price, step * slope * unit * unit);
        }
        for (price, slope) in prices.crowds.iter_mut().zip(&of_crowds) {
            *price = stepped(*price, step * slope * unit.copy * unit.copy).max(0.0);
        }
    }
    best
}

/// The way that the price of a row with this sum is to go: up where the sum is above, down where it is below.
fn slope(sum: f64, (least, most): (f64, f64), price: f64) -> f64 {
    if sum > most || price > 0.0 {
        sum - most
    } else if sum < least || price < 0.0 {
        sum - least
    } else {
        0.0
    }
}

/// A price changes its sign only by way of zero: each sign is another edge.
fn stepped(price: f64, by: f64) -> f64 {
    let next = price + by;
    if next * price < 0.0 { 0.0 } else { next }
}

/// Bytes that one unit of a row is worth, roughly: steps are taken in these.
struct Units {
    columns: [f64; 3],
    copy: f64,
}

impl Units {
    fn of(relaxation: &Relaxation) -> Self {
        let bytes: f64 = relaxation.items.iter().map(|item| item.copy).sum();
        let traffic: f64 = relaxation.items.iter().map(|item| item.network_in).sum();
        let copy = bytes / relaxation.items.len().max(1) as f64;
        Self { columns: [1.0, if traffic > 0.0 { bytes / traffic } else { 0.0 }, copy], copy }
    }
}
