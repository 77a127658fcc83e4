//! RUNBOOK.md: the commands that carry a plan out, what to watch, when to stop, and how to go back. Pure text.
//!
//! Few batches are written out one by one; many would bury the operator, so that a loop takes their place.

use std::fmt::Write;

use super::pace::{Pace, paces, suggested_throttle_bytes_per_sec};
use super::rollback::rollback;
use super::{Batch, Plan};
use crate::model::Snapshot;

/// Up to so many batches are written out; a reader does not follow more by hand.
const BATCHES_WRITTEN_OUT: usize = 20;

/// Up to so many partitions are listed where something is left out; the rest is counted.
const LISTED: usize = 200;

/// The name of a batch's folder: `001` and so on, wider where there are more than 999.
#[must_use]
pub fn batch_name(number: usize, batches: usize) -> String {
    let width = batches.to_string().len().max(3);
    format!("{number:0width$}")
}

/// Sections of the runbook that the command which made the plan adds: what comes before the batches and after them.
/// Markdown; each is empty or ends in an empty line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// Before anything else.
    pub before: String,
    /// Once every batch is complete.
    pub after: String,
}

/// The runbook of `plan`.
#[must_use]
pub fn render(snapshot: &Snapshot, plan: &Plan) -> String {
    render_with(snapshot, plan, &Extra::default())
}

/// The runbook of `plan`, with what its command adds.
#[must_use]
pub fn render_with(snapshot: &Snapshot, plan: &Plan, extra: &Extra) -> String {
    let mut text = format!("# Runbook: cluster {}\n\n{}", snapshot.cluster.cluster_id, extra.before);
    if plan.batches.is_empty() {
        text.push_str("Nothing is to be done: this plan moves no replica and elects no leader.\n");
        if !extra.after.is_empty() {
            let _ = write!(text, "\n{}", extra.after);
        }
        excuses(&mut text, plan);
        return text;
    }
    let paces = paces(snapshot, plan);
    let least = paces.iter().map(Pace::least_throttle_bytes_per_sec).fold(0.0, f64::max);
    let throttle = suggested_throttle_bytes_per_sec(least);
    summary(&mut text, snapshot, plan);
    prepare(&mut text, least, throttle);
    if plan.batches.len() <= BATCHES_WRITTEN_OUT {
        for (index, (batch, pace)) in plan.batches.iter().zip(&paces).enumerate() {
            one_batch(&mut text, snapshot, (index + 1, plan.batches.len()), batch, pace, throttle);
        }
    } else {
        all_batches(&mut text, snapshot, plan, &paces, throttle);
    }
    text.push_str(&extra.after);
    watch(&mut text);
    going_back(&mut text, snapshot, plan);
    excuses(&mut text, plan);
    text
}

fn summary(text: &mut String, snapshot: &Snapshot, plan: &Plan) {
    let movement = &plan.movement;
    let _ = write!(
        text,
        "Made for the snapshot of {} (sha256 `{}`). Outcome: {}.\n\n\
         Entries: {}. Between brokers: {}, {}. Between log dirs of one broker: {}, {}. Leadership: {}. In {}.\n\n\
         Carry it out while the cluster still is as the snapshot has it. Capture it again and run `evenkeel verify` \
         with the new snapshot and this directory if hours have passed.\n\n",
        snapshot.cluster.captured_at,
        snapshot.cluster.sha256,
        plan.outcome.name(),
        count(movement.partitions_changed, "partition"),
        count(movement.replica_moves, "replica"),
        size(movement.inter_broker_bytes as f64),
        count(movement.log_dir_moves, "replica"),
        size(movement.intra_broker_bytes as f64),
        count(movement.leader_changes, "change"),
        if plan.batches.len() == 1 { "one batch".to_owned() } else { format!("{} batches", plan.batches.len()) },
    );
}

fn prepare(text: &mut String, least: f64, throttle: u64) {
    let _ = write!(
        text,
        "## Before you start\n\n\
         Work in this directory, with Kafka's tools on the path (some packages drop the `.sh`):\n\n\
         ```sh\n\
         export BOOTSTRAP=localhost:9092   # a broker; add --command-config FILE to the commands for a secured one\n\
         export THROTTLE={throttle}   # bytes per second, in and out of each broker\n\
         ```\n\n\
         1. All brokers that the plan names answer, and nothing is under-replicated that was not in the snapshot.\n\
         2. No reassignment is running, or Kafka refuses this one:\n\n\
         \x20  ```sh\n\
         \x20  kafka-reassign-partitions.sh --bootstrap-server \"$BOOTSTRAP\" --list\n\
         \x20  ```\n\
         3. The log dirs that the files name exist. Kafka starts a copy even where it then refuses the dir, and leaves \
         it in whichever dir it likes.\n\n\
         The throttle must exceed what producers and followers move meanwhile, or the copies never end: for this plan \
         {} on the busiest broker. Raise it while a batch runs by repeating its `--execute` with `--additional` and \
         another value.\n\n",
        rate(least),
    );
}

