//! What speaks against going on, since when, and how often that is told.

use super::Event;

/// What is held for lasts long and its figures change all the time: the same causes are told no more often than this.
const TOLD_EVERY_SECONDS: f64 = 60.0;

/// What kind of trouble it is, and whose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Nobody answers.
    Silence,
    /// A broker that is copied to does not serve.
    Away(i32),
    /// Partitions of the batch have fewer replicas in sync than in the snapshot.
    OutOfSync,
    /// Other partitions have.
    OutOfSyncElsewhere,
    /// Partitions have fewer replicas in sync than `min.insync.replicas`.
    UnderMinInSync,
    /// A log dir has no room for what is to come.
    Room(i32, String),
    /// A log dir, or a broker's dirs together, are past a limit.
    Disk(i32, String),
    /// A broker's network is, out of it or into it.
    Network(i32, &'static str),
}

impl Cause {
    /// Whether copies that are under way may come to a stop by it: the time does not count then.
    pub(super) fn stops_copies(&self) -> bool {
        matches!(self, Self::Silence | Self::Away(_) | Self::OutOfSync | Self::Room(..))
    }
}

/// A reason to begin nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Its kind.
    pub cause: Cause,
    /// What it is, a lowercase fragment with its figures.
    pub text: String,
}

impl Objection {
    /// An objection.
    #[must_use]
    pub fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }
}

/// A hold, while there is one.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Since when, seconds since 1970.
    since: Option<f64>,
    causes: Vec<Cause>,
    told_at: f64,
}

impl Hold {
    /// Takes in what speaks against going on at `now`; what is to be told of it, if anything is.
    pub(super) fn take(&mut self, objections: &[Objection], now: f64) -> Option<Event> {
        if objections.is_empty() {
            let since = self.since.take()?;
            self.causes.clear();
            return Some(Event::GoesOn { held_seconds: now - since });
        }
        let since = *self.since.get_or_insert(now);
        let causes: Vec<Cause> = objections.iter().map(|objection| objection.cause.clone()).collect();
        if causes == self.causes && now - self.told_at < TOLD_EVERY_SECONDS {
            return None;
        }
        (self.causes, self.told_at) = (causes, now);
        Some(Event::Held { why: objections.iter().map(|objection| objection.text.clone()).collect(), since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_told_once_a_minute_and_since_when_it_is() {
        let mut hold = Hold::default();
        let out = |number: usize| vec![Objection::new(Cause::OutOfSync, format!("{number} are out of sync"))];
        let held = |text: &str, since| Some(Event::Held { why: vec![text.to_owned()], since });
        assert_eq!(hold.take(&[], 5.0), None);
        assert_eq!(hold.take(&out(3), 10.0), held("3 are out of sync", 10.0));
        assert_eq!(hold.take(&out(2), 40.0), None);
        assert_eq!(hold.take(&out(1), 70.0), held("1 are out of sync", 10.0));
        let away = vec![Objection::new(Cause::Away(3), "broker 3 is away")];
        assert_eq!(hold.take(&away, 71.0), held("broker 3 is away", 10.0));
        assert_eq!(hold.take(&[], 80.0), Some(Event::GoesOn { held_seconds: 70.0 }));
        assert_eq!(hold.take(&[], 81.0), None);
        assert_eq!(hold.take(&away, 90.0), held("broker 3 is away", 90.0));
    }
}
