//! The repository's rules (ARCHITECTURE.md, "Invariants, as what is absent") as tests over its source: who may import
//! whom, which module owns which crate, what is used nowhere. Comments, literals and unit tests are not looked at.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each top-level module may import of ours. The pipeline is ingest → optimize → plan → report; `verify` stands
/// beside it and must not know the optimizer; `writer` serves those that make files; `cli` sees everything.
const MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("writer", &[]),
    ("ingest", &["model", "writer"]),
    ("optimize", &["model", "ingest"]),
    ("verify", &["model", "ingest"]),
    ("plan", &["model", "ingest", "optimize", "verify", "writer"]),
    ("capacity", &["model", "ingest", "optimize", "plan", "verify"]),
    ("live", &["model", "ingest", "plan", "verify"]),
    ("report", &["model", "ingest", "optimize", "plan", "capacity", "verify", "writer"]),
    ("cli", &["model", "ingest", "optimize", "plan", "capacity", "report", "verify", "writer", "live"]),
];

/// The crates that have an owner, and the modules (by path from `src`) that are.
const OWNERS: [(&str, &[&str]); 27] = [
    ("anstream", &["cli"]),
    ("anstyle", &["cli", "report"]),
    ("clap", &["cli"]),
    ("csv", &["ingest", "plan", "report"]),
    ("flate2", &["ingest", "report"]),
    ("globset", &["model/policy", "ingest"]),
    ("good_lp", &["optimize/milp"]),
    ("indicatif", &["cli"]),
    ("jiff", &["capacity/forecast", "ingest/snapshot_dir/history", "ingest/synth", "live/apply/windows"]),
    ("krafka", &["live/krafka_admin"]),
    ("minijinja", &["report"]),
    ("parquet", &["ingest/snapshot_dir/history"]),
    ("plotters", &["report/charts"]),
    ("plotters_backend", &["report/charts"]),
    ("rand", &["capacity", "ingest/synth", "optimize"]),
    ("rand_distr", &["ingest/synth"]),
    ("rand_pcg", &["capacity", "ingest/synth", "optimize"]),
    ("rayon", &["capacity", "cli", "ingest", "optimize", "plan", "verify"]),
    ("rdkafka", &["live/rdkafka_client"]),
    ("serde", &["cli", "ingest", "live", "plan", "report"]),
    ("serde_json", &["cli", "ingest", "live", "plan", "report"]),
    ("sha2", &["ingest", "live"]),
    ("statrs", &["capacity/forecast"]),
    ("tempfile", &["writer"]),
    ("tokio", &["live/krafka_admin", "live/rdkafka_client"]),
    ("toml", &["ingest"]),
    ("ureq", &["live/http"]),
];

/// Words that only some modules may use: the outside world comes in at the edges.
const ONLY_IN: [(&str, &[&str]); 14] = [
    ("std::fs", &["cli", "ingest", "live", "writer"]),
    ("fs::", &["cli", "ingest", "live", "writer"]),
    ("File::", &["cli", "ingest", "live", "writer"]),
    ("std::env", &["cli"]),
    ("env::var", &["cli"]),
    ("Instant", &["cli"]),
    ("SystemTime", &["cli", "live/surroundings"]),
    ("println!", &["cli"]),
    ("eprintln!", &["cli"]),
    ("print!", &["cli"]),
    ("eprint!", &["cli"]),
    ("io::stdout", &["cli"]),
    ("io::stderr", &["cli"]),
    ("std::net", &["cli"]),
];

/// Words that nobody uses. Clippy denies some of them too; here tests count as well.
const NOWHERE: [&str; 8] =
    ["process::exit", "todo!", "unimplemented!", "dbg!", "#[allow(", "#![allow(", "thread_rng", "rand::rng("];

/// No file is longer.
const MAX_LINES: usize = 500;

/// A source file: its path from the repository's root, its modules from the crate's root, its text.
struct Source {
    path: String,
    modules: Vec<String>,
    text: String,
}

