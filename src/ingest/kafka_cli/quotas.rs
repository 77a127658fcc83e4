//! `kafka-configs --describe` of users and clients: the quotas in force.
//!
//! Tools that ask brokers (Kafka 2.6) print `Quota configs for user-principal 'etl', the default client-id are
//! producer_byte_rate=1048576.0, …`, at first without `Quota`. Those that ask ZooKeeper leave out the article of `the
//! default`, the blanks after commas and the decimals, and list the user's SCRAM credentials among the quotas. These are
//! secrets: of a line no more is ever told than whose it is, and a quota's own value.

use std::collections::BTreeMap;

use super::codes;
use super::summary::{Summary, count};
use super::text::{Line, Reader, excerpt, is_printable, lines};
use crate::ingest::quotas::{DEFAULT_NAME, FIGURE_MAX};
use crate::model::clients::{Entity, Part, Quota};

const TOOL: &str = "kafka-configs --describe --entity-type users and --entity-type clients";

/// All that the files say.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas {
    by_entity: BTreeMap<Entity, Quota>,
    /// Entities that `quotas.csv` has no place for.
    others: usize,
}

impl Quotas {
    /// Reads a file on top of those before it. One without a line is an answer too: no quota is set.
    pub(super) fn read(&mut self, text: &str, reader: &mut Reader<'_>) {
        for line in lines(text).filter(|line| !line.text.is_empty()) {
            match heading(line.text) {
                Some(Heading { entity: Some(entity), values }) => self.take(entity, values, line, reader),
                Some(Heading { entity: None, values }) => {
                    self.others += usize::from(pairs(values).any(|(key, ..)| QUOTAS.contains(&key)));
                }
                None if is_credential(line.text) => {}
                None => {
                    // What is after an equals sign may be a secret.
                    let (shown, _) = line.text.split_once('=').unwrap_or((line.text, ""));
                    reader.unknown(Line { number: line.number, text: shown });
                }
            }
        }
        reader.finish(TOOL);
    }

    fn take(&mut self, entity: Entity, values: &str, line: Line<'_>, reader: &mut Reader<'_>) {
        let base = line.text.len() - values.len();
        for (key, value, offset) in pairs(values) {
            let Some(known) = QUOTAS.iter().position(|name| *name == key) else { continue };
            let place = line.place(base + offset);
            let number = value.parse::<f64>().ok().filter(|figure| figure.is_finite() && *figure >= 0.0);
            // Who may use 2^63 − 1, Kafka's own default, is bound by nothing, a default for all others included.
            let Some(figure) = number.map(|figure| figure.min(FIGURE_MAX)) else {
                let message = format!("{key} is {:?}, not a number from 0", excerpt(value));
                reader.error(codes::QUOTA, place, message, "capture the quotas again");
                continue;
            };
            let quota = self.by_entity.entry(entity.clone()).or_insert_with(|| none(entity.clone()));
            let slot = slot(quota, known);
            if slot.is_some_and(|before| before != figure) {
                let message = format!("{key} of the same entity is given twice, and not as the same");
                reader.error(codes::QUOTA, place, message, "give one capture of each: remove what is older");
            }
            *slot = Some(figure);
        }
    }

    /// The rows of `quotas.csv`; what has no place there is named.
    pub(super) fn into_rows(self, summary: &mut Summary) -> Vec<Quota> {
        if self.others > 0 {
            let number = match self.others {
                1 => "1 other entity".to_owned(),
                others => format!("{others} other entities"),
            };
            summary.missing.push(format!("quotas of {number}, such as addresses: quotas.csv has users and client ids"));
        }
        summary.derived.push(format!("quotas in force: {} in quotas.csv", count(self.by_entity.len(), "row")));
        self.by_entity.into_values().collect()
    }
}

/// The quotas of users and client ids, as Kafka calls them.
const QUOTAS: [&str; 4] =
    ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];

fn slot(quota: &mut Quota, known: usize) -> &mut Option<f64> {
    match known {
        0 => &mut quota.producer_byte_rate,
        1 => &mut quota.consumer_byte_rate,
        2 => &mut quota.request_percentage,
        _ => &mut quota.controller_mutation_rate,
    }
}

fn none(entity: Entity) -> Quota {
    Quota {
        entity,
        producer_byte_rate: None,
        consumer_byte_rate: None,
        request_percentage: None,
        controller_mutation_rate: None,
    }
}

/// Keys, values and the values' offsets.
fn pairs(values: &str) -> impl Iterator<Item = (&str, &str, usize)> {
    let mut start = 0;
    values.split(',').filter_map(move |part| {
        let here = start;
        start += part.len() + 1;
        let (key, value) = part.split_once('=')?;
        Some((key.trim(), value.trim(), here + key.len() + 1))
    })
}

/// Whose quotas a line has, none where it is neither a user's nor a client id's; and the quotas.
struct Heading<'t> {
    entity: Option<Entity>,
    values: &'t str,
}

/// Lines of SCRAM credentials, which newer tools print on lines of their own.
fn is_credential(text: &str) -> bool {
    text.starts_with("SCRAM credential configs for ")
}

