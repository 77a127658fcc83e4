//! The sites between which events are mirrored: `what-if mirror`'s scenario (docs/what-if-mirror.md).

use std::path::Path;

use toml::de::DeTable;

use super::{CODES, Keys, NOT_NEGATIVE, POSITIVE, SHARE, codes, finish, text_of};
use crate::ingest::fault::Faults;
use crate::ingest::nearest::nearest;
use crate::ingest::toml_reader::TomlReader;

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Every spoke sends what its own producers write to the hub; the hub sends to nobody.
    HubAndSpoke,
    /// Every site sends what its own producers write to every other.
    ActiveActive,
    /// The active site sends what its producers write to every standby.
    ActiveStandby,
}

impl Topology {
    /// The name used on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HubAndSpoke => "hub-and-spoke",
            Self::ActiveActive => "active-active",
            Self::ActiveStandby => "active-standby",
        }
    }

    /// The directed pairs of sites, by sender, then receiver: n−1 around a hub or an active site, n·(n−1) where all are
    /// active. What a site received is sent on by nobody, so that an event crosses each pair of sites at most once.
    #[must_use]
    pub fn pairs(self, sites: usize, center: usize) -> Vec<(usize, usize)> {
        let all = (0..sites).flat_map(|from| (0..sites).map(move |to| (from, to)));
        let wanted = |&(from, to): &(usize, usize)| {
            from != to
                && match self {
                    Self::HubAndSpoke => to == center,
                    Self::ActiveActive => true,
                    Self::ActiveStandby => from == center,
                }
        };
        all.filter(wanted).collect()
    }
}

/// A site with a cluster of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// What its own producers write, bytes per second.
    pub bytes_in_per_sec: f64,
    /// How much of that is to be mirrored, bytes per second.
    pub mirrored_bytes_per_sec: f64,
    /// Replication factor of mirrored topics here.
    pub replication_factor: u32,
    /// How long mirrored topics are kept here, hours; none where it is not said.
    pub retention_hours: Option<f64>,
    /// Line and column of the entry, both 1-based.
    pub place: (u64, u64),
}

/// What connects one site to another, in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Sender, an offset into [`Sites::sites`].
    pub from: usize,
    /// Receiver, an offset into [`Sites::sites`].
    pub to: usize,
    /// Price of 10^9 bytes that cross it, in [`Sites::currency`].
    pub price_per_gb: Option<f64>,
    /// Round-trip time, milliseconds.
    pub rtt_ms: Option<f64>,
    /// What it carries, bytes per second.
    pub capacity_bytes_per_sec: Option<f64>,
}

/// A scenario of mirroring.
#[derive(Clone, Debug, PartialEq)]
pub struct Sites {
    /// The sites, in the file's order.
    pub sites: Vec<Site>,
    /// The links, one per direction.
    pub links: Vec<Link>,
    /// The hub that the file names.
    pub hub: Option<usize>,
    /// The active site that the file names.
    pub active: Option<usize>,
    /// Whether traffic between sites is encrypted.
    pub is_encrypted: bool,
    /// What one mirroring task was measured to copy, bytes per second.
    pub bytes_per_sec_per_task: Option<f64>,
    /// The outage after which flows are to catch up, hours.
    pub outage_hours: f64,
    /// ISO 4217 code of prices.
    pub currency: String,
}

impl Sites {
    /// The hub, or the active site, around which `topology` is built: the one that the file names; else as the hub the
    /// site with the most to mirror, which makes the links carry the least; else as the active site the first.
    #[must_use]
    pub fn center(&self, topology: Topology) -> usize {
        match topology {
            Topology::HubAndSpoke => self.hub.unwrap_or_else(|| self.busiest()),
            Topology::ActiveActive => 0,
            Topology::ActiveStandby => self.active.unwrap_or(0),
        }
    }

    fn busiest(&self) -> usize {
        let rate = |&row: &usize| self.sites.get(row).map_or(0.0, |site| site.mirrored_bytes_per_sec);
        (0..self.sites.len()).reduce(|a, b| if rate(&b) > rate(&a) { b } else { a }).unwrap_or(0)
    }

    /// The link that carries what `from` sends to `to`.
    #[must_use]
    pub fn link(&self, from: usize, to: usize) -> Option<&Link> {
        self.links.iter().find(|link| (link.from, link.to) == (from, to))
    }
}

const KEYS: [&str; 10] = [
    "sites",
    "links",
    "hub",
    "active",
    "encrypted",
    "replication_factor",
    "retention_hours",
    "bytes_per_sec_per_task",
    "outage_hours",
    "currency",
];
const SITE_KEYS: [&str; 6] =
    ["name", "bytes_in_per_sec", "mirrored_fraction", "topics", "replication_factor", "retention_hours"];
