//! Whole runs: apply and resume, cancel, roll back; and what each would find in the way.

use std::collections::{BTreeMap, BTreeSet};

use super::execute::brokers_of;
use super::journal::{Ending, Measured, Record, Standing};
use super::look::{Look, Phase};
use super::work::{Step, Target, Work};
use super::{Apply, ApplyError, Event, Report, Throttle, check_cluster, throttle};
use crate::live::admin::{Admin, TopicPartition};

/// Looks at a partition that is astray before that is believed.
const LOOKS_AT_DRIFT: usize = 3;

/// Carries out what the journal does not show as done.
///
/// # Errors
/// See [`ApplyError`]; the journal says how far it came.
pub fn apply(run: &mut Apply<'_>, work: &Work) -> Result<Report, ApplyError> {
    check_plan(run.journal.standing(), work)?;
    let standing = run.journal.standing().clone();
    check_beginning(&standing, run.options.resume)?;
    check_throttle(work, run.options.throttle)?;
    let left: Vec<&Step> = work.batches.iter().filter(|step| !standing.done.contains(&step.batch)).collect();
    run.check_windows(&left)?;
    check_cluster(run.admin, work)?;
    // A rollback that ended leaves a journal that is as good as none.
    let mut skipped = standing.skipped.clone();
    let drifted = settled_drift(run, &work.batches, &standing)?;
    let drifted: Vec<_> = drifted.into_iter().filter(|(p, _)| !skipped.contains(&p.to_string())).collect();
    if !drifted.is_empty() {
        let lines: Vec<String> = drifted.iter().map(|(p, why)| format!("{p} {why}")).collect();
        if !run.options.allow_drift {
            return Err(ApplyError::Drift(lines));
        }
        (run.tell)(&Event::Note(format!("left alone: {}", lines.join("; "))));
    }
    begin(run, work, if run.options.resume { "resume" } else { "apply" })?;
    if !drifted.is_empty() {
        let partitions: Vec<String> = drifted.iter().map(|(p, _)| p.to_string()).collect();
        skipped.extend(partitions.iter().cloned());
        run.journal.append(Record::Skipped { partitions })?;
    }
    let mut report = Report::default();
    for step in work.batches.iter().filter(|step| !standing.done.contains(&step.batch)) {
        run.run_step(&without(step, &skipped), work.batches.len(), false)?;
        report.batches.push(step.batch);
    }
    report.measured = run.journal.standing().measured.values().copied().collect();
    end(run, Ending::Applied)?;
    report.skipped = skipped.into_iter().collect();
    Ok(report)
}

/// Cancels what is under way of the plan and puts settings back. Batches that are through stay as they are.
///
/// # Errors
/// See [`ApplyError`].
pub fn cancel(run: &mut Apply<'_>, work: &Work) -> Result<Report, ApplyError> {
    let standing = run.journal.standing().clone();
    check_plan(&standing, work)?;
    if standing.started.is_empty() && standing.found.is_empty() {
        return Err(ApplyError::Refused("nothing of this plan is under way: there is nothing to cancel".to_owned()));
    }
    check_cluster(run.admin, work)?;
    begin(run, work, "cancel")?;
    let cancelled = cancel_started(run, work, &standing)?;
    let restored = run.restore()?;
    end(run, Ending::Cancelled)?;
    Ok(Report { cancelled, restored, ..Report::default() })
}

/// Undoes every batch that was begun, the last one first, and elects who led before.
///
/// # Errors
/// See [`ApplyError`]; run it again to go on.
pub fn rollback(run: &mut Apply<'_>, work: &Work) -> Result<Report, ApplyError> {
    let standing = run.journal.standing().clone();
    check_plan(&standing, work)?;
    let begun: BTreeSet<usize> = standing.started.union(&standing.done).copied().collect();
    if begun.is_empty() {
        return Err(ApplyError::Refused("no batch of this plan was begun: there is nothing to roll back".to_owned()));
    }
    check_cluster(run.admin, work)?;
    let steps: Vec<Step> = work
        .rollbacks
        .iter()
        .rev()
        .filter(|step| begun.contains(&step.batch))
        .map(|step| without(step, &standing.skipped))
        .collect();
    run.check_windows(&steps.iter().collect::<Vec<_>>())?;
    begin(run, work, "rollback")?;
    let cancelled = cancel_started(run, work, &standing)?;
    let restored = run.restore()?;
    let mut report = Report { cancelled, restored, ..Report::default() };
    for step in &steps {
        run.run_step(step, work.batches.len(), true)?;
        report.batches.push(step.batch);
    }
    let is_undone = |p: &&TopicPartition| !standing.skipped.contains(&p.to_string());
    let elections: Vec<TopicPartition> = work.rollback_elections.iter().filter(is_undone).cloned().collect();
    run.elect(&elections)?;
    let undone = |measured: &&Measured| report.batches.contains(&measured.batch);
    report.measured = run.journal.standing().measured.values().filter(undone).copied().collect();
    end(run, Ending::RolledBack)?;
    report.skipped = standing.skipped.into_iter().collect();
    Ok(report)
}

