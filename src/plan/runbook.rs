//! RUNBOOK.md: the commands that carry a plan out, what to watch, when to stop, and how to go back. Pure text.
//!
//! Few batches are written out one by one; many would bury the operator, so that a loop takes their place.

use std::fmt::Write;

use super::fluid::Durations;
use super::rollback::rollback;
use super::throttle::Basis;
use super::timetable::{BATCHES_WITH_OWN_THROTTLE, BatchTime};
use super::tools::Tools;
use super::words::duration;
use super::{Batch, Plan};
use crate::model::{BrokerState, Snapshot, human};

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
    summary(&mut text, snapshot, plan);
    prepare(&mut text, snapshot, plan);
    if plan.batches.len() <= BATCHES_WITH_OWN_THROTTLE {
        let times = plan.timetable.batches.iter();
        for (index, (batch, time)) in plan.batches.iter().zip(times).enumerate() {
            one_batch(&mut text, snapshot, plan, (index + 1, batch, time));
        }
    } else {
        all_batches(&mut text, snapshot, plan);
    }
    text.push_str(&extra.after);
    watch(&mut text, tools(snapshot));
    going_back(&mut text, snapshot, plan);
    excuses(&mut text, plan);
    text
}

fn tools(snapshot: &Snapshot) -> Tools {
    Tools::of(snapshot.cluster.kafka_version.as_deref())
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
        human::counted(movement.partitions_changed, "partition"),
        human::counted(movement.replica_moves, "replica"),
        human::bytes(movement.inter_broker_bytes),
        human::counted(movement.log_dir_moves, "replica"),
        human::bytes(movement.intra_broker_bytes),
        human::counted(movement.leader_changes, "change"),
        if plan.batches.len() == 1 { "one batch".to_owned() } else { format!("{} batches", plan.batches.len()) },
    );
    if let Some(change) = &plan.replication {
        let _ = write!(
            text,
            "The replication factor becomes {}: {} raised, {} lowered. Whatever creates or checks these topics (infrastructure \
             as code, quotas on disk) is to know it; new topics get the brokers' `default.replication.factor` as before.\n\n",
            change.factor,
            human::counted(change.raised, "partition"),
            human::counted(change.lowered, "partition"),
        );
    }
}

fn prepare(text: &mut String, snapshot: &Snapshot, plan: &Plan) {
    let (table, tools) = (&plan.timetable, tools(snapshot));
    if !table.warnings.is_empty() {
        text.push_str("**Before anything else:**\n\n");
        for warning in &table.warnings {
            let _ = writeln!(text, "- {warning}.");
        }
        text.push('\n');
    }
    let _ = write!(
        text,
        "## Before you start\n\n\
         Work in this directory, with Kafka's tools on the path (some packages drop the `.sh`):\n\n\
         ```sh\n\
         export BOOTSTRAP=localhost:9092   # a broker; add --command-config FILE to the commands for a secured one\n\
         {}\
         export THROTTLE={}   # bytes per second, in and out of each broker\n\
         ```\n\n\
         1. All brokers that the plan names answer, and nothing is under-replicated that was not in the snapshot.\n\
         2. No reassignment is running, or Kafka refuses this one:\n\n\
         \x20  ```sh\n\
         \x20  {}\n\
         \x20  ```\n\
         3. The log dirs that the files name exist. Kafka starts a copy even where it then refuses the dir, and leaves \
         it in whichever dir it likes.\n\
         4. {}\n",
        if tools.need_zookeeper() {
            "export ZOOKEEPER=localhost:2181   # what brokers have as zookeeper.connect\n"
        } else {
            ""
        },
        table.throttle.bytes_per_sec,
        tools.list(),
        versions(tools),
    );
    cordon(text, snapshot);
    let least = table.batches.iter().map(|time| time.least_throttle_bytes_per_sec).fold(0.0, f64::max);
    let _ = write!(
        text,
        "\n{} The throttle must exceed what producers and followers move meanwhile, or the copies never end: for this \
         plan {} on the busiest broker. Raise it while a batch runs by repeating its `--execute` with {}another value, and \
         nothing else changed.\n\n",
        basis(snapshot, plan),
        human::rate(least),
        if tools.need_zookeeper() { "" } else { "`--additional` and " },
    );
}

/// What versions of Kafka the commands are for.
fn versions(tools: Tools) -> &'static str {
    if !tools.need_zookeeper() {
        return "Every broker is Kafka 2.4 or later (KIP-455); `evenkeel apply` refuses older ones. There, Kafka's tool takes \
                `--zookeeper` in place of `--bootstrap-server`, and what runs can be neither listed, added to nor \
                cancelled: make the batches small (`--batch-bytes`) and let each end.";
    }
    if tools.may_apply() {
        "The commands are those of Kafka 2.4 and 2.5, the tool of which goes through ZooKeeper and can neither list, add \
         to nor cancel what runs. `evenkeel apply` can: these brokers take its calls."
    } else {
        "The commands are those of Kafka before 2.4, which goes through ZooKeeper: what runs can be neither listed, \
         added to nor cancelled, and `evenkeel apply` refuses such clusters. Make the batches small (`--batch-bytes`) \
         and let each end."
    }
}

