//! Shows results: text, JSON, HTML with charts. Renderers are pure functions; `writer` writes what they return.

pub mod json;
pub mod layout;
pub mod plan_files;
pub mod verdict;

pub use plan_files::{plan_files, plan_json};
