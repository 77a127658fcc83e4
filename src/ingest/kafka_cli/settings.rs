//! Brokers' settings from `kafka-configs --entity-type brokers --describe`, or from a `server.properties`.

use std::path::Path;

use super::configs::{Entity, heading, is_key};
use super::text::{Reader, lines};
use crate::ingest::fault::{Fault, Faults};
use crate::model::settings::BrokerSettings;

const TOOL: &str = "kafka-configs --entity-type brokers --describe --all";

/// Reads the settings in the file at `path`. A properties file, having no heading, is taken to be that of every broker.
///
/// # Errors
/// Every fault in the file.
pub fn read(path: &Path) -> Result<(BrokerSettings, Faults), Faults> {
    let mut faults = Faults::default();
    let mut settings = BrokerSettings::default();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, &mut Reader::new(path, &mut faults), &mut settings),
        Err(error) => {
            let fault =
                Fault::error(crate::ingest::codes::UNREADABLE, path, format!("the file cannot be read: {error}"));
            faults.push(fault.help(format!("give the output of {TOOL}")));
        }
    }
    if faults.has_errors() { Err(faults) } else { Ok((settings, faults)) }
}

fn parse(text: &str, reader: &mut Reader<'_>, settings: &mut BrokerSettings) {
    let mut entity = Entity::Cluster;
    let mut found = false;
    for line in lines(text) {
        if let Some((named, _)) = heading(line, reader) {
            found |= matches!(named, Entity::Broker(_) | Entity::Cluster);
            if let Entity::Broker(id) = named {
                settings.brokers.entry(id).or_default();
            }
            entity = named;
            continue;
        }
        let body = line.text.trim_start();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let Some((key, rest)) = body.split_once('=').filter(|(key, _)| is_key(key)) else {
            reader.unknown(line);
            continue;
        };
        let end = rest.rfind(" sensitive=").or_else(|| rest.find(" synonyms=")).unwrap_or(rest.len());
        let value = rest[..end].trim();
        let own = match &entity {
            Entity::Broker(id) => settings.brokers.entry(*id).or_default(),
            Entity::Cluster => &mut settings.cluster,
            Entity::Topic(_) | Entity::Other => continue,
        };
        if value != "null" {
            // Names of settings have dots: any text may have an equals sign.
            found |= key.contains('.');
            own.insert(key.trim().to_owned(), value.to_owned());
        }
    }
    reader.finish(TOOL);
    if !found {
        reader.nothing("broker settings", TOOL);
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes;
    use super::*;

    fn parsed(text: &str) -> (BrokerSettings, Faults) {
        let (mut settings, mut faults) = (BrokerSettings::default(), Faults::default());
        parse(text, &mut Reader::new(Path::new("configs.txt"), &mut faults), &mut settings);
        (settings, faults)
    }

    #[test]
    fn captured_settings_are_read_by_broker() {
        let (settings, faults) = parsed(include_str!("../../../fixtures/kafka-cli/healthy/broker-configs-1.txt"));
        assert_eq!(faults, Faults::default());
        assert_eq!(settings.value(1, "queued.max.requests"), Some("500"));
        assert_eq!(settings.value(1, "num.io.threads"), Some("4"));
        assert_eq!(settings.value(2, "num.io.threads"), None, "of broker 1 alone");
    }

    #[test]
    fn a_properties_file_is_every_brokers() {
        let (settings, faults) = parsed("# tuned\nnum.network.threads = 8\nlog.dirs=/a,/b\n\n");
        assert_eq!(faults, Faults::default());
        assert_eq!(settings.value(7, "num.network.threads"), Some("8"));
        assert_eq!(settings.value(7, "log.dirs"), Some("/a,/b"));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let (_, faults) = parsed("Error: connection refused\ndisk = 0.1\n");
        assert!(faults.has_errors() && faults.list.iter().any(|f| f.code == codes::NOTHING_FOUND));
    }
}