impl Source {
    /// Code without comments, literals and unit tests, which end a file or are one.
    fn production_code(&self) -> String {
        if self.modules.last().is_some_and(|last| last == "tests" || last.ends_with("_tests")) {
            return String::new();
        }
        let code = strip(&self.text);
        let starts_tests = |rest: &str| {
            let mut items = rest.lines().skip(1).filter(|line| !line.starts_with([' ', '#', ')']) && !line.is_empty());
            items.next().is_some_and(|item| item.starts_with("mod ") && item.ends_with('{'))
        };
        let marks = code.match_indices("#[cfg(test)]").map(|(at, _)| at);
        let end = marks.into_iter().find(|&at| starts_tests(&code[at..])).unwrap_or(code.len());
        code[..end].to_owned()
    }

    /// Whether the file is `place` or below it, `place` being modules joined by `/`.
    fn is_in(&self, place: &str) -> bool {
        let own = self.modules.join("/");
        own == place || own.starts_with(&format!("{place}/"))
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    files.sort();
    let source = |file: PathBuf| {
        let inside = file.strip_prefix(root.join(folder)).unwrap().with_extension("");
        let mut modules: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if modules.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            modules.pop();
        }
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        Source { path, modules, text: fs::read_to_string(&file).unwrap() }
    };
    files.into_iter().map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `text` without comments and without what is between quotes; line breaks stay.
fn strip(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest).filter(|_| !code.ends_with(is_word)) {
            length
        } else if next == '"' {
            string(rest)
        } else {
            char_literal(rest)
        };
        if skipped == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the raw string that `rest` starts with.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.bytes().take_while(|b| *b == b'#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(rest.len() - body.len() + body.find(&close)? + close.len())
}

/// The length of the string literal that `rest` starts with.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The length of the character literal that `rest` starts with; 0 for a lifetime and anything else.
fn char_literal(rest: &str) -> usize {
    let Some(body) = rest.strip_prefix('\'') else { return 0 };
    let escape = usize::from(body.starts_with('\\'));
    let Some(close) = body.char_indices().skip(1 + escape).find(|(_, c)| *c == '\'') else { return 0 };
    let is_literal = escape == 1 || body.chars().nth(1) == Some('\'');
    if is_literal { close.0 + 2 } else { 0 }
}

/// The top-level modules of ours that `source` names, by `crate::` or by enough `super::`.
fn imports(source: &Source) -> BTreeSet<String> {
    let code: String = source.production_code().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        found.extend(heads(&code[at + "crate::".len()..]));
    }
    let root = "super::".repeat(source.modules.len());
    if !root.is_empty() {
        found.extend(code.match_indices(&root).flat_map(|(at, _)| heads(&code[at + root.len()..])));
    }
    let known: BTreeSet<&str> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    found.into_iter().filter(|name| known.contains(name.as_str())).collect()
}

/// The first names of the paths that follow: one, or those of a braced list.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(list) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut heads = vec![word(list)];
    let mut depth = 0;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(word(&list[at + 1..])),
            _ => {}
        }
    }
    heads
}

