//! What the cluster can still carry: headroom, expansion, shrinking, forecasts, what-ifs, advice. Input: a
//! [`Snapshot`] or what the optimizer made of one. Output: plain figures for `report`. Pure.
//!
//! Every formula names its source; a figure that cannot be computed is absent and says why, never guessed.

pub mod add;
pub mod advise;
pub mod catch_up;
pub mod change;
pub mod cost;
pub mod demand;
pub mod failure;
pub mod federation;
pub mod fleet;
pub mod forecast;
pub mod headroom;
pub mod hours;
pub mod isolate;
pub mod least;
pub mod mirror;
pub mod not_evaluated;
pub mod order;
pub mod relief;
#[cfg(test)]
mod resize_tests;
pub mod shrink;
pub mod thresholds;
pub mod traffic;
pub mod until;
pub mod upgrade;

pub use crate::model::NotEvaluated;
pub use change::FleetChange;
pub use forecast::{Forecast, ForecastOptions};
pub use headroom::{Headroom, HeadroomVerdict, headroom};

use crate::model::{Policy, Snapshot};
use crate::optimize::{Effort, Solution};

/// Runs the optimizer; the caller sees to the seed, the clock and the progress display.
pub type Solve<'a> = dyn Fn(&Snapshot, &Policy, Effort) -> Solution + 'a;