/// Where the throttle comes from, as a sentence.
fn basis(snapshot: &Snapshot, plan: &Plan) -> String {
    let throttle = plan.timetable.throttle;
    let value = human::rate(throttle.bytes_per_sec as f64);
    match throttle.basis {
        Basis::Given => format!("The throttle of {value} is what was asked for."),
        Basis::Deadline => format!("The throttle of {value} is the least that meets the deadline nine times of ten."),
        Basis::Headroom(headroom) => format!(
            "The throttle of {value} is nine tenths of what broker {} has left below {}.",
            snapshot.broker(headroom.broker).id,
            headroom.rule.name()
        ),
        Basis::Floor(headroom) => format!(
            "The throttle of {value} is the least that is of use; broker {} has less left below {}.",
            snapshot.broker(headroom.broker).id,
            headroom.rule.name()
        ),
        Basis::Unknown => format!("The throttle of {value} is a common rate: no network capacity is known."),
    }
}

/// Kafka 4.3 keeps new partitions off brokers that are to be emptied (KIP-1066).
fn cordon(text: &mut String, snapshot: &Snapshot) {
    let draining: Vec<i32> =
        snapshot.brokers.iter().filter(|b| b.state == BrokerState::Draining).map(|b| b.id).collect();
    if draining.is_empty() || !tools(snapshot).may_cordon() {
        return;
    }
    text.push_str(
        "5. New topics stay off the brokers that are being emptied. Kafka 4.3 and later do that for you \
         (`--delete-config cordoned.log.dirs` takes it back); older ones go on placing partitions there:\n\n   ```sh\n",
    );
    for id in draining {
        let _ = writeln!(
            text,
            "   kafka-configs.sh --bootstrap-server \"$BOOTSTRAP\" --alter --entity-type brokers --entity-name {id} \\\n     \
             --add-config 'cordoned.log.dirs=*'"
        );
    }
    text.push_str("   ```\n");
}

fn one_batch(text: &mut String, snapshot: &Snapshot, plan: &Plan, (number, batch, time): (usize, &Batch, &BatchTime)) {
    let (batches, tools) = (plan.batches.len(), tools(snapshot));
    let name = batch_name(number, batches);
    let _ = writeln!(text, "## Batch {number} of {batches}\n");
    let _ = writeln!(text, "{}\n", batch_line(snapshot, batch, time));
    if !batch.entries.is_empty() {
        let file = format!("batches/{name}/reassignment.json");
        let own = time.throttle.bytes_per_sec;
        let own =
            if own == plan.timetable.throttle.bytes_per_sec { String::new() } else { format!("THROTTLE={own}\n") };
        let _ = write!(text, "Start the copies:\n\n```sh\n{own}{}\n```\n\n", tools.execute(&file));
        let _ = write!(
            text,
            "Ask until nothing is still in progress; the last answer also clears the throttles:\n\n```sh\n{}\n```\n\n",
            tools.wait(&file)
        );
    }
    if !batch.elections.is_empty() {
        let file = format!("batches/{name}/leader-election.json");
        let _ = write!(text, "Elect the preferred leaders:\n\n```sh\n{}\n```\n\n", tools.elect(&file));
    }
    if !batch.entries.is_empty() {
        let _ = write!(
            text,
            "{}To take it back once it is complete, after any later ones: the same commands with \
             `batches/{name}/rollback.json`.\n\n",
            stop(tools, "To stop it while it runs", &format!("batches/{name}/reassignment.json"))
        );
    }
}

/// How copies are stopped that `file` began.
fn stop(tools: Tools, when: &str, file: &str) -> String {
    match (tools.need_zookeeper(), tools.may_apply()) {
        (false, _) => format!(
            "{when}: what is still being copied goes back, what is done stays.\n\n```sh\n{}\n```\n\n",
            tools.cancel(file)
        ),
        (true, true) => "The tool cannot stop it while it runs; `evenkeel apply --cancel` stops what `evenkeel apply` \
                         began.\n\n"
            .to_owned(),
        (true, false) => {
            "It cannot be stopped while it runs: let it end, at a lower throttle if it must be.\n\n".to_owned()
        }
    }
}

fn all_batches(text: &mut String, snapshot: &Snapshot, plan: &Plan) {
    let (table, tools) = (&plan.timetable, tools(snapshot));
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
        span(&table.total),
        human::rate(table.throttle.bytes_per_sec as f64),
        batch_name(1, plan.batches.len()),
        indent(&tools.execute("\"$dir/reassignment.json\"")),
        indent(&tools.wait("\"$dir/reassignment.json\"")),
        indent(&tools.elect("\"$dir/leader-election.json\"")),
    );
    let longest = table.batches.iter().enumerate().filter_map(|(i, time)| Some((time.durations.p50?, i)));
    let longest = longest.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    if let Some((index, (batch, time))) =
        longest.and_then(|(_, i)| Some((i, (plan.batches.get(i)?, table.batches.get(i)?))))
    {
        let _ = writeln!(text, "The longest is batch {}. {}\n", index + 1, batch_line(snapshot, batch, time));
    }
    text.push_str(&stop(tools, "To stop a batch, `NNN` being its number", "batches/NNN/reassignment.json"));
}

