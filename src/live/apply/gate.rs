//! When something may begin: batches, copies and elections keep to the windows.
//!
//! Outside a window nothing begins. Inside, a batch begins if nine of ten runs of it end within the window; one that is
//! too large for any window begins with as many partitions as do, and goes on in the next one. Between windows, once
//! nothing runs any more, settings are as they were found.

use std::collections::BTreeSet;

use super::execute::Watch;
use super::look::{Look, Phase};
use super::windows::{Gate, WindowEnd};
use super::work::{Step, Target};
use super::{Apply, ApplyError, Event, predict};
use crate::live::admin::TopicPartition;
use crate::model::human;
use crate::plan::words::duration;

/// A window that has only just opened, as looks and clocks are late, is as long as the longest.
pub(super) const LATE_SECONDS: f64 = 60.0;

/// No longer sleep without a look at the clock, which may have been set.
const NAP_SECONDS: f64 = 30.0;

impl Apply<'_> {
    /// Whether something may begin now.
    fn gate(&self) -> Gate {
        let now = self.surroundings.unix_seconds();
        self.options.windows.as_ref().map_or(Gate::Open { until: f64::INFINITY }, |windows| windows.at(now))
    }

    /// Seconds until the window ends; 0 outside.
    fn seconds_left(&self) -> f64 {
        match self.gate() {
            Gate::Open { until } => until - self.surroundings.unix_seconds(),
            Gate::Closed { .. } => 0.0,
        }
    }

    /// Waits for a window in which `step` is to begin; what runs already is not waited for. How the cluster stands then.
    pub(super) fn wait_to_begin(&mut self, step: &Step, look: Look, limit: Option<u64>) -> Result<Look, ApplyError> {
        let mut look = look;
        let Some(longest) = self.options.windows.as_ref().map(super::windows::Windows::longest_seconds) else {
            return Ok(look);
        };
        while !step.targets.iter().any(|target| look.is_under_way(target)) {
            let seconds = match limit {
                Some(limit) => predict::longest_seconds(&step.targets, &look, limit),
                None => Some(0.0),
            };
            let needed = seconds.filter(|seconds| *seconds <= longest - LATE_SECONDS);
            let now = self.surroundings.unix_seconds();
            match self.gate() {
                Gate::Open { until } if needed.is_none_or(|seconds| seconds <= until - now) => return Ok(look),
                // It is closed at its very end.
                Gate::Open { until } => {
                    let what = format!("batch {} takes up to {}", step.batch, duration(seconds).replace("about ", ""));
                    self.wait_until(until, &format!("{what}, longer than this window lasts"));
                }
                Gate::Closed { opens } => self.wait_until(opens, "outside the windows"),
            }
            look = self.look_until_sound(step, limit)?;
        }
        Ok(look)
    }

    /// Waits for a window to elect in; how long that took. Settings are as they were found meanwhile.
    pub(super) fn wait_to_elect(&mut self, step: &Step) -> Result<f64, ApplyError> {
        let mut waited_seconds = 0.0;
        while let Gate::Closed { opens } = self.gate() {
            if step.elections.is_empty() {
                break;
            }
            let began = self.surroundings.unix_seconds();
            self.restore()?;
            self.wait_until(opens, "outside the windows, nobody is elected");
            waited_seconds += self.surroundings.unix_seconds() - began;
        }
        Ok(waited_seconds)
    }

    /// Sees to what runs outside a window; whether it waited. Once nothing runs, it waits for the next window.
    pub(super) fn pause(
        &mut self,
        step: &Step,
        look: &Look,
        limit: Option<u64>,
        watch: &mut Watch,
    ) -> Result<bool, ApplyError> {
        let Gate::Closed { opens } = self.gate() else {
            // A window of a batch that is larger than any: what does not end in it any more waits for the next.
            return self.wait_for_more(step, look, limit);
        };
        let running: Vec<Target> = step.targets.iter().filter(|target| look.is_under_way(target)).cloned().collect();
        if running.is_empty() && step.targets.iter().all(|target| look.phase(target) == Phase::Done) {
            return Ok(false);
        }
        if !running.is_empty() {
            if self.options.window_end == WindowEnd::Finish {
                return Ok(false);
            }
            let cancelled = human::counted(self.cancel_targets(&running)? as u64, "move");
            (self.tell)(&Event::Note(format!("the window is over: {cancelled} cancelled, to begin again in the next")));
        }
        self.rest(step, limit, opens, "the window is over")?;
        watch.running.clear();
        Ok(true)
    }

    /// Waits for the next window where nothing runs and nothing that waits ends in this one.
    fn wait_for_more(&mut self, step: &Step, look: &Look, limit: Option<u64>) -> Result<bool, ApplyError> {
        let phases: Vec<(&Target, Phase)> = step.targets.iter().map(|t| (t, look.phase(t))).collect();
        let late = self.too_late(look, &phases, limit);
        let is_waiting = |(target, phase): &(&Target, Phase)| {
            *phase == Phase::Done || (late.contains(&target.partition) && !look.is_under_way(target))
        };
        let Gate::Open { until } = self.gate() else { return Ok(false) };
        if late.is_empty() || !phases.iter().all(is_waiting) {
            return Ok(false);
        }
        self.rest(
            step,
            limit,
            until,
            &format!("{} left for the next window", human::counted(late.len() as u64, "partition")),
        )?;
        Ok(true)
    }

    /// Waits with settings as they were found, then slows `step` down again.
    fn rest(&mut self, step: &Step, limit: Option<u64>, until: f64, why: &str) -> Result<(), ApplyError> {
        self.restore()?;
        self.wait_until(until, why);
        while let Gate::Closed { opens } = self.gate() {
            self.wait_until(opens, why);
        }
        let look = self.look_until_sound(step, limit)?;
        limit.map_or(Ok(()), |limit| self.slow_down(step, limit, &look.alive).map(drop))
    }

    /// The partitions that wait and would not end within this window.
    pub(super) fn too_late(
        &self,
        look: &Look,
        phases: &[(&Target, Phase)],
        limit: Option<u64>,
    ) -> BTreeSet<TopicPartition> {
        if self.options.windows.is_none() {
            return BTreeSet::new();
        }
        let left = phases.iter().filter(|(_, phase)| *phase != Phase::Done).map(|(target, _)| *target);
        let (running, waiting): (Vec<&Target>, Vec<&Target>) = left.partition(|target| look.is_under_way(target));
        let seconds = self.seconds_left();
        let in_time = match limit {
            Some(limit) if seconds > 0.0 => predict::that_end_within(seconds, &running, &waiting, look, limit),
            // With nothing to predict by, a window that is open will do.
            None if seconds > 0.0 => return BTreeSet::new(),
            _ => BTreeSet::new(),
        };
        let late = waiting.into_iter().filter(|target| !in_time.contains(&target.partition));
        late.map(|target| target.partition.clone()).collect()
    }

    fn wait_until(&self, until: f64, why: &str) {
        let shown = self.options.windows.as_ref().map(|windows| windows.shown(until)).unwrap_or_default();
        (self.tell)(&Event::Note(format!("{why}: waits until {shown}")));
        loop {
            let left = until - self.surroundings.unix_seconds();
            if left <= 0.0 {
                return;
            }
            self.surroundings.sleep(std::time::Duration::from_secs_f64(left.min(NAP_SECONDS)));
        }
    }

    /// Refuses a plan with a partition that no window is long enough for.
    pub(super) fn check_windows(&self, steps: &[&Step]) -> Result<(), ApplyError> {
        let Some(windows) = &self.options.windows else { return Ok(()) };
        let longest = windows.longest_seconds() - LATE_SECONDS;
        for step in steps {
            let Some(limit) = self.limit(step) else { continue };
            for target in &step.targets {
                let p90 = predict::longest_seconds([target], &Look::default(), limit);
                if p90.is_none_or(|seconds| seconds > longest) {
                    return Err(ApplyError::Refused(format!(
                        "batch {}: {} ({}) takes up to {} at {}, longer than any window: give a longer --window or a \
                         higher --throttle",
                        step.batch,
                        target.partition,
                        human::bytes_f64(target.copy_bytes as f64),
                        duration(p90).replace("about ", ""),
                        human::rate(limit as f64),
                    )));
                }
            }
        }
        Ok(())
    }
}