/// Whether `code` uses `word` as a word of its own and not as the tail of a longer path.
fn uses(code: &str, word: &str) -> bool {
    let whole = |(at, _): (usize, &str)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        let starts = !before.ends_with(is_word) && !before.ends_with("::");
        starts && !(word.ends_with(is_word) && after.starts_with(is_word))
    };
    code.match_indices(word).any(whole)
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn no_module_imports_what_it_must_not_know() {
    let mut breaches = Vec::new();
    for source in sources("src") {
        let Some(own) = source.modules.first() else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| module == own) else {
            breaches.push(format!("{}: module {own} has no place in the pipeline, give it one here", source.path));
            continue;
        };
        for import in imports(&source) {
            if import != *own && !allowed.contains(&import.as_str()) {
                breaches.push(format!("{}: {own} must not import {import}", source.path));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn heavy_crates_are_used_by_their_owners_alone() {
    let mut breaches = Vec::new();
    for source in sources("src") {
        let code = source.production_code();
        for (name, owners) in OWNERS {
            if uses(&code, &format!("{name}::")) && !owners.iter().any(|owner| source.is_in(owner)) {
                breaches.push(format!("{}: uses {name}, which belongs to {owners:?}", source.path));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn the_outside_world_comes_in_at_the_edges() {
    let mut breaches = Vec::new();
    for source in sources("src") {
        let code = source.production_code();
        for (word, places) in ONLY_IN {
            // A path's tail counts too: `std::time::Instant` is `Instant`.
            let found = uses(&code, word) || code.contains(&format!("::{word}"));
            if found && !places.iter().any(|place| source.is_in(place)) {
                breaches.push(format!("{}: {word} belongs to {places:?}", source.path));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_is_left_undone_or_silenced() {
    let mut breaches = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")) {
        let code = strip(&source.text);
        for word in NOWHERE.iter().filter(|word| code.contains(**word)) {
            breaches.push(format!("{}: {word}", source.path));
        }
    }
    assert_none(&breaches);
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let lengths = sources("src").into_iter().chain(sources("tests")).map(|s| (s.text.lines().count(), s.path));
    let breaches: Vec<String> =
        lengths.filter(|(lines, _)| *lines > MAX_LINES).map(|(lines, path)| format!("{path}: {lines} lines")).collect();
    assert_none(&breaches);
}

#[test]
fn every_file_says_what_it_is_for() {
    let all = sources("src").into_iter().chain(sources("tests"));
    let breaches: Vec<String> = all.filter(|s| !s.text.starts_with("//! ")).map(|s| s.path).collect();
    assert_none(&breaches);
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "a(\"x // \\\" y\"); // todo!\nlet c = '\"'; /* dbg! */ b(r#\"q\"uote\"#) <'a>(&'a str, '\\'')";
    assert_eq!(strip(text), "a(); \nlet c = ;  b() <'a>(&'a str, )");
}

#[test]
fn imports_are_found_however_they_are_written() {
    let source = Source {
        path: String::new(),
        modules: vec!["ingest".to_owned(), "synth".to_owned()],
        text: "use crate::{\n  model::{A, plan},\n  report,\n};\nfn f() { super::super::cli::x(crate::optimize::y) }\n\
               #[cfg(test)]\n#[expect(\n    x\n)]\nmod tests {\n    use crate::verify::z;\n}"
            .to_owned(),
    };
    assert_eq!(imports(&source).into_iter().collect::<Vec<_>>(), ["cli", "model", "optimize", "report"]);
}

#[test]
fn every_formula_is_documented_and_its_answer_known() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formulas.md")).unwrap();
    let all: Vec<Source> = sources("src").into_iter().chain(sources("tests")).collect();
    let has = |text: &str, name: &str| text.contains(&format!("fn {name}(")) || text.contains(&format!("fn {name}<"));
    let (mut breaches, mut rows) = (Vec::new(), 0);
    for row in page.lines().filter(|line| line.starts_with("| ") && line.contains(".rs` `")) {
        rows += 1;
        let mut code = row.rsplitn(3, " | ").take(2).map(|cell| cell.split('`').skip(1).step_by(2));
        let (tests, mut function) = (code.next().unwrap(), code.next().unwrap());
        let (file, name) = (function.next().unwrap(), function.next().unwrap());
        if !all.iter().any(|source| source.path == format!("src/{file}") && has(&source.text, name)) {
            breaches.push(format!("docs/formulas.md: {file} has no function {name}"));
        }
        let tests: Vec<&str> = tests.collect();
        let unknown = tests.iter().filter(|test| !all.iter().any(|source| has(&source.text, test)));
        breaches.extend(unknown.map(|test| format!("docs/formulas.md: there is no test {test}")));
        breaches.extend(tests.is_empty().then(|| format!("docs/formulas.md: {name} of {file} names no test")));
    }
    assert!(rows > 50, "{rows} formulas found");
    let capacity = all.iter().filter(|source| source.path.starts_with("src/capacity/"));
    let named = |source: &&Source| page.contains(&source.path["src/".len()..]) || is_assembly(&source.path);
    breaches.extend(capacity.filter(|s| !named(s)).map(|s| format!("{}: docs/formulas.md does not name it", s.path)));
    assert_none(&breaches);
}

/// Whether a file puts others together or holds tests alone.
fn is_assembly(path: &str) -> bool {
    ["/mod.rs", "/tests.rs", "_tests.rs"].iter().any(|end| path.ends_with(end))
}
