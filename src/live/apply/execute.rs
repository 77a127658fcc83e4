//! One step, from its throttle to its elections.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::hold::{Cause, Hold, Objection};
use super::journal::{BatchState, Measured, Record, Span};
use super::look::{Look, Phase};
use super::work::{Step, Target};
use super::{Apply, ApplyError, Event, Throttle, predict, throttle};
use crate::ingest::kafka_cli::rfc3339;
use crate::live::admin::{Answer, ErrorKind, Replica, Resource, TopicPartition};

/// Looks in a row that must show the same trouble before it is believed: brokers' metadata lags behind the controller.
pub(super) const LOOKS_TO_BELIEVE: usize = 10;

/// Looks between two attempts at what was refused or got lost.
pub(super) const LOOKS_BETWEEN_ATTEMPTS: usize = 5;

/// A look that took long is followed by a rest so many times as long: brokers are asked for a fifth of the time at most.
const LOOK_REST: f64 = 4.0;

/// Attempts at anything that is refused.
pub(super) const ATTEMPTS_MAX: usize = 6;

impl Apply<'_> {
    /// Now, as the journal has it.
    pub(super) fn now(&self) -> String {
        rfc3339(self.surroundings.unix_seconds() as i64)
    }

    /// Carries `step` out, or undoes its batch, and writes down that it began and that it is through.
    pub(super) fn run_step(&mut self, step: &Step, of: usize, is_rollback: bool) -> Result<(), ApplyError> {
        let (first, last) = if is_rollback {
            (BatchState::RollingBack, BatchState::RolledBack)
        } else {
            (BatchState::Started, BatchState::Done)
        };
        let brokers = brokers_of(&step.targets);
        let is_slowed = !throttle::resources(step).is_empty();
        let look = self.look_until_sound(step, self.limit(step).filter(|_| is_slowed))?;
        let copies = step.targets.iter().any(|t| look.phase(t) != Phase::Done) && is_slowed;
        let limit = self.limit(step).filter(|_| copies);
        let look = self.wait_to_begin(step, look, limit)?;
        let (done, all) = look.copied(&step.targets);
        let (batch, partitions) = (step.batch, step.targets.len());
        (self.tell)(&Event::Batch { batch, of, partitions, bytes: all, throttle: limit, is_rollback });
        self.journal.append(Record::Batch { batch, state: first, at: self.now() })?;
        let began = self.surroundings.unix_seconds();
        let fetch = match limit {
            Some(limit) => self.slow_down(step, limit, &look.alive)?,
            None => 0.0,
        };
        let after_others = is_rollback || batch > 1;
        let predicted = limit.map(|limit| predict::durations(&step.targets, &look, limit, fetch, after_others));
        let mut held_seconds = 0.0;
        let end = self.move_replicas(step, &brokers, (began, limit), &mut held_seconds)?;
        held_seconds += self.wait_to_elect(step)?;
        self.elect(&step.elections)?;
        let seconds = self.surroundings.unix_seconds() - began - held_seconds;
        self.restore()?;
        let measured = Measured {
            batch,
            predicted_seconds: predicted.and_then(|p| Some(Span { p10: p.p10?, p50: p.p50?, p90: p.p90? })),
            seconds,
            held_seconds,
            planned_bytes: all - done,
            copied_bytes: end.held_bytes(&step.targets).saturating_sub(look.held_bytes(&step.targets)),
        };
        self.journal.append(Record::Measured(measured))?;
        self.journal.append(Record::Batch { batch, state: last, at: self.now() })?;
        (self.tell)(&Event::Through(measured));
        Ok(())
    }

    /// What each broker may copy in and out for `step`, bytes per second; none for as much as it can.
    pub(super) fn limit(&self, step: &Step) -> Option<u64> {
        match self.options.throttle {
            Throttle::Suggested => Some(throttle::suggested_bytes_per_sec(step)),
            Throttle::Fixed(bytes) => Some(bytes),
            Throttle::Unlimited => None,
        }
    }

    /// Looks at the cluster; one that does not answer is waited for, one that refuses is not.
    pub(super) fn look(&self, brokers: &BTreeSet<i32>) -> Result<Look, ApplyError> {
        let mut hold = Hold::default();
        loop {
            let due = LOOK_REST * self.guard.look_seconds.get() - self.options.poll.as_secs_f64();
            if due > 0.0 {
                self.surroundings.sleep(Duration::from_secs_f64(due));
            }
            let began = self.surroundings.unix_seconds();
            match Look::take(self.admin, brokers) {
                Ok(look) => {
                    self.guard.look_seconds.set((self.surroundings.unix_seconds() - began).max(0.0));
                    self.tell_held(&mut hold, &[]);
                    return Ok(look);
                }
                Err(error) if error.kind == ErrorKind::Unreachable => {
                    self.guard.look_seconds.set(0.0);
                    self.tell_held(&mut hold, &[Objection::new(Cause::Silence, error.to_string())]);
                    self.surroundings.sleep(self.options.poll);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Looks until nothing speaks against going on with `step`, slowed down to `limit`.
    pub(super) fn look_until_sound(&self, step: &Step, limit: Option<u64>) -> Result<Look, ApplyError> {
        let brokers = brokers_of(&step.targets);
        let mut hold = Hold::default();
        loop {
            let look = self.look(&brokers)?;
            let objections = self.objections(&look, step, limit);
            self.tell_held(&mut hold, &objections);
            if objections.is_empty() {
                return Ok(look);
            }
            self.surroundings.sleep(self.options.poll);
        }
    }

    /// What speaks against going on with `step`. Of a rollback nothing is watched but what it undoes: it may be the answer
    /// to the trouble.
    fn objections(&self, look: &Look, step: &Step, limit: Option<u64>) -> Vec<Objection> {
        let mut objections = look.objections(&step.targets);
        if !step.is_rollback {
            self.guard.traffic.borrow_mut().read(self.admin, look, self.surroundings);
            objections.extend(self.guard.objections(look, step, limit));
        }
        objections
    }

    fn tell_held(&self, hold: &mut Hold, objections: &[Objection]) {
        if let Some(event) = hold.take(objections, self.surroundings.unix_seconds()) {
            (self.tell)(&event);
        }
    }

    /// Asks for what `step`, begun then and slowed down so, wants until all of it is there; how it then stands. Adds the
    /// time in which nothing could begin to `held_seconds`.
    fn move_replicas(
        &mut self,
        step: &Step,
        brokers: &BTreeSet<i32>,
        (began, limit): (f64, Option<u64>),
        held_seconds: &mut f64,
    ) -> Result<Look, ApplyError> {
        let mut hold = Hold::default();
        let mut watch = Watch::default();
        loop {
            let turn = self.surroundings.unix_seconds();
            let look = self.look(brokers)?;
            let phases: Vec<(&Target, Phase)> = step.targets.iter().map(|t| (t, look.phase(t))).collect();
            let left = phases.iter().filter(|(_, phase)| *phase != Phase::Done).count();
            let (done, all) = look.copied(&step.targets);
            let seconds = self.surroundings.unix_seconds() - began - *held_seconds;
            let slowest = look.slowest(&step.targets);
            (self.tell)(&Event::Progress { done, all, seconds, left, slowest });
            let objections = self.objections(&look, step, limit);
            self.tell_held(&mut hold, &objections);
            if left == 0 && objections.is_empty() {
                return Ok(look);
            }
            watch.check(&phases)?;
            let is_paused = self.pause(step, &look, limit, &mut watch)?;
            if objections.is_empty() && !is_paused && watch.is_time() {
                self.ask_again(&look, &phases, limit, &mut watch)?;
            }
            watch.looks += 1;
            if !is_paused {
                self.surroundings.sleep(self.options.poll);
            }
            let is_stopped = objections.iter().any(|objection| left == 0 || objection.cause.stops_copies());
            if is_paused || is_stopped {
                *held_seconds += self.surroundings.unix_seconds() - turn;
            }
        }
    }

    /// Asks for what may begin, and gives up where that is refused too often.
    fn ask_again(
        &self,
        look: &Look,
        phases: &[(&Target, Phase)],
        limit: Option<u64>,
        watch: &mut Watch,
    ) -> Result<(), ApplyError> {
        let late = self.too_late(look, phases, limit);
        let in_time: Vec<(&Target, Phase)> =
            phases.iter().filter(|(target, _)| !late.contains(&target.partition)).cloned().collect();
        let refused = self.ask(look, &in_time, &watch.running);
        if refused.is_empty() {
            watch.attempts = 0;
            return Ok(());
        }
        watch.attempts += 1;
        if watch.attempts >= ATTEMPTS_MAX {
            return Err(failed("the cluster refuses", &refused));
        }
        (self.tell)(&Event::Note(format!("refused, tried again: {}", refused.join("; "))));
        Ok(())
    }

    /// Asks for what has not begun: dirs first, then replica lists. What has `begun` and is not under way any more was
    /// somebody's doing, and is not asked for again. Answers what was refused.
    fn ask(&self, look: &Look, phases: &[(&Target, Phase)], begun: &BTreeSet<TopicPartition>) -> Vec<String> {
        let mut moves: Vec<(Replica, String)> = Vec::new();
        let mut lists = Vec::new();
        for (target, phase) in phases {
            let is_cancelled = *phase == Phase::Waiting && begun.contains(&target.partition);
            if is_cancelled || !matches!(phase, Phase::Waiting | Phase::Moving) {
                continue;
            }
            for (id, path) in target.after.iter().filter_map(|(id, dir)| Some((*id, dir.as_ref()?))) {
                let is_there = look.dir_of(&target.partition, id) == Some(path);
                if !is_there && look.moving_to(&target.partition, id) != Some(path) {
                    moves.push(((target.partition.clone(), id), path.clone()));
                }
            }
            if *phase == Phase::Waiting {
                lists.push((target.partition.clone(), Some(target.replicas())));
            }
        }
        let mut refused = Vec::new();
        if !moves.is_empty() {
            let mut unplaced = BTreeSet::new();
            for ((partition, _), answer) in self.admin.alter_log_dirs(&moves) {
                match answer {
                    Err(error) if error.kind != ErrorKind::ReplicaNotAvailable => {
                        refused.push(error.to_string());
                        unplaced.insert(partition);
                    }
                    _ => {}
                }
            }
            // Kafka would begin the copy all the same, into a dir of its own choice.
            lists.retain(|(partition, _)| !unplaced.contains(partition));
        }
        if !lists.is_empty() {
            refused.extend(errors(self.admin.reassign(&lists).into_values()));
        }
        refused
    }

    /// Elects preferred leaders and sees that they lead.
    pub(super) fn elect(&self, partitions: &[TopicPartition]) -> Result<(), ApplyError> {
        let mut left: Vec<TopicPartition> = partitions.to_vec();
        let mut why = Vec::new();
        for attempt in 0..=ATTEMPTS_MAX {
            let look = self.look(&BTreeSet::new())?;
            left.retain(|partition| {
                let found = look.partitions.get(partition);
                found.is_some_and(|found| found.leader.is_none() || found.leader != found.replicas.first().copied())
            });
            if left.is_empty() {
                return Ok(());
            }
            if attempt > 0 {
                self.surroundings.sleep(self.options.poll);
            }
            if attempt < ATTEMPTS_MAX {
                why = errors(self.admin.elect_preferred(&left).into_values());
            }
        }
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        why.push(format!("not led as wanted: {}", names.join(", ")));
        Err(failed("not every leader was elected", &why))
    }
}

/// The brokers that `targets` are or will be on.
pub(super) fn brokers_of(targets: &[Target]) -> BTreeSet<i32> {
    targets.iter().flat_map(|target| target.before.iter().chain(&target.after)).map(|(id, _)| *id).collect()
}

/// Whether a broker's settings can be asked for: brokers answer for their own. Topics' always can.
pub(super) fn is_there(resource: &Resource, alive: &BTreeSet<i32>) -> bool {
    match resource {
        Resource::Broker(id) => alive.contains(id),
        Resource::Topic(_) => true,
    }
}

/// The first few of what went wrong.
pub(super) fn errors(answers: impl Iterator<Item = Answer<()>>) -> Vec<String> {
    const SHOWN_MAX: usize = 5;
    let mut told: Vec<String> = answers.filter_map(Result::err).map(|error| error.to_string()).collect();
    told.dedup();
    if told.len() > SHOWN_MAX {
        let more = told.len() - SHOWN_MAX;
        told.truncate(SHOWN_MAX);
        told.push(format!("and {more} more"));
    }
    told
}

pub(super) fn failed(what: &str, why: &[String]) -> ApplyError {
    ApplyError::Failed(format!("{what}: {}", why.join("; ")))
}

/// What was seen over several looks.
#[derive(Default)]
pub(super) struct Watch {
    looks: usize,
    attempts: usize,
    pub(super) running: BTreeSet<TopicPartition>,
    /// How often in a row each was seen in trouble.
    troubled: BTreeMap<TopicPartition, usize>,
}

impl Watch {
    fn is_time(&self) -> bool {
        self.looks.is_multiple_of(LOOKS_BETWEEN_ATTEMPTS)
    }

    /// Ends the step where something else than this run took a partition elsewhere.
    fn check(&mut self, phases: &[(&Target, Phase)]) -> Result<(), ApplyError> {
        for (target, phase) in phases {
            let partition = &target.partition;
            let trouble = match phase {
                Phase::Strayed(why) => Some(why.clone()),
                Phase::Waiting if self.running.contains(partition) => {
                    Some("was under way and is not any more: somebody cancelled it".to_owned())
                }
                Phase::Running => {
                    self.running.insert(partition.clone());
                    None
                }
                _ => None,
            };
            let Some(why) = trouble else {
                self.troubled.remove(partition);
                continue;
            };
            let times = self.troubled.entry(partition.clone()).or_default();
            *times += 1;
            if *times >= LOOKS_TO_BELIEVE {
                return Err(ApplyError::Failed(format!("{partition} {why}")));
            }
        }
        Ok(())
    }
}
