//! Throttles of a step: set, and put back as they were found.

use std::collections::{BTreeMap, BTreeSet};

use super::execute::{ATTEMPTS_MAX, LOOKS_BETWEEN_ATTEMPTS, errors, failed, is_there};
use super::journal::{Record, Setting};
use super::work::Step;
use super::{Apply, ApplyError, Event, predict, throttle};
use crate::live::admin::ConfigChange;

impl Apply<'_> {
    /// Sets the throttles of `step`. What they were is on disk before. How many bytes a fetch of its brokers may bring
    /// before a throttle bites.
    pub(super) fn slow_down(
        &mut self,
        step: &Step,
        bytes_per_sec: u64,
        alive: &BTreeSet<i32>,
    ) -> Result<f64, ApplyError> {
        let mut resources = throttle::resources(step);
        resources.retain(|resource| is_there(resource, alive));
        let mut found = BTreeMap::new();
        for (resource, configs) in self.admin.configs(&resources) {
            let configs = configs.map_err(|e| {
                let help = "a throttle cannot be set and put back; --throttle unlimited goes without";
                ApplyError::Failed(format!("{e}: {help}"))
            })?;
            found.insert(resource, configs);
        }
        let mut changes = throttle::changes(step, bytes_per_sec, &found);
        changes.retain(|change| is_there(&change.resource, alive));
        // What an earlier run of this plan changed and did not put back is not how it was found.
        let known = self.journal.standing().originals();
        let originals = throttle::originals(&changes, &found);
        let new: Vec<Setting> = originals
            .iter()
            .filter(|c| !known.contains_key(&(c.resource.clone(), c.key.clone())))
            .map(Setting::of)
            .collect();
        if !new.is_empty() {
            self.journal.append(Record::Found { settings: new })?;
        }
        let errors = errors(self.admin.alter_configs(&changes).into_values());
        if errors.is_empty() {
            Ok(predict::fetch_response_max_bytes(&found))
        } else {
            Err(failed("the throttle was not set", &errors))
        }
    }

    /// Puts every setting back as it was found; how many there were. Those of a broker that is away stay in the journal.
    pub(super) fn restore(&mut self) -> Result<usize, ApplyError> {
        let originals = self.journal.standing().originals();
        if originals.is_empty() {
            return Ok(0);
        }
        let mut left: Vec<ConfigChange> =
            originals.into_iter().map(|((resource, key), value)| ConfigChange { resource, key, value }).collect();
        let number = left.len();
        let mut why = Vec::new();
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 0 {
                (self.tell)(&Event::Note(format!("settings are not put back yet: {}", why.join("; "))));
                self.surroundings.sleep(self.options.poll * LOOKS_BETWEEN_ATTEMPTS as u32);
            }
            let alive = self.look(&BTreeSet::new())?.alive;
            let (reachable, away): (Vec<ConfigChange>, Vec<ConfigChange>) =
                left.iter().cloned().partition(|change| is_there(&change.resource, &alive));
            let answers = self.admin.alter_configs(&reachable);
            left.retain(|change| !matches!(answers.get(&change.resource), Some(Ok(()))));
            if left.len() == away.len() {
                self.wait_until_shown(&reachable);
                self.journal.append(Record::Restored { at: self.now() })?;
                self.remember_away(&away)?;
                return Ok(number - away.len());
            }
            why = errors(answers.into_values());
        }
        Err(failed("settings could not be put back; --cancel or --resume tries again", &why))
    }

    /// Waits until brokers show `settings`, for a while: they follow the controller a moment later, and what the next batch
    /// found meanwhile would be this one's throttle.
    fn wait_until_shown(&self, settings: &[ConfigChange]) {
        let resources: BTreeSet<_> = settings.iter().map(|setting| setting.resource.clone()).collect();
        let resources: Vec<_> = resources.into_iter().collect();
        for _ in 0..ATTEMPTS_MAX * LOOKS_BETWEEN_ATTEMPTS {
            let answers = self.admin.configs(&resources).into_iter();
            let shown = answers.filter_map(|(resource, configs)| Some((resource, configs.ok()?))).collect();
            if throttle::originals(settings, &shown) == settings {
                return;
            }
            self.surroundings.sleep(self.options.poll);
        }
    }

    /// Keeps settings that cannot be put back while their brokers are away.
    fn remember_away(&mut self, away: &[ConfigChange]) -> Result<(), ApplyError> {
        if away.is_empty() {
            return Ok(());
        }
        self.journal.append(Record::Found { settings: away.iter().map(Setting::of).collect() })?;
        let whose: BTreeSet<String> = away.iter().map(|change| change.resource.to_string()).collect();
        let whose = whose.into_iter().collect::<Vec<_>>().join(", ");
        (self.tell)(&Event::Note(format!("settings of {whose} stay until it is back: run --cancel then")));
        Ok(())
    }
}
