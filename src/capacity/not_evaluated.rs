//! What could not be computed, and why: the other half of every figure that is absent.

/// A figure that is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEvaluated {
    /// The figure, by its key in files.
    pub what: String,
    /// Why it cannot be computed, and what would make it so.
    pub why: String,
}

impl NotEvaluated {
    /// `what` is absent because of `why`.
    #[must_use]
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}
