//! Scenarios that cannot be, each with the place and code of its fault; classes and the topics that they take.

use std::path::Path;

use super::sites::Topology;
use super::{classes, codes, federation, sites, upgrade};
use crate::ingest::catalogue::Catalogue;
use crate::ingest::fault::Faults;
use crate::model::fixture::Fixture;
use crate::model::{BrokerState, Snapshot};

const FILE: &str = "scenario.toml";

/// Line, column and code of each fault.
fn places(faults: &Faults) -> Vec<(u64, u64, &'static str)> {
    faults.list.iter().map(|f| (f.line.unwrap_or(0), f.column.unwrap_or(0), f.code)).collect()
}

const SITES: &str = "[[sites]]\nname = \"a\"\nbytes_in_per_sec = 5\n[[sites]]\nname = \"b\"\nbytes_in_per_sec = 7\n\
                     [[sites]]\nname = \"c\"\nbytes_in_per_sec = 1\n\
                     [[links]]\nbetween = [\"a\", \"b\"]\n[[links]]\nfrom = \"a\"\nto = \"c\"\n";

fn sites_faults(text: &str, topology: Topology) -> Vec<(u64, u64, &'static str)> {
    places(&sites::parse(Path::new(FILE), text, topology).unwrap_err())
}

#[test]
fn a_flow_without_a_link_is_a_fault_at_the_site_that_sends() {
    assert!(sites::parse(Path::new(FILE), SITES, Topology::ActiveStandby).is_ok());
    // b → c, c → a and c → b are missing; c is the third entry.
    assert_eq!(
        sites_faults(SITES, Topology::ActiveActive),
        [(4, 1, codes::NO_LINK), (7, 1, codes::NO_LINK), (7, 1, codes::NO_LINK)]
    );
    let unlinked = SITES.replace("[[links]]\nfrom = \"a\"\nto = \"c\"\n", "");
    let faults = sites::parse(Path::new(FILE), &unlinked, Topology::ActiveActive).unwrap_err();
    assert_eq!(places(&faults), [(7, 1, codes::NO_LINK)], "one fault for a site without any");
    assert!(faults.to_string().contains("site \"c\" has no link to any other"), "{faults}");
}

#[test]
fn what_cannot_be_is_a_fault_at_its_place() {
    let cases = [
        ("bytes_in_per_sec = 5", "bytes_in_per_sec = -5", (3, 20, codes::RANGE)),
        ("bytes_in_per_sec = 5", "bytes_in_per_sec = nan", (3, 20, codes::RANGE)),
        ("bytes_in_per_sec = 5", "bytes_in_per_sec = \"5\"", (3, 20, codes::VALUE)),
        ("bytes_in_per_sec = 5", "bytes_in = 5\nbytes_in_per_sec = 5", (3, 1, codes::UNKNOWN_KEY)),
        ("bytes_in_per_sec = 5\n", "", (1, 1, codes::VALUE)),
        ("name = \"b\"", "name = \"a\"", (4, 1, codes::DUPLICATE)),
        ("\"a\", \"b\"", "\"a\", \"x\"", (11, 17, codes::UNKNOWN_SITE)),
        ("from = \"a\"", "from = \"z\"", (13, 8, codes::UNKNOWN_SITE)),
        ("[[sites]]\nname = \"a\"", "hub = \"q\"\n[[sites]]\nname = \"a\"", (1, 7, codes::UNKNOWN_SITE)),
    ];
    for (old, new, wanted) in cases {
        let found = sites_faults(&SITES.replacen(old, new, 1), Topology::ActiveStandby);
        assert!(found.contains(&wanted), "{new:?}: {found:?}");
    }
    assert_eq!(sites_faults("", Topology::ActiveActive), [(1, 1, codes::VALUE)]);
    assert!(!sites_faults("[[sites]\n", Topology::ActiveActive).is_empty());
}

