//! Judges any placement without the optimizer: rules, bands, movement (contract §3 and §5). Pure.

pub mod assess;
pub mod diff;
pub mod hard;
pub mod movement;
pub mod obedience;
pub mod plan_dir;
pub mod reassignment;
mod scatter;
mod shared;
pub mod state;
mod stops;
pub mod usage;
mod walk;

pub use assess::assess;
pub use movement::movement;
pub use plan_dir::Judgement;
pub use reassignment::Deviation;
pub use shared::write_utilizations;
pub use usage::Usage;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