const TOPIC_KEYS: [&str; 2] = ["name", "bytes_in_per_sec"];
const LINK_KEYS: [&str; 6] = ["between", "from", "to", "price_per_gb", "rtt_ms", "capacity_bytes_per_sec"];

/// Reads the sites in the file at `path`, which `topology` is to connect.
///
/// # Errors
/// Every fault in the file, a flow without a link included.
pub fn read(path: &Path, topology: Topology) -> Result<Sites, Faults> {
    parse(path, &text_of(path)?, topology)
}

/// Reads the sites in `text`, which faults call `path`.
///
/// # Errors
/// Every fault in the text, a flow without a link included.
pub fn parse(path: &Path, text: &str, topology: Topology) -> Result<Sites, Faults> {
    let mut reader = TomlReader::new(path, text, &CODES);
    let sites = reader.root().map(|root| sites(&mut reader, &root, topology));
    finish(reader, sites)
}

fn sites<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>, topology: Topology) -> Sites {
    let mut keys = Keys::new(reader, root, 0..0, "", &KEYS);
    let replication_factor = keys.whole("replication_factor", 1, 100).unwrap_or(3) as u32;
    let retention_hours = keys.number("retention_hours", NOT_NEGATIVE);
    let is_encrypted = keys.boolean("encrypted").unwrap_or(false);
    let bytes_per_sec_per_task = keys.number("bytes_per_sec_per_task", POSITIVE);
    let outage_hours = keys.number("outage_hours", NOT_NEGATIVE).unwrap_or(1.0);
    let currency = keys.text("currency").unwrap_or_else(|| "USD".to_owned());
    let (hub, active) = (keys.text("hub"), keys.text("active"));
    let entries = keys.tables("sites");
    let links = keys.tables("links");
    if entries.len() < 2 {
        keys.missing("two [[sites]]", "mirroring takes two sites at least");
    }
    let mut found = Sites {
        sites: Vec::new(),
        links: Vec::new(),
        hub: None,
        active: None,
        is_encrypted,
        bytes_per_sec_per_task,
        outage_hours,
        currency,
    };
    let mut is_complete = true;
    for (table, span) in entries {
        let defaults = (replication_factor, retention_hours);
        let mut keys = Keys::new(reader, table, span.clone(), "sites", &SITE_KEYS);
        match site(&mut keys, defaults) {
            Some(site) if found.sites.iter().any(|other| other.name == site.name) => {
                let message = format!("site {:?} is listed twice", site.name);
                reader.error(span, codes::DUPLICATE, message, "give each site a name of its own");
            }
            Some(site) => found.sites.push(site),
            None => is_complete = false,
        }
    }
    if is_complete {
        found.hub = named(reader, root, "hub", hub, &found);
        found.active = named(reader, root, "active", active, &found);
        for (table, span) in links {
            link(&mut Keys::new(reader, table, span, "links", &LINK_KEYS), &mut found);
        }
        check_links(reader, root, &found, topology);
    }
    found
}

fn site(keys: &mut Keys<'_, '_, '_>, (replication_factor, retention_hours): (u32, Option<f64>)) -> Option<Site> {
    let name = keys.required_text("name");
    let bytes_in_per_sec = keys.required("bytes_in_per_sec", NOT_NEGATIVE);
    let fraction = keys.number("mirrored_fraction", SHARE);
    let mut topics = Vec::new();
    let has_topics = keys.value("topics").is_some();
    for (table, span) in keys.tables("topics") {
        let mut keys = Keys::new(keys.reader, table, span, "topics", &TOPIC_KEYS);
        let _ = keys.required_text("name");
        topics.extend(keys.required("bytes_in_per_sec", NOT_NEGATIVE));
    }
    let replication_factor =
        keys.whole("replication_factor", 1, 100).map_or(replication_factor, |factor| factor as u32);
    let retention_hours = keys.number("retention_hours", NOT_NEGATIVE).or(retention_hours);
    let (name, bytes_in_per_sec) = (name?, bytes_in_per_sec?);
    let mirrored_bytes_per_sec = if has_topics {
        let sum: f64 = topics.iter().sum();
        if sum > bytes_in_per_sec * (1.0 + 1e-9) {
            let message = format!("the topics of {name:?} sum to {sum}, more than its bytes_in_per_sec");
            keys.reader.error(keys.span.clone(), codes::RANGE, message, "correct one of the two");
        }
        if fraction.is_some() {
            let message = format!("site {name:?} has topics and a mirrored_fraction");
            keys.reader.error(keys.span.clone(), codes::VALUE, message, "keep one of the two");
        }
        sum
    } else {
        bytes_in_per_sec * fraction.unwrap_or(1.0)
    };
    let place = keys.reader.place(keys.span.start);
    Some(Site { name, bytes_in_per_sec, mirrored_bytes_per_sec, replication_factor, retention_hours, place })
}

