//! Shows results: text, JSON, HTML with charts. Renderers are pure functions; `writer` writes what they return.

pub mod advise;
pub mod capacity;
pub mod charts;
pub mod check;
mod copysets;
pub mod excuses;
pub mod explain;
pub mod failure;
pub mod fleet;
pub mod forecast;
pub mod frontier;
pub mod headroom;
pub mod html;
pub mod json;
pub mod layout;
pub mod models;
mod origin_json;
mod pace_json;
pub mod plan_files;
pub mod resize;
#[cfg(test)]
mod sample;
mod scope_json;
pub mod sheet;
pub mod shrink;
pub mod snapshot_diff;
pub mod standing;
pub mod style;
pub mod table;
pub mod text;
pub mod verdict;
pub mod what_if;

pub use crate::model::human;
pub use plan_files::{plan_files, plan_json};

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