fn one_batch(
    text: &mut String,
    snapshot: &Snapshot,
    (number, batches): (usize, usize),
    batch: &Batch,
    pace: &Pace,
    throttle: u64,
) {
    let name = batch_name(number, batches);
    let _ = writeln!(text, "## Batch {number} of {batches}\n");
    let _ = writeln!(text, "{}\n", batch_line(snapshot, batch, pace, throttle));
    if !batch.entries.is_empty() {
        let file = format!("batches/{name}/reassignment.json");
        let _ = write!(text, "Start the copies:\n\n```sh\n{}\n```\n\n", execute(&file));
        let _ = write!(
            text,
            "Ask until nothing is still in progress; the last answer also clears the throttles:\n\n```sh\n{}\n```\n\n",
            wait(&file)
        );
    }
    if !batch.elections.is_empty() {
        let file = format!("batches/{name}/leader-election.json");
        let _ = write!(text, "Elect the preferred leaders:\n\n```sh\n{}\n```\n\n", elect(&file));
    }
    if !batch.entries.is_empty() {
        let _ = write!(
            text,
            "To take this batch back once it is complete, after any later ones: the same commands with \
             `batches/{name}/rollback.json`.\n\n"
        );
    }
}

fn all_batches(text: &mut String, snapshot: &Snapshot, plan: &Plan, paces: &[Pace], throttle: u64) {
    let seconds: Option<f64> = paces.iter().map(|pace| pace.estimate(throttle as f64).seconds).sum();
    let _ = write!(
        text,
        "## The batches\n\n\
         {} batches, {} in all at {}. Each must be complete before the next one starts: it needs the room that the \
         ones before it freed. This loop carries them out in order and stops at the first error; set `FROM` to \
         continue later.\n\n\
         ```sh\n\
         set -eu\n\
         FROM=${{FROM:-{}}}\n\
         for dir in batches/*/; do\n\
         \x20 batch=$(basename \"$dir\")\n\
         \x20 if [ \"$batch\" \\< \"$FROM\" ]; then continue; fi\n\
         \x20 echo \"batch $batch\"\n\
         \x20 if grep -q '\"topic\"' \"$dir/reassignment.json\"; then\n\
         {}\n\
         {}\n\
         \x20 fi\n\
         \x20 if grep -q '\"topic\"' \"$dir/leader-election.json\"; then\n\
         {}\n\
         \x20 fi\n\
         done\n\
         ```\n\n",
        plan.batches.len(),
        duration(seconds),
        rate(throttle as f64),
        batch_name(1, plan.batches.len()),
        indent(&execute("\"$dir/reassignment.json\"")),
        indent(&wait("\"$dir/reassignment.json\"")),
        indent(&elect("\"$dir/leader-election.json\"")),
    );
    let longest = paces.iter().enumerate().map(|(i, pace)| (pace.estimate(throttle as f64).seconds, i));
    let longest = longest.filter_map(|(s, i)| Some((s?, i))).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    if let Some((_, index)) = longest {
        let line = batch_line(snapshot, &plan.batches[index], &paces[index], throttle);
        let _ = writeln!(text, "The longest is batch {}. {line}\n", index + 1);
    }
}

fn batch_line(snapshot: &Snapshot, batch: &Batch, pace: &Pace, throttle: u64) -> String {
    let estimate = pace.estimate(throttle as f64);
    let mut line = format!(
        "{}, {} between brokers, {} between log dirs, {}.",
        count(batch.entries.len() as u64, "partition"),
        size(batch.inter_broker_bytes as f64),
        size(batch.intra_broker_bytes as f64),
        count(batch.elections.len() as u64, "election")
    );
    if let Some(busiest) = estimate.busiest {
        let id = snapshot.broker(busiest).id;
        let _ = write!(
            line,
            " Expected: {} at {}, decided by broker {id}.",
            duration(estimate.seconds),
            rate(throttle as f64)
        );
    }
    line
}

fn execute(file: &str) -> String {
    format!(
        "kafka-reassign-partitions.sh --bootstrap-server \"$BOOTSTRAP\" \\\n  \
         --reassignment-json-file {file} \\\n  \
         --throttle \"$THROTTLE\" --replica-alter-log-dirs-throttle \"$THROTTLE\" --execute"
    )
}

