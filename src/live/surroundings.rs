//! The clock, as what talks to a cluster sees it; tests bring one of their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time that passes.
pub trait Surroundings {
    /// Seconds since 1970.
    fn unix_seconds(&self) -> f64;

    /// Waits.
    fn sleep(&self, duration: Duration);
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Surroundings for System {
    fn unix_seconds(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
