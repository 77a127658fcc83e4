//! Two ways to a new version: `what-if upgrade`'s scenario (docs/what-if-upgrade.md).

use std::path::Path;

use toml::de::DeTable;

use super::{CODES, Keys, NOT_NEGATIVE, POSITIVE, codes, finish, text_of};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::fault::Faults;
use crate::ingest::toml_reader::TomlReader;

/// What decides between paths that both can be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The fewest minutes at risk.
    #[default]
    Risk,
    /// The lowest cost.
    Cost,
    /// The fewest hours.
    Time,
}

impl Preference {
    /// All preferences with their names in files.
    pub const ALL: [(&str, Self); 3] = [("risk", Self::Risk), ("cost", Self::Cost), ("time", Self::Time)];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, preference)| *preference == self).map_or("", |(name, _)| name)
    }
}

/// A scenario of an upgrade.
#[derive(Clone, Debug, PartialEq)]
pub struct Upgrade {
    /// What decides.
    pub prefer: Preference,
    /// ISO 4217 code of prices.
    pub currency: String,
    /// What an hour of the people who do it costs, in `currency`.
    pub staff_per_hour: f64,
    /// A new cluster beside the old one.
    pub rebuild: Rebuild,
    /// The brokers one after the other.
    pub roll: Roll,
}

/// A new cluster beside the old one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuild {
    /// Brokers of the new cluster; none for as many as there are.
    pub brokers: Option<u64>,
    /// Price of one new broker's hour; none where neither the file nor the catalogue has it.
    pub price_per_hour: Option<f64>,
    /// Hours until the new cluster is up.
    pub setup_hours: f64,
    /// What the mirror copies in all, bytes per second.
    pub mirror_bytes_per_sec: Option<f64>,
    /// Hours that both run once the copy has caught up.
    pub overlap_hours: f64,
    /// Minutes in which clients switch over.
    pub cutover_minutes: f64,
    /// Price of 10^9 bytes that the mirror copies.
    pub price_per_gb: f64,
}

/// The brokers one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Roll {
    /// Minutes that one broker is away.
    pub restart_minutes: f64,
    /// What a broker that is back receives at most, bytes per second.
    pub catch_up_bytes_per_sec: Option<f64>,
    /// Minutes that each broker is watched before the next one's turn.
    pub pause_minutes: f64,
    /// Brokers added first, for the time of the upgrade.
    pub brokers_added: u64,
    /// Throttle per broker and direction for the copies onto them, bytes per second.
    pub throttle_bytes_per_sec: Option<f64>,
}

/// Minutes of one broker's restart where the file has none: Amazon MSK's best practices give 10 to 15.
const RESTART_MINUTES: f64 = 15.0;
const BROKERS_MAX: u64 = 1_000_000;

const KEYS: [&str; 5] = ["prefer", "currency", "staff_per_hour", "rebuild", "roll"];
const REBUILD_KEYS: [&str; 8] = [
    "brokers",
    "machine_model",
    "price_per_hour",
    "setup_hours",
    "mirror_bytes_per_sec",
    "overlap_hours",
    "cutover_minutes",
    "price_per_gb",
];
const ROLL_KEYS: [&str; 5] =
    ["restart_minutes", "catch_up_bytes_per_sec", "pause_minutes", "brokers_added", "throttle_bytes_per_sec"];

/// Reads the scenario in the file at `path`; machines are looked up in `catalogue`.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path, catalogue: &Catalogue) -> Result<Upgrade, Faults> {
    parse(path, &text_of(path)?, catalogue)
}

/// Reads the scenario in `text`, which faults call `path`.
///
/// # Errors
/// Every fault in the text.
pub fn parse(path: &Path, text: &str, catalogue: &Catalogue) -> Result<Upgrade, Faults> {
    let mut reader = TomlReader::new(path, text, &CODES);
    let found = reader.root().map(|root| upgrade(&mut reader, &root, catalogue));
    finish(reader, found)
}

fn upgrade<'t>(reader: &mut TomlReader<'t>, root: &DeTable<'t>, catalogue: &Catalogue) -> Upgrade {
    let mut keys = Keys::new(reader, root, 0..0, "", &KEYS);
    let currency = keys.text("currency").unwrap_or_else(|| "USD".to_owned());
    let staff_per_hour = keys.number("staff_per_hour", NOT_NEGATIVE).unwrap_or(0.0);
    let mut prefer = Preference::default();
    if let (Some(written), Some(value)) = (keys.text("prefer"), keys.value("prefer")) {
        match Preference::ALL.iter().find(|(name, _)| *name == written) {
            Some((_, known)) => prefer = *known,
            None => keys.reader.wrong_kind("prefer", value, "\"risk\", \"cost\" or \"time\""),
        }
    }
    let [rebuild_table, roll_table] = ["rebuild", "roll"].map(|key| keys.table(key));
    let empty = DeTable::new();
    let (table, span) = rebuild_table.unwrap_or((&empty, 0..0));
    let rebuild = rebuild(&mut Keys::new(reader, table, span, "rebuild", &REBUILD_KEYS), catalogue);
    let (table, span) = roll_table.unwrap_or((&empty, 0..0));
    let roll = roll(&mut Keys::new(reader, table, span, "roll", &ROLL_KEYS));
    Upgrade { prefer, currency, staff_per_hour, rebuild, roll }
}

fn rebuild(keys: &mut Keys<'_, '_, '_>, catalogue: &Catalogue) -> Rebuild {
    let mut price_per_hour = keys.number("price_per_hour", NOT_NEGATIVE);
    if let (Some(model), Some(value)) = (keys.text("machine_model"), keys.value("machine_model")) {
        match catalogue.get(&model) {
            Some(machine) => {
                price_per_hour = price_per_hour.or(machine.price_hour.as_ref().map(|figure| figure.value));
            }
            None => {
                let near = catalogue.nearest(&model, 3).join(", ");
                let help = format!("known ones with a similar name: {near}; --machines adds your own");
                let message = format!("machine {model:?} is not in the catalogue");
                keys.reader.error(value.span(), codes::UNKNOWN_MACHINE, message, help);
            }
        }
    }
    Rebuild {
        brokers: keys.whole("brokers", 1, BROKERS_MAX),
        price_per_hour,
        setup_hours: keys.number("setup_hours", NOT_NEGATIVE).unwrap_or(0.0),
        mirror_bytes_per_sec: keys.number("mirror_bytes_per_sec", POSITIVE),
        overlap_hours: keys.number("overlap_hours", NOT_NEGATIVE).unwrap_or(24.0),
        cutover_minutes: keys.number("cutover_minutes", NOT_NEGATIVE).unwrap_or(15.0),
        price_per_gb: keys.number("price_per_gb", NOT_NEGATIVE).unwrap_or(0.0),
    }
}

fn roll(keys: &mut Keys<'_, '_, '_>) -> Roll {
    Roll {
        restart_minutes: keys.number("restart_minutes", NOT_NEGATIVE).unwrap_or(RESTART_MINUTES),
        catch_up_bytes_per_sec: keys.number("catch_up_bytes_per_sec", POSITIVE),
        pause_minutes: keys.number("pause_minutes", NOT_NEGATIVE).unwrap_or(0.0),
        brokers_added: keys.whole("brokers_added", 0, BROKERS_MAX).unwrap_or(0),
        throttle_bytes_per_sec: keys.number("throttle_bytes_per_sec", POSITIVE),
    }
}