#[test]
fn a_machine_that_nobody_knows_is_a_fault() {
    let text = "[rebuild]\nmachine_model = \"i3en.3xlarg\"\n";
    let faults = upgrade::parse(Path::new(FILE), text, &Catalogue::builtin()).unwrap_err();
    assert_eq!(places(&faults), [(2, 17, codes::UNKNOWN_MACHINE)]);
    assert!(faults.to_string().contains("i3en.3xlarge"), "{faults}");
    let known = upgrade::parse(Path::new(FILE), &text.replace("xlarg\"", "xlarge\""), &Catalogue::builtin()).unwrap();
    assert_eq!(known.rebuild.price_per_hour, Some(1.356), "the catalogue's price");
    let bad = "prefer = \"luck\"\n[roll]\nrestart_minutes = -1\n";
    let faults = upgrade::parse(Path::new(FILE), bad, &Catalogue::builtin()).unwrap_err();
    assert_eq!(places(&faults), [(1, 10, codes::VALUE), (3, 19, codes::RANGE)]);
}

#[test]
fn a_federation_needs_its_measurement() {
    let faults = federation::parse(Path::new(FILE), "demand_bytes_per_sec = 0\n[cluster]\nbrokers = 0\n").unwrap_err();
    assert_eq!(places(&faults), [(1, 1, codes::VALUE), (1, 24, codes::RANGE), (3, 11, codes::RANGE)]);
}

fn topics(names: &[&str]) -> Snapshot {
    let mut fixture = Fixture::default().broker(1, "", "", BrokerState::Alive);
    for name in names {
        fixture = fixture.partition((name, 0), 1, (0.0, 0.0), &[(1, "", 1, true)]);
    }
    fixture.build()
}

const CLASSES: &str = "[[classes]]\nname = \"log\"\npatterns = [\"log.*\"]\n\
                       [[classes]]\nname = \"pay\"\npatterns = [\"pay.*\", \"log.x\"]\n";

#[test]
fn topics_go_to_the_first_class_that_matches() {
    let parsed = classes::parse(Path::new(FILE), CLASSES).unwrap();
    assert_eq!(parsed.assign(&topics(&["log.a", "log.x", "pay.b"])).unwrap(), [0, 0, 1]);
    let with_default = format!("default_class = \"pay\"\n{CLASSES}");
    let parsed = classes::parse(Path::new(FILE), &with_default).unwrap();
    assert_eq!(parsed.assign(&topics(&["log.a", "other"])).unwrap(), [0, 1]);
}

#[test]
fn a_class_without_topics_and_topics_without_a_class_are_faults() {
    let parsed = classes::parse(Path::new(FILE), CLASSES).unwrap();
    let faults = parsed.assign(&topics(&["log.a", "log.x", "other"])).unwrap_err();
    assert_eq!(places(&faults), [(4, 1, codes::EMPTY_CLASS), (1, 1, codes::UNCLASSED)]);
    assert!(faults.to_string().contains("earlier classes take all topics"), "{faults}");
    assert!(faults.to_string().contains("1 topics belong to no class: other"), "{faults}");
}

#[test]
fn classes_that_cannot_be_are_faults() {
    let cases = [
        ("name = \"log\"", "name = \"default\"", (2, 8, codes::VALUE)),
        ("name = \"pay\"", "name = \"log\"", (4, 1, codes::DUPLICATE)),
        ("\"log.*\"", "\"log.[\"", (3, 13, codes::PATTERN)),
        ("patterns = [\"log.*\"]\n", "", (1, 1, codes::VALUE)),
        ("[[classes]]\nname = \"log\"", "default_class = \"x\"\n[[classes]]\nname = \"log\"", (1, 17, codes::VALUE)),
        ("patterns = [\"log.*\"]", "limits = { disk = 1.5 }\npatterns = [\"log.*\"]", (3, 19, codes::RANGE)),
    ];
    for (old, new, wanted) in cases {
        let faults = classes::parse(Path::new(FILE), &CLASSES.replacen(old, new, 1)).unwrap_err();
        assert!(places(&faults).contains(&wanted), "{new:?}: {:?}", places(&faults));
    }
}
