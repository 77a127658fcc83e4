//! Classes of topics that are to have brokers of their own: `what-if isolate`'s scenario (docs/what-if-isolate.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::{CODES, Keys, NOT_NEGATIVE, UTILIZATION, codes, finish, text_of};
use crate::ingest::fault::{Fault, Faults};
use crate::ingest::toml_reader::TomlReader;
use crate::model::snapshot::DEFAULT_GROUP;
use crate::model::{Snapshot, TopicPattern};

/// A class of topics.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name, which becomes a resource group's.
    pub name: String,
    /// The topics that belong to it, where no earlier class takes them.
    pub patterns: Vec<TopicPattern>,
    /// How much more than today is to be carried, a fraction of today's load.
    pub headroom: f64,
    /// Limits in place of the policy's: disk, network in, network out, cpu; fractions.
    pub limits: [Option<f64>; 4],
    /// Line and column, both 1-based.
    place: (u64, u64),
}

/// All classes of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    path: PathBuf,
    /// In the file's order.
    pub list: Vec<Class>,
    /// The class of topics that no pattern matches, an offset into `list`.
    pub default_class: Option<usize>,
}

const KEYS: [&str; 2] = ["default_class", "classes"];
const CLASS_KEYS: [&str; 4] = ["name", "patterns", "headroom", "limits"];
const LIMIT_KEYS: [&str; 4] = ["disk", "network_in", "network_out", "cpu"];
/// Topics without a class that a fault names.
const NAMED: usize = 5;

/// Reads the classes in the file at `path`.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path) -> Result<Classes, Faults> {
    parse(path, &text_of(path)?)
}

/// Reads the classes in `text`, which faults call `path`.
///
/// # Errors
/// Every fault in the text.
pub fn parse(path: &Path, text: &str) -> Result<Classes, Faults> {
    let mut reader = TomlReader::new(path, text, &CODES);
    let found = reader.root().map(|root| classes(&mut reader, &root, path));
    finish(reader, found)
}

fn classes<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>, path: &Path) -> Classes {
    let mut keys = Keys::new(reader, root, 0..0, "", &KEYS);
    let default_name = keys.text("default_class").zip(keys.value("default_class").map(|value| value.span()));
    let entries = keys.tables("classes");
    if entries.is_empty() {
        keys.missing("[[classes]]", "write a name and patterns for each class");
    }
    let mut list: Vec<Class> = Vec::new();
    let mut is_complete = true;
    for (table, span) in entries {
        let known = Keys::new(reader, table, span.clone(), "classes", &CLASS_KEYS);
        match class(known) {
            Some(class) if list.iter().any(|other| other.name == class.name) => {
                let message = format!("class {:?} is listed twice", class.name);
                reader.error(span, codes::DUPLICATE, message, "merge their patterns");
            }
            Some(class) => list.push(class),
            None => is_complete = false,
        }
    }
    let default_class = default_name.and_then(|(name, span)| {
        let row = list.iter().position(|class| class.name == name);
        if row.is_none() && is_complete {
            let message = format!("default_class {name:?} is no class of the file");
            reader.error(span, codes::VALUE, message, "name one of [[classes]]; its patterns may be []");
        }
        row
    });
    Classes { path: path.to_owned(), list, default_class }
}

fn class(mut keys: Keys<'_, '_, '_>) -> Option<Class> {
    let name = keys.required_text("name");
    if let (Some(name), Some(value)) = (&name, keys.value("name"))
        && name == DEFAULT_GROUP
    {
        let message = "no class can be called \"default\"";
        keys.reader.error(
            value.span(),
            codes::VALUE,
            message,
            "classes become resource groups, for which it is reserved",
        );
    }
    let headroom = keys.number("headroom", NOT_NEGATIVE).unwrap_or(0.0);
    let mut patterns = Vec::new();
    match keys.value("patterns") {
        None => keys.missing("patterns", "write patterns = [\"log.*\"]"),
        Some(value) => {
            for entry in keys.reader.list("patterns", value).unwrap_or_default() {
                let Some(text) = keys.reader.string("patterns", entry) else { continue };
                match TopicPattern::new(&text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(why) => {
                        let message = format!("the pattern {text:?} is not one: {why}");
                        let help = "`*` is any run, `?` any character, `[ab]` a class, `{a,b}` alternatives";
                        keys.reader.error(entry.span(), codes::PATTERN, message, help);
                    }
                }
            }
        }
    }
    let mut limits = [None; 4];
    let place = keys.reader.place(keys.span.start);
    if let Some((table, span)) = keys.table("limits") {
        let mut keys = Keys::new(keys.reader, table, span, "limits", &LIMIT_KEYS);
        limits = LIMIT_KEYS.map(|key| keys.number(key, UTILIZATION));
    }
    Some(Class { name: name?, patterns, headroom, limits, place })
}

impl Classes {
    /// The class of each of `snapshot`'s topics, an offset into [`Classes::list`]: the first that has a pattern which
    /// matches, else the default.
    ///
    /// # Errors
    /// Classes that no topic belongs to, by line and column; topics that belong to no class.
    pub fn assign(&self, snapshot: &Snapshot) -> Result<Vec<usize>, Faults> {
        let class_of = |name: &str| {
            let matching = self.list.iter().position(|class| class.patterns.iter().any(|p| p.matches(name)));
            matching.or(self.default_class)
        };
        let found: Vec<Option<usize>> = snapshot.topics.iter().map(|topic| class_of(&topic.name)).collect();
        let used: BTreeSet<usize> = found.iter().flatten().copied().collect();
        let mut faults = Faults::default();
        for (row, class) in self.list.iter().enumerate().filter(|(row, _)| !used.contains(row)) {
            let (line, column) = class.place;
            let taken = snapshot.topics.iter().any(|topic| class.patterns.iter().any(|p| p.matches(&topic.name)));
            let why =
                if taken { "earlier classes take all topics that it matches" } else { "its patterns match no topic" };
            let message = format!("class {:?} has no topic: {why}", self.list[row].name);
            let fault = Fault::error(codes::EMPTY_CLASS, &self.path, message).at(line, column);
            faults.push(fault.help("correct its patterns, or remove it"));
        }
        let topics = snapshot.topics.iter().zip(&found).filter(|(_, class)| class.is_none());
        let without: Vec<&str> = topics.map(|(topic, _)| topic.name.as_str()).collect();
        if !without.is_empty() {
            let shown = without.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = if without.len() > NAMED { ", …" } else { "" };
            let message = format!("{} topics belong to no class: {shown}{more}", without.len());
            let fault = Fault::error(codes::UNCLASSED, &self.path, message).at(1, 1);
            faults.push(fault.help("add patterns for them, or name a default_class at the top"));
        }
        if faults.has_errors() { Err(faults) } else { Ok(found.into_iter().flatten().collect()) }
    }
}