fn heading(text: &str) -> Option<Heading<'_>> {
    let subject = ["Quota configs for ", "Configs for "].iter().find_map(|start| text.strip_prefix(start))?;
    // Names may hold anything, values no blank before `are`.
    let end = subject.rfind(" are")?;
    let (subject, values) = (&subject[..end], subject[end..].strip_prefix(" are")?);
    if !values.is_empty() && !values.starts_with(' ') {
        return None;
    }
    Some(Heading { entity: entity(subject), values })
}

const USER: &str = "user-principal";
const CLIENT: &str = "client-id";

fn entity(subject: &str) -> Option<Entity> {
    let (user, client_id) = match named(subject, CLIENT) {
        Some(client_id) => (Part::Absent, client_id),
        None => {
            // The last separator divides: a user may be called so.
            let divided = [", client-id '", ", the default client-id", ", default client-id"]
                .iter()
                .filter_map(|separator| subject.rfind(separator))
                .max();
            match divided {
                Some(at) => (named(&subject[..at], USER)?, named(&subject[at + 2..], CLIENT)?),
                None => (named(subject, USER)?, Part::Absent),
            }
        }
    };
    Some(Entity { user, client_id })
}

/// `user-principal 'etl'`, `the default user-principal`, `default user-principal`.
fn named(text: &str, kind: &str) -> Option<Part> {
    let default = text.strip_prefix("the ").unwrap_or(text).strip_prefix("default ");
    if default == Some(kind) {
        return Some(Part::Default);
    }
    let quoted = text.strip_prefix(kind)?.strip_prefix(" '")?.strip_suffix('\'')?;
    let can_be_written = is_printable(quoted) && quoted != DEFAULT_NAME;
    can_be_written.then(|| Part::Named(quoted.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ingest::fault::Faults;

    fn read(texts: &[&str]) -> (Vec<Quota>, Summary, Faults) {
        let (mut faults, mut quotas, mut summary) = (Faults::default(), Quotas::default(), Summary::default());
        for text in texts {
            quotas.read(text, &mut Reader::new(Path::new("quotas.txt"), &mut faults));
        }
        (quotas.into_rows(&mut summary), summary, faults)
    }

    fn name(part: &Part) -> &str {
        match part {
            Part::Named(name) => name,
            Part::Default => "<default>",
            Part::Absent => "",
        }
    }

    #[test]
    fn names_may_hold_what_the_line_is_made_of() {
        let (rows, summary, faults) = read(&[
            "Quota configs for user-principal 'O'Neil', client-id 'x', client-id 'are' are producer_byte_rate=1.5E7",
            "Configs for user-principal 'CN=a, OU=b are c' are consumer_byte_rate=7,SCRAM-SHA-256=salt=c2VjcmV0,iterations=1",
            "Quota configs for ip '10.0.0.1' are connection_creation_rate=5.0\n\
             SCRAM credential configs for user-principal 'x' are SCRAM-SHA-512=iterations=4096\n",
        ]);
        assert_eq!(faults, Faults::default());
        let told: Vec<_> = rows.iter().map(|q| (name(&q.entity.user), name(&q.entity.client_id))).collect();
        assert_eq!(told, [("CN=a, OU=b are c", ""), ("O'Neil', client-id 'x", "are")]);
        let figures: Vec<_> = rows.iter().map(|q| (q.producer_byte_rate, q.consumer_byte_rate)).collect();
        assert_eq!(figures, [(None, Some(7.0)), (Some(1.5e7), None)]);
        assert_eq!(summary.missing, Vec::<String>::new());
    }

    #[test]
    fn nothing_is_an_answer_and_a_limit_that_nobody_reaches_stays_one() {
        assert_eq!(read(&[""]).0, []);
        let (rows, _, faults) = read(&["Quota configs for client-id 'a' are producer_byte_rate=9.223372036854776E18"]);
        assert_eq!(faults, Faults::default());
        assert_eq!(rows.first().and_then(|row| row.producer_byte_rate), Some(FIGURE_MAX));
    }

    #[test]
    fn faults_have_their_place_and_tell_no_secret() {
        let (_, _, faults) =
            read(&["Configs for user-principal 'a' are SCRAM-SHA-512=salt=aHVzaA==,producer_byte_rate=fast\n\
             Configs of user-principal 'b': SCRAM-SHA-512=salt=aHVzaA==\n"]);
        let found: Vec<_> = faults.list.iter().map(|f| (f.code, f.line, f.column)).collect();
        assert_eq!(found, [(codes::QUOTA, Some(1), Some(83)), (codes::UNKNOWN_LINE, Some(2), Some(1))]);
        assert!(!format!("{faults}").contains("aHVzaA"), "{faults}");
        let (_, _, faults) = read(&[
            "Configs for client-id 'a' are producer_byte_rate=1",
            "Configs for client-id 'a' are producer_byte_rate=1\nConfigs for client-id 'a' are producer_byte_rate=2",
        ]);
        let found: Vec<_> = faults.list.iter().map(|f| (f.code, f.line)).collect();
        assert_eq!(found, [(codes::QUOTA, Some(2))]);
    }
}
