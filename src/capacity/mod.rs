//! What the cluster can still carry: headroom, expansion, shrinking, forecasts, what-ifs, advice. Input: a
//! [`Snapshot`](crate::model::Snapshot) or what the optimizer made of one. Output: plain figures for `report`. Pure.
//!
//! Every formula names its source; a figure that cannot be computed is absent and says why, never guessed.

pub mod catch_up;
pub mod federation;
pub mod fleet;
pub mod headroom;
pub mod isolate;
pub mod mirror;
pub mod not_evaluated;
pub mod upgrade;

pub use headroom::{Headroom, HeadroomVerdict, headroom};
pub use not_evaluated::NotEvaluated;
