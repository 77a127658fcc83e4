//! Several searches of one snapshot at once, each under a policy of its own: the points of a frontier.

use rayon::prelude::*;

use super::{Environment, Options, Solution, optimize};
use crate::model::{Policy, Snapshot};

/// One solution per policy, in their order. Searches share nothing, so each is what it would be alone.
#[must_use]
pub fn optimize_each(
    snapshot: &Snapshot,
    policies: &[Policy],
    options: &Options,
    env: &Environment<'_>,
) -> Vec<Solution> {
    policies.par_iter().map(|policy| optimize(snapshot, policy, options, env)).collect()
}
