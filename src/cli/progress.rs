//! The progress bar on stderr: the stage that runs and how far it is. Nothing is drawn where stderr is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of the bar: finer than any terminal is wide.
const STEPS: u64 = 1_000;

/// How often the spinner turns, so that a long stage does not look dead.
const TICK: Duration = Duration::from_millis(120);

/// Columns of the stage's name: the longest is `log_dirs`, and the bar must not jump.
const TEMPLATE: &str = "{spinner} {msg:10} [{bar:40}] {percent:>3} %  {elapsed}";

/// A bar that is drawn while work is under way and gone afterwards.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar on stderr; a silent one where stderr is no terminal.
    #[must_use]
    pub fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self { bar }
    }

    /// Shows `stage` at `share` (0–1). May be called from any thread; what the optimizer's `Environment` is told.
    pub fn show(&self, stage: &str, share: f64) {
        let position = (share.clamp(0.0, 1.0) * STEPS as f64) as u64;
        self.bar.set_position(position);
        self.bar.set_message(stage.to_owned());
    }

    /// Prints `line` to stderr above the bar.
    pub fn note(&self, line: &str) {
        self.bar.suspend(|| anstream::eprintln!("{line}"));
    }

    /// Whether a bar is drawn.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        !self.bar.is_hidden()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_stage_and_takes_any_share() {
        let progress = Progress::on(ProgressDrawTarget::hidden());
        progress.show("balance", 0.42);
        assert_eq!((progress.bar.position(), progress.bar.message().as_str()), (420, "balance"));
        progress.show("bound", 7.0);
        assert_eq!(progress.bar.position(), STEPS);
        progress.show("bound", f64::NAN);
        assert_eq!(progress.bar.position(), 0);
    }

    #[test]
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