/// What of `steps` is neither as it was before nor as it is to be, or names what does not serve: each partition once, by
/// the first step that is not done.
///
/// # Errors
/// Nobody answered.
pub fn drift(
    admin: &dyn Admin,
    steps: &[Step],
    standing: &Standing,
) -> Result<Vec<(TopicPartition, String)>, ApplyError> {
    let left: Vec<&Step> = steps.iter().filter(|step| !standing.done.contains(&step.batch)).collect();
    let brokers: BTreeSet<i32> = left.iter().flat_map(|step| brokers_of(&step.targets)).collect();
    let look = Look::take(admin, &brokers)?;
    let mut found: BTreeMap<&TopicPartition, Option<String>> = BTreeMap::new();
    for step in left {
        for target in &step.targets {
            let is_begun = standing.started.contains(&step.batch);
            found.entry(&target.partition).or_insert_with(|| objection(&look, target, is_begun));
        }
    }
    Ok(found.into_iter().filter_map(|(partition, why)| Some((partition.clone(), why?))).collect())
}

fn objection(look: &Look, target: &Target, is_begun: bool) -> Option<String> {
    if is_begun {
        return match look.phase(target) {
            Phase::Strayed(why) => Some(why),
            _ => None,
        };
    }
    let differs = look.difference(&target.partition, &target.before);
    differs.or_else(|| target.after.iter().find_map(|(id, dir)| cannot_take(look, *id, dir.as_deref())))
}

/// Why broker `id` cannot keep a replica in `dir`.
fn cannot_take(look: &Look, id: i32, dir: Option<&str>) -> Option<String> {
    if !look.alive.contains(&id) {
        return Some(format!("is to be on broker {id}, which does not serve"));
    }
    let (dir, dirs) = (dir?, look.dirs.get(&id)?);
    match dirs.get(dir) {
        None => Some(format!("is to be in {dir} on broker {id}, which has no such log dir")),
        Some(found) if !found.is_online => Some(format!("is to be in {dir} on broker {id}, which is offline")),
        Some(_) => None,
    }
}

/// The drift that is still there after a few looks.
fn settled_drift(
    run: &Apply<'_>,
    steps: &[Step],
    standing: &Standing,
) -> Result<Vec<(TopicPartition, String)>, ApplyError> {
    let mut found = drift(run.admin, steps, standing)?;
    for _ in 1..LOOKS_AT_DRIFT {
        if found.is_empty() {
            break;
        }
        run.surroundings.sleep(run.options.poll);
        found = drift(run.admin, steps, standing)?;
    }
    Ok(found)
}

/// `step` without the partitions that are left alone.
fn without(step: &Step, skipped: &BTreeSet<String>) -> Step {
    let is_kept = |partition: &TopicPartition| !skipped.contains(&partition.to_string());
    Step {
        targets: step.targets.iter().filter(|target| is_kept(&target.partition)).cloned().collect(),
        elections: step.elections.iter().filter(|partition| is_kept(partition)).cloned().collect(),
        ..step.clone()
    }
}

/// Cancels what is under way of the batches that were started, whichever way they were going.
fn cancel_started(run: &Apply<'_>, work: &Work, standing: &Standing) -> Result<usize, ApplyError> {
    let of_started = |steps: &[Step]| {
        let started = steps.iter().filter(|step| standing.started.contains(&step.batch));
        started.flat_map(|step| without(step, &standing.skipped).targets).collect::<Vec<Target>>()
    };
    let forward = run.cancel_targets(&of_started(&work.batches))?;
    Ok(forward + run.cancel_targets(&of_started(&work.rollbacks))?)
}

fn begin(run: &mut Apply<'_>, work: &Work, command: &str) -> Result<(), ApplyError> {
    let at = crate::ingest::kafka_cli::rfc3339(run.surroundings.unix_seconds() as i64);
    Ok(run.journal.append(Record::Begin {
        command: command.to_owned(),
        plan_sha256: work.sha256.clone(),
        cluster_id: work.cluster_id.clone(),
        at,
    })?)
}

fn end(run: &mut Apply<'_>, outcome: Ending) -> Result<(), ApplyError> {
    let at = run.now();
    Ok(run.journal.append(Record::End { outcome, at })?)
}

fn check_plan(standing: &Standing, work: &Work) -> Result<(), ApplyError> {
    match &standing.plan_sha256 {
        Some(known) if *known != work.sha256 => Err(ApplyError::Refused(format!(
            "the journal is of another plan ({}…, this one is {}…): a plan is run as it was when it was begun",
            known.get(..12).unwrap_or(known),
            work.sha256.get(..12).unwrap_or(&work.sha256)
        ))),
        _ => Ok(()),
    }
}

fn check_beginning(standing: &Standing, resume: bool) -> Result<(), ApplyError> {
    let is_begun = standing.plan_sha256.is_some() && standing.ending != Some(Ending::RolledBack);
    let refuse = |text: &str| Err(ApplyError::Refused(text.to_owned()));
    match (resume, is_begun, standing.ending) {
        (_, true, Some(Ending::Applied)) => refuse("the plan is carried out already; --rollback undoes it"),
        (false, true, _) => refuse("the plan was begun before: go on with --resume, or --cancel, or --rollback"),
        (true, false, _) => refuse("the plan was not begun: leave out --resume"),
        _ => Ok(()),
    }
}

/// A throttle that is less than what is written meanwhile never lets the copies catch up.
fn check_throttle(work: &Work, limit: Throttle) -> Result<(), ApplyError> {
    let Throttle::Fixed(limit) = limit else { return Ok(()) };
    for step in &work.batches {
        let least = throttle::least_bytes_per_sec(step);
        if limit as f64 <= least {
            return Err(ApplyError::Refused(format!(
                "batch {} never ends at a throttle of {limit} bytes/s: producers and in-sync followers take {least:.0} \
                 of that; give more, or leave --throttle out",
                step.batch
            )));
        }
    }
    Ok(())
}
