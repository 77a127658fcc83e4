//! Mutilated captures: cut off, with bytes changed, lines doubled, lost or exchanged. Each is refused with a place or
//! gives a snapshot that reads back; none panics.

use super::*;

/// A linear congruential generator (Knuth's MMIX constants): the same mutations on every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// What readers trip over.
const SPLINTERS: [&str; 16] = [
    "-1",
    "99999999999999999999",
    "NaN",
    "\t",
    ":",
    ",",
    "{",
    "}",
    "\"",
    "é",
    "\u{0}",
    "none",
    "-",
    "0",
    "1e308",
    "null",
];

fn mutate(text: &str, chance: &mut Chance) -> String {
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let at = boundary(chance.below(text.len() + 1));
    let lines: Vec<&str> = text.lines().collect();
    let line = chance.below(lines.len());
    match chance.below(6) {
        0 => text[..at].to_owned(),
        1 => format!("{}{}{}", &text[..at], SPLINTERS[chance.below(SPLINTERS.len())], &text[at..]),
        2 => {
            let end = boundary((at + 1 + chance.below(8)).min(text.len()));
            format!("{}{}{}", &text[..at], SPLINTERS[chance.below(SPLINTERS.len())], &text[end..])
        }
        3 => [&lines[..line], &lines[(line + 1).min(lines.len())..]].concat().join("\n"),
        4 => [&lines[..line], &lines[line..(line + 1).min(lines.len())], &lines[line..]].concat().join("\n"),
        _ => {
            let mut exchanged = lines.clone();
            let other = chance.below(lines.len());
            if line < lines.len() {
                exchanged.swap(line, other);
            }
            exchanged.join("\n")
        }
    }
}

/// Sources with one file mutilated.
fn mutilated(whole: &Sources, case: usize, chance: &mut Chance) -> Sources {
    let mut sources = whole.clone();
    let mut targets: Vec<&mut String> = vec![&mut sources.topics.text];
    targets.extend(sources.log_dirs.iter_mut().map(|f| &mut f.text));
    targets.extend(sources.configs.iter_mut().map(|f| &mut f.text));
    targets.extend(sources.brokers.iter_mut().map(|f| &mut f.text));
    targets.extend(sources.reassignments.iter_mut().map(|f| &mut f.text));
    targets.extend(sources.quotas.iter_mut().map(|f| &mut f.text));
    targets.extend(sources.metrics.iter_mut().map(|f| &mut f.file.text));
    targets.extend(sources.inventory.iter_mut().map(|f| &mut f.text));
    targets.extend(sources.cluster_id_file.iter_mut().map(|f| &mut f.text));
    let count = targets.len();
    let text = &mut targets[case % count];
    for _ in 0..=chance.below(3) {
        **text = mutate(text, chance);
    }
    sources
}

#[test]
fn no_mutilated_capture_panics_or_gives_a_snapshot_that_does_not_read_back() {
    let metrics = |names: &[&str]| -> Vec<MetricSource> { names.iter().map(|name| metric(name)).collect() };
    let wholes = [
        Sources {
            metrics: metrics(&["bytes_in_rate.by-broker.json", "log_end_offset_rate.json", "counter-reset.json"]),
            inventory: Some(fixture("inventory.toml")),
            ..healthy()
        },
        Sources { metrics: metrics(&["broker-1.first.prom", "broker-1.second.prom"]), ..capture("offline-dir") },
        Sources { reassignments: Some(fixture("reassigning/reassignments.txt")), ..capture("reassigning") },
        capture("broker-down"),
        capture("dir-move"),
        eras::era("1.1.1"),
        eras::era("2.8.2"),
        Sources { quotas: vec![fixture("quotas/1.1.1.txt"), fixture("quotas/3.9.1.txt")], ..eras::era("3.9.1") },
        Sources { reassignments: Some(fixture("1.1.1-reassigning/reassignments.txt")), ..capture("1.1.1-reassigning") },
        Sources { brokers: Some(fixture("2.1.1/brokers.txt")), ..capture("2.1.1-broker-down") },
    ];
    let mut chance = Chance(7);
    let (mut refused, mut taken) = (0, 0);
    for case in 0..1_000 {
        let sources = mutilated(&wholes[case % wholes.len()], case / wholes.len(), &mut chance);
        match import(&sources) {
            Err(faults) => {
                assert!(faults.has_errors());
                assert!(faults.list.iter().all(|f| !f.message.is_empty() && f.help.is_some()), "{faults}");
                refused += 1;
            }
            Ok(_) => {
                imported(&sources);
                taken += 1;
            }
        }
    }
    assert!(refused > 100 && taken > 100, "{refused} refused, {taken} taken");
}
