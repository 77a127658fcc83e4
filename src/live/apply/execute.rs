//! One step, from its throttle to its elections.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::{BatchState, Record, Setting};
use super::look::{Look, Phase};
use super::work::{Step, Target, ids};
use super::{Apply, ApplyError, Event, Throttle, throttle};
use crate::ingest::kafka_cli::rfc3339;
use crate::live::admin::{AdminError, Answer, ConfigChange, ErrorKind, Replica, Resource, TopicPartition};

/// Looks in a row that must show the same trouble before it is believed: brokers' metadata lags behind the controller.
const LOOKS_TO_BELIEVE: usize = 10;

/// Looks between two attempts at what was refused or got lost.
const LOOKS_BETWEEN_ATTEMPTS: usize = 5;

/// Attempts at anything that is refused.
const ATTEMPTS_MAX: usize = 6;

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
        let look = self.look_until_sound(&brokers, &step.targets)?;
        let limit = match self.options.throttle {
            Throttle::Suggested => Some(throttle::suggested_bytes_per_sec(step)),
            Throttle::Fixed(bytes) => Some(bytes),
            Throttle::Unlimited => None,
        };
        let (_, all) = look.copied(&step.targets);
        let copies = step.targets.iter().any(|t| look.phase(t) != Phase::Done) && !throttle::resources(step).is_empty();
        let limit = limit.filter(|_| copies);
        let (batch, partitions) = (step.batch, step.targets.len());
        (self.tell)(&Event::Batch { batch, of, partitions, bytes: all, throttle: limit, is_rollback });
        let began = self.surroundings.unix_seconds();
        self.journal.append(Record::Batch { batch, state: first, at: self.now() })?;
        if let Some(limit) = limit {
            self.slow_down(step, limit, &look.alive)?;
        }
        self.move_replicas(step, &brokers, began)?;
        self.elect(&step.elections)?;
        self.restore()?;
        self.journal.append(Record::Batch { batch, state: last, at: self.now() })?;
        let seconds = self.surroundings.unix_seconds() - began;
        (self.tell)(&Event::Through { batch, bytes: all, seconds });
        Ok(())
    }

    /// Looks at the cluster; one that does not answer is waited for, one that refuses is not.
    pub(super) fn look(&self, brokers: &BTreeSet<i32>) -> Result<Look, ApplyError> {
        let mut is_held = false;
        loop {
            match Look::take(self.admin, brokers) {
                Ok(look) => {
                    if is_held {
                        (self.tell)(&Event::GoesOn);
                    }
                    return Ok(look);
                }
                Err(error) if error.kind == ErrorKind::Unreachable => {
                    if !is_held {
                        (self.tell)(&Event::Held(vec![error.to_string()]));
                    }
                    is_held = true;
                    self.surroundings.sleep(self.options.poll);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Looks until nothing speaks against going on.
    fn look_until_sound(&self, brokers: &BTreeSet<i32>, targets: &[Target]) -> Result<Look, ApplyError> {
        let mut told = Vec::new();
        loop {
            let look = self.look(brokers)?;
            let objections = look.objections(targets);
            self.tell_objections(&mut told, &objections);
            if objections.is_empty() {
                return Ok(look);
            }
            self.surroundings.sleep(self.options.poll);
        }
    }

    fn tell_objections(&self, told: &mut Vec<String>, objections: &[String]) {
        if told.as_slice() == objections {
            return;
        }
        let event = if objections.is_empty() { Event::GoesOn } else { Event::Held(objections.to_vec()) };
        (self.tell)(&event);
        objections.clone_into(told);
    }

    /// Sets the throttles of `step`. What they were is on disk before.
    fn slow_down(&mut self, step: &Step, bytes_per_sec: u64, alive: &BTreeSet<i32>) -> Result<(), ApplyError> {
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
        if errors.is_empty() { Ok(()) } else { Err(failed("the throttle was not set", &errors)) }
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
                self.journal.append(Record::Restored { at: self.now() })?;
                self.remember_away(&away)?;
                return Ok(number - away.len());
            }
            why = errors(answers.into_values());
        }
        Err(failed("settings could not be put back; --cancel or --resume tries again", &why))
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

    /// Asks for what `step` wants until all of it is there.
    fn move_replicas(&mut self, step: &Step, brokers: &BTreeSet<i32>, began: f64) -> Result<(), ApplyError> {
        let mut told = Vec::new();
        let mut watch = Watch::default();
        loop {
            let look = self.look(brokers)?;
            let phases: Vec<(&Target, Phase)> = step.targets.iter().map(|t| (t, look.phase(t))).collect();
            let left = phases.iter().filter(|(_, phase)| *phase != Phase::Done).count();
            let (done, all) = look.copied(&step.targets);
            let seconds = self.surroundings.unix_seconds() - began;
            (self.tell)(&Event::Progress { done, all, seconds, left });
            let objections = look.objections(&step.targets);
            self.tell_objections(&mut told, &objections);
            if left == 0 && objections.is_empty() {
                return Ok(());
            }
            watch.check(&phases)?;
            if objections.is_empty() && watch.is_time() {
                let refused = self.ask(&look, &phases, &watch.running);
                if refused.is_empty() {
                    watch.attempts = 0;
                } else {
                    watch.attempts += 1;
                    if watch.attempts >= ATTEMPTS_MAX {
                        return Err(failed("the cluster refuses", &refused));
                    }
                    (self.tell)(&Event::Note(format!("refused, tried again: {}", refused.join("; "))));
                }
            }
            watch.looks += 1;
            self.surroundings.sleep(self.options.poll);
        }
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

    /// Cancels what is under way for `targets` and waits until nothing is; how many there were. A partition that ends
    /// with neither of its replica lists, or with the old replicas in another order, is given its old list.
    pub(super) fn cancel_targets(&self, targets: &[Target]) -> Result<usize, ApplyError> {
        let brokers = brokers_of(targets);
        let mut cancelled = BTreeSet::new();
        let mut why = Vec::new();
        // How often in a row each was seen with too many replicas: metadata may merely lag.
        let mut swollen: BTreeMap<TopicPartition, usize> = BTreeMap::new();
        for _ in 0..ATTEMPTS_MAX * LOOKS_TO_BELIEVE {
            let look = self.look(&brokers)?;
            let mut lists = Vec::new();
            let mut moves: Vec<(Replica, String)> = Vec::new();
            let mut is_settled = true;
            for target in targets {
                let partition = &target.partition;
                if look.phase(target) == Phase::Running {
                    lists.push((partition.clone(), None));
                    cancelled.insert((partition.clone(), None));
                } else if has_extra_replicas(&look, target) {
                    is_settled = false;
                    let times = swollen.entry(partition.clone()).or_default();
                    *times += 1;
                    if *times >= LOOKS_TO_BELIEVE {
                        lists.push((partition.clone(), Some(ids(&target.before))));
                    }
                } else {
                    is_settled &= look.running.get(partition).is_none_or(|r| r.target() != ids(&target.before));
                    swollen.remove(partition);
                    // Kafka goes back to the old replicas, but not to their order: the first is the preferred leader.
                    let found =
                        look.partitions.get(partition).map(|found| found.replicas.as_slice()).unwrap_or_default();
                    let old = ids(&target.before);
                    if look.phase(target) == Phase::Waiting && found != old {
                        lists.push((partition.clone(), Some(old)));
                    }
                }
                for (id, path) in target.after.iter().filter_map(|(id, dir)| Some((*id, dir.as_deref()?))) {
                    if look.moving_to(partition, id) == Some(path)
                        && let Some(here) = look.dir_of(partition, id)
                    {
                        moves.push(((partition.clone(), id), here.to_owned()));
                        cancelled.insert((partition.clone(), Some(id)));
                    }
                }
            }
            if is_settled && lists.is_empty() && moves.is_empty() {
                return Ok(cancelled.len());
            }
            why = Vec::new();
            if !moves.is_empty() {
                why.extend(errors(self.admin.alter_log_dirs(&moves).into_values()));
            }
            if !lists.is_empty() {
                let answers = self.admin.reassign(&lists).into_values();
                let is_over =
                    |answer: &Answer<()>| matches!(answer, Err(AdminError { kind: ErrorKind::NoReassignment, .. }));
                why.extend(errors(answers.filter(|answer| !is_over(answer))));
            }
            self.surroundings.sleep(self.options.poll);
        }
        Err(failed("not everything could be cancelled", &why))
    }
}

/// Whether a partition that nothing moves has replicas beyond its old and beyond its new list: what Kafka leaves when
/// an overridden reassignment is cancelled.
fn has_extra_replicas(look: &Look, target: &Target) -> bool {
    let Some(found) = look.partitions.get(&target.partition) else { return false };
    let known: BTreeSet<i32> = ids(&target.before).into_iter().chain(target.replicas()).collect();
    let is_ours = found.replicas.iter().all(|id| known.contains(id));
    let is_longer = found.replicas.len() > target.before.len().max(target.after.len());
    is_ours && is_longer && !look.running.contains_key(&target.partition)
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
fn errors(answers: impl Iterator<Item = Answer<()>>) -> Vec<String> {
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

fn failed(what: &str, why: &[String]) -> ApplyError {
    ApplyError::Failed(format!("{what}: {}", why.join("; ")))
}

/// What was seen over several looks.
#[derive(Default)]
struct Watch {
    looks: usize,
    attempts: usize,
    running: BTreeSet<TopicPartition>,
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
