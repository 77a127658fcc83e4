//! Synthetic snapshots that look like clusters people run. Input: a [`SynthSpec`]. Output: a
//! [`Snapshot`] whose invariants hold. Pure, and the same for the same spec.
//!
//! Topics are drawn (`topics`), scaled to hardware (`scale`), placed as Kafka places them (`place`), brought into
//! balance (`settle`), and then driven off it again (`drift`) and broken (`faults`, `dirs`). Each step has its
//! own stream of chance, so that the same seed gives the same cluster with and without its faults.

mod assemble;
mod dirs;
mod draft;
mod drift;
mod faults;
mod fleet;
mod history;
mod place;
mod scale;
mod settle;
mod spec;
mod topics;

pub use history::history_file;
pub use spec::{SynthError, SynthFaults, SynthSpec};

use rand::RngExt;
use rand_pcg::Pcg64;

use crate::model::Snapshot;

/// Synthesizes the snapshot that `spec` asks for.
///
/// # Errors
/// A figure out of range, groups too small for their replicas, or more faults than there is room for.
pub fn synthesize(spec: &SynthSpec) -> Result<Snapshot, SynthError> {
    spec.validate()?;
    let fleet = fleet::Fleet::new(spec)?;
    let mut draft = topics::draw(spec, fleet);
    scale::scale(&mut draft, spec);
    place::place(&mut draft, spec.seed);
    settle::settle(&mut draft, spec.seed);
    drift::drift(&mut draft, spec);
    faults::inflict(&mut draft, spec)?;
    let dirs = dirs::fill(&mut draft, spec)?;
    Ok(assemble::assemble(draft, dirs, spec))
}

/// A stream of chance for one step: what one step draws never shifts what another draws.
fn stream(seed: u64, step: &str) -> Pcg64 {
    // FNV-1a, so that the step's name is the stream's number.
    let number = step
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Pcg64::new(u128::from(seed), u128::from(number))
}

/// A row below `len`, which is above zero; drawn as `u32`, so that it is the same on every platform.
fn below(rng: &mut Pcg64, len: usize) -> usize {
    let len = u32::try_from(len).unwrap_or(u32::MAX).max(1);
    rng.random_range(0..len) as usize
}