/// The offset of the site called `name`, which `key` of `table` names.
fn named<'t>(
    reader: &mut TomlReader<'t>,
    table: &DeTable<'t>,
    key: &str,
    name: Option<String>,
    found: &Sites,
) -> Option<usize> {
    let name = name?;
    let row = found.sites.iter().position(|site| site.name == name);
    if row.is_none() {
        let span = table.get(key).map_or(0..0, |value| value.span());
        unknown_site(reader, span, &name, found);
    }
    row
}

fn unknown_site(reader: &mut TomlReader<'_>, span: std::ops::Range<usize>, name: &str, found: &Sites) {
    let near = nearest(name, found.sites.iter().map(|site| site.name.as_str())).unwrap_or_default();
    let help = format!("the nearest listed site is {near:?}");
    reader.error(span, codes::UNKNOWN_SITE, format!("site {name:?} is not listed"), help);
}

fn link(keys: &mut Keys<'_, '_, '_>, found: &mut Sites) {
    let price_per_gb = keys.number("price_per_gb", NOT_NEGATIVE);
    let rtt_ms = keys.number("rtt_ms", NOT_NEGATIVE);
    let capacity_bytes_per_sec = keys.number("capacity_bytes_per_sec", POSITIVE);
    let mut ends = Vec::new();
    let is_both_ways = keys.value("between").is_some();
    if let Some(list) = keys.value("between") {
        for value in keys.reader.list("between", list).unwrap_or_default() {
            ends.extend(keys.reader.string("between", value).map(|name| (name, value.span())));
        }
    } else {
        for key in ["from", "to"] {
            let span = keys.value(key).map_or(keys.span.clone(), |value| value.span());
            ends.extend(keys.required_text(key).map(|name| (name, span)));
        }
    }
    let mut rows = Vec::new();
    for (name, span) in &ends {
        match found.sites.iter().position(|site| site.name == *name) {
            Some(row) => rows.push(row),
            None => unknown_site(keys.reader, span.clone(), name, found),
        }
    }
    let [from, to] = rows[..] else {
        if is_both_ways && ends.len() != 2 {
            let help = "write between = [\"a\", \"b\"]";
            keys.reader.error(keys.span.clone(), codes::VALUE, "a link is between two sites", help);
        }
        return;
    };
    let directions = if is_both_ways { vec![(from, to), (to, from)] } else { vec![(from, to)] };
    for (from, to) in directions {
        if from == to || found.link(from, to).is_some() {
            let name = |row: usize| found.sites.get(row).map_or("", |site| site.name.as_str());
            let message = format!("the link from {:?} to {:?} is given twice, or leads nowhere", name(from), name(to));
            return keys.reader.error(keys.span.clone(), codes::DUPLICATE, message, "keep one link per direction");
        }
        found.links.push(Link { from, to, price_per_gb, rtt_ms, capacity_bytes_per_sec });
    }
}

/// Records the sites from which a flow of `topology` has no link.
fn check_links<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>, found: &Sites, topology: Topology) {
    let entries = root.get("sites").and_then(|value| value.get_ref().as_array());
    let span = |row: usize| {
        let mut entries = entries.into_iter().flat_map(|list| list.iter());
        entries.nth(row).map_or(0..0, |entry| entry.span())
    };
    let name = |row: usize| found.sites.get(row).map_or("", |site| site.name.as_str());
    for (row, site) in found.sites.iter().enumerate() {
        if !found.links.iter().any(|link| link.from == row || link.to == row) {
            let message = format!("site {:?} has no link to any other", site.name);
            let help = format!("add [[links]] between = [{:?}, …] with its price_per_gb and rtt_ms", site.name);
            reader.error(span(row), codes::NO_LINK, message, help);
        }
    }
    let is_linked = |row: usize| found.links.iter().any(|link| link.from == row || link.to == row);
    for (from, to) in topology.pairs(found.sites.len(), found.center(topology)) {
        if is_linked(from) && is_linked(to) && found.link(from, to).is_none() {
            let message =
                format!("{} mirrors from {:?} to {:?}, which no link connects", topology.name(), name(from), name(to));
            let help = format!("add [[links]] between = [{:?}, {:?}]", name(from), name(to));
            reader.error(span(from), codes::NO_LINK, message, help);
        }
    }
}
