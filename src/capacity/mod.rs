//! What the cluster can still carry: headroom, expansion, shrinking, forecasts, what-ifs, advice. Input: a
//! [`Snapshot`](crate::model::Snapshot) or what the optimizer made of one. Output: plain figures for `report`. Pure.
//!
//! Every formula names its source; a figure that cannot be computed is absent and says why, never guessed.

pub mod advise;
pub mod catch_up;
pub mod failure;
pub mod federation;
pub mod fleet;
pub mod forecast;
pub mod headroom;
pub mod isolate;
pub mod mirror;
pub mod not_evaluated;
pub mod relief;
pub mod traffic;
pub mod upgrade;

pub use forecast::{Forecast, ForecastOptions};
pub use headroom::{Headroom, HeadroomVerdict, headroom};
pub use not_evaluated::NotEvaluated;