fn batch_line(snapshot: &Snapshot, batch: &Batch, time: &BatchTime) -> String {
    let mut line = format!(
        "{}, {} between brokers, {} between log dirs, {}.",
        human::counted(batch.entries.len() as u64, "partition"),
        human::bytes(batch.inter_broker_bytes),
        human::bytes(batch.intra_broker_bytes),
        human::counted(batch.elections.len() as u64, "election")
    );
    if let Some(busiest) = time.busiest {
        let id = snapshot.broker(busiest).id;
        let _ = write!(
            line,
            " Expected: {} at {}, decided by broker {id}.",
            span(&time.durations),
            human::rate(time.throttle.bytes_per_sec as f64)
        );
    }
    line
}

/// `about 2 h 5 min (1 h 50 min to 2 h 30 min)`.
fn span(durations: &Durations) -> String {
    let bare = |seconds: Option<f64>| match seconds {
        Some(_) => duration(seconds).replace("about ", ""),
        None => "never".to_owned(),
    };
    match durations.p50 {
        None => duration(None),
        Some(_) => {
            format!("{} ({} to {})", duration(durations.p50), bare(durations.p10), bare(durations.p90))
        }
    }
}

fn indent(command: &str) -> String {
    command.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn watch(text: &mut String, tools: Tools) {
    if tools.need_zookeeper() {
        return watch_old(text);
    }
    text.push_str(
        "## What to watch, when to stop\n\n\
         - `kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions` and `UnderMinIsrPartitionCount` stay at what \
         they were; partitions that move do not count as such. `ReassigningPartitions` falls to 0.\n\
         - `kafka.network:type=RequestMetrics,name=TotalTimeMs,request=Produce` (99th percentile) and disk use of the \
         receiving brokers stay in bounds; lower the throttle when they do not.\n\
         - Progress of copies between brokers: `kafka-reassign-partitions.sh --list`. Of moves between log dirs: \
         `kafka-log-dirs.sh --describe`, entries with `\"isFuture\":true`; `--list` does not show them.\n\
         - Progress is a growing size, not `offsetLag`, which is 0 for a replica that is catching up.\n\
         - Stop when a broker of the batch fails, a partition falls under its minimum of in-sync replicas, or a disk \
         passes 95 %: the batch's `--cancel` puts back what is still running. What had been completed stays; take it \
         back with the batch's rollback.\n\
         - `--cancel` gives a partition its old replicas back, and its replication factor, but Kafka 4.3 was seen to leave \
         them in an order of its own: the first in the list is the preferred leader. The batch's `rollback.json` \
         restores the order, and takes back what of the batch had been completed. A replica that was moving between log \
         dirs stays where it was.\n\
         - After any batch you may stop for good: no hard rule is worse than before it, unless this page says so.\n\
         - Never start another reassignment of a partition that is still moving: cancel first. `--additional` with \
         another target and then `--cancel` leaves it with a replica too many, which is copied without any throttle; an \
         explicit plan to the list in the batch's `rollback.json` mends that.\n\
         - `--cancel`, and a `--verify` that finds its own batch complete, clear the throttles of all brokers, those of \
         other people's reassignments included (`--preserve-throttles` keeps them). Throttles stay until one of the two \
         is run: do not leave out the last `--verify`.\n\n",
    );
}

/// What to watch where nothing can be listed or cancelled.
fn watch_old(text: &mut String) {
    text.push_str(
        "## What to watch, when to stop\n\n\
         - `kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions` counts partitions that move, too, until their \
         copies have caught up; `UnderMinIsrPartitionCount` stays at what it was.\n\
         - `kafka.network:type=RequestMetrics,name=TotalTimeMs,request=Produce` (99th percentile) and disk use of the \
         receiving brokers stay in bounds; lower the throttle when they do not.\n\
         - Progress of copies: `--verify`, and growing sizes in `kafka-log-dirs.sh --describe`, where a move between log \
         dirs has `\"isFuture\":true`.\n\
         - Begin no further batch when a broker fails, a partition falls under its minimum of in-sync replicas, or a disk \
         passes 95 %. What runs goes on; take it back with the batch's `rollback.json` once it is complete.\n\
         - After any batch you may stop for good: no hard rule is worse than before it, unless this page says so.\n\
         - Throttles stay until a `--verify` finds its batch complete: do not leave out the last one.\n\n",
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
            human::counted(rollback.entries.len() as u64, "partition"),
            tools(snapshot).execute("rollback.json"),
            tools(snapshot).wait("rollback.json")
        );
    }
    if !rollback.elections.is_empty() {
        let _ = write!(
            text,
            "Then the leaders, {}:\n\n```sh\n{}\n```\n\n",
            human::counted(rollback.elections.len() as u64, "partition"),
            tools(snapshot).elect("rollback-leader-election.json")
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