fn wait(file: &str) -> String {
    let verify = format!(
        "kafka-reassign-partitions.sh --bootstrap-server \"$BOOTSTRAP\" \\\n  --reassignment-json-file {file} --verify"
    );
    format!(
        "until state=$({verify}) &&\n  ! echo \"$state\" | grep -q 'in progress'; do sleep 30; done\necho \"$state\" | \
         tail -n 5"
    )
}

fn elect(file: &str) -> String {
    format!(
        "kafka-leader-election.sh --bootstrap-server \"$BOOTSTRAP\" \\\n  --election-type preferred \
         --path-to-json-file {file}"
    )
}

fn indent(command: &str) -> String {
    command.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn watch(text: &mut String) {
    text.push_str(
        "## What to watch, when to stop\n\n\
         - Under-replicated partitions stay at what they were; partitions that move do not count as such. Produce and \
         fetch latency and disk use of the receiving brokers stay in bounds.\n\
         - Progress of copies between brokers: `kafka-reassign-partitions.sh --list`. Of moves between log dirs: \
         `kafka-log-dirs.sh --describe`, entries with `\"isFuture\":true`; `--list` does not show them.\n\
         - Progress is a growing size, not `offsetLag`, which is 0 for a replica that is catching up.\n\
         - Stop when a broker of the batch fails or a disk passes 95 %: the batch's `--execute` command with `--cancel` \
         in place of `--execute` and without its throttles puts back what is still running. What had been completed \
         stays; take it back with the batch's rollback.\n\
         - Never start another reassignment of a partition that is still moving: cancel first. Overriding and then \
         cancelling leaves it with a replica too many, which is copied without any throttle.\n\
         - `--cancel`, and a `--verify` that finds its own batch complete, clear the throttles of all brokers, those of \
         other people's reassignments included.\n\n",
    );
}

fn going_back(text: &mut String, snapshot: &Snapshot, plan: &Plan) {
    let rollback = rollback(snapshot, plan);
    text.push_str("## Going back\n\n");
    if plan.batches.len() > 1 {
        text.push_str(
            "Take the batches back in reverse order, last one first, each with `batches/NNN/rollback.json`: only that \
             order keeps every log dir within its capacity. `rollback.json` does it at once, where there is room. ",
        );
    }
    if rollback.entries.is_empty() {
        text.push_str("`rollback.json` is empty: no replica list can or need be restored.\n\n");
    } else {
        let _ = write!(
            text,
            "The whole plan back, {}:\n\n```sh\n{}\n{}\n```\n\n",
            count(rollback.entries.len() as u64, "partition"),
            execute("rollback.json"),
            wait("rollback.json")
        );
    }
    if !rollback.elections.is_empty() {
        let _ = write!(
            text,
            "Then the leaders, {}:\n\n```sh\n{}\n```\n\n",
            count(rollback.elections.len() as u64, "partition"),
            elect("rollback-leader-election.json")
        );
    }
    if rollback.left_out.is_empty() {
        return;
    }
    text.push_str("### What is not restored\n\n");
    for left_out in rollback.left_out.iter().take(LISTED) {
        let _ = writeln!(text, "- `{}` {}", snapshot.partition_name(left_out.partition), left_out.why);
    }
    if rollback.left_out.len() > LISTED {
        let _ = writeln!(text, "- … and {} more partitions, for the same reasons", rollback.left_out.len() - LISTED);
    }
    text.push('\n');
}

fn excuses(text: &mut String, plan: &Plan) {
    if plan.excuses.is_empty() {
        return;
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text.push_str("## What this plan does not mend\n\n");
    for excuse in plan.excuses.iter().take(LISTED) {
        let about = excuse.criterion.map_or_else(String::new, |c| format!(" ({})", c.name()));
        let _ = writeln!(text, "- **{}**{about}: {}. Remedy: {}.", excuse.subject, excuse.why, excuse.remedy);
    }
    if plan.excuses.len() > LISTED {
        let _ = writeln!(text, "- … and {} more, in plan.json", plan.excuses.len() - LISTED);
    }
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Bytes in the largest binary unit that keeps a whole part.
fn size(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            let digits = usize::from(unit != "B" && value < 100.0 && value.fract() > 0.0);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} PiB")
}

fn rate(bytes_per_sec: f64) -> String {
    format!("{}/s", size(bytes_per_sec))
}

fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "never (the throttle is below what is written meanwhile)".to_owned() };
    let minutes = (seconds / 60.0).ceil().min(1e12) as u64;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("about {} min", minutes.max(1)),
        (hours, minutes) => format!("about {hours} h {minutes:02} min"),
    }
}
