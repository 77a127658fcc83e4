//! Judges any placement without the optimizer: rules, bands, movement (contract §3 and §5). Pure.

pub mod assess;
pub mod hard;
pub mod movement;
pub mod usage;

pub use assess::assess;
pub use movement::movement;
pub use usage::Usage;
