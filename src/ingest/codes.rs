//! The stable codes of faults, in one place; docs/errors.md explains each to operators.

/// The snapshot directory cannot be read.
pub const NO_DIRECTORY: &str = "E100";
/// A required file is missing.
pub const MISSING_FILE: &str = "E101";
/// A file is there plain and compressed.
pub const TWO_FILES: &str = "E102";
/// A file cannot be read or decompressed.
pub const UNREADABLE: &str = "E103";
/// A row names something that has no row of its own.
pub const NOT_LISTED: &str = "E104";
/// Bytes that are not UTF-8.
pub const NOT_UTF8: &str = "E105";
/// A file without even a header.
pub const EMPTY_FILE: &str = "E106";
/// A required column is missing.
pub const MISSING_COLUMN: &str = "E107";
/// A column appears twice.
pub const DUPLICATE_COLUMN: &str = "E108";
/// A row is wider or narrower than the header.
pub const ROW_WIDTH: &str = "E109";
/// A required value is empty.
pub const EMPTY_VALUE: &str = "E110";
/// A value is not a number, or not a whole one.
pub const NOT_A_NUMBER: &str = "E111";
/// A number is negative, not finite or too large.
pub const OUT_OF_RANGE: &str = "E112";
/// A capacity is zero.
pub const ZERO_CAPACITY: &str = "E113";
/// A value is none of those allowed.
pub const NOT_ALLOWED: &str = "E114";
/// An id appears twice.
pub const DUPLICATE_ROW: &str = "E115";
/// Positions are not 0…f−1.
pub const POSITIONS: &str = "E116";
/// A leader holds no replica.
pub const LEADER_WITHOUT_REPLICA: &str = "E117";
/// A partition has no replicas.
pub const NO_REPLICAS: &str = "E118";
/// A group takes the reserved name.
pub const RESERVED_GROUP: &str = "E119";
/// A quote is never closed.
pub const OPEN_QUOTE: &str = "E120";
/// A name holds control characters.
pub const CONTROL_CHARACTER: &str = "E121";
/// Sizes add up to more than can be counted.
pub const TOTAL_TOO_LARGE: &str = "E122";
/// The cluster has no brokers.
pub const NO_BROKERS: &str = "E123";
/// A timestamp is not a time in UTC.
pub const TIMESTAMP: &str = "E124";
/// cluster.toml is not TOML.
pub const CLUSTER_SYNTAX: &str = "E130";
/// cluster.toml lacks a key.
pub const CLUSTER_MISSING_KEY: &str = "E131";
/// A key of cluster.toml has a value of the wrong kind.
pub const CLUSTER_VALUE: &str = "E132";
/// A snapshot format that this version does not read.
pub const CLUSTER_FORMAT: &str = "E133";

/// A policy file cannot be read or is not TOML.
pub const POLICY_SYNTAX: &str = "E201";
/// A policy file has a key that means nothing.
pub const POLICY_UNKNOWN_KEY: &str = "E202";
/// A policy value of the wrong kind.
pub const POLICY_VALUE: &str = "E203";
/// A policy value out of its range.
pub const POLICY_RANGE: &str = "E204";
/// A topic pattern that does not compile.
pub const POLICY_PATTERN: &str = "E205";
/// A pin's key is not topic-partition.
pub const POLICY_PIN_KEY: &str = "E206";
/// A pin names a broker twice.
pub const POLICY_PIN_TWICE: &str = "E207";
/// The policy's default group is no broker's.
pub const POLICY_GROUP_UNKNOWN: &str = "E210";
/// A pin is for a partition that the snapshot does not have.
pub const POLICY_PARTITION_UNKNOWN: &str = "E211";
/// A pin or `no_receive` names a broker that the snapshot does not have.
pub const POLICY_BROKER_UNKNOWN: &str = "E212";
/// More brokers are pinned than the partition has replicas.
pub const POLICY_PINS_TOO_MANY: &str = "E213";

/// A catalogue directory or file cannot be read or is not TOML.
pub const CATALOGUE_SYNTAX: &str = "E301";
/// A machine has a key that means nothing.
pub const CATALOGUE_UNKNOWN_KEY: &str = "E302";
/// A machine's value is of the wrong kind.
pub const CATALOGUE_VALUE: &str = "E303";
/// A machine's value is out of its range.
pub const CATALOGUE_RANGE: &str = "E304";
/// A machine has no id.
pub const CATALOGUE_MISSING_KEY: &str = "E305";
/// Two machines of one directory have the same id.
pub const CATALOGUE_DUPLICATE: &str = "E306";

/// A column that means nothing.
pub const UNKNOWN_COLUMN: &str = "W101";
/// A key of cluster.toml that means nothing.
pub const CLUSTER_UNKNOWN_KEY: &str = "W102";
/// Rates that are unknown count as 0.
pub const UNKNOWN_RATE: &str = "W103";
/// A machine model that the catalogue does not have.
pub const UNKNOWN_MODEL: &str = "W104";
/// A broker has more log dirs than its model has disks.
pub const DISK_COUNT: &str = "W105";
/// A topic's group that no broker names.
pub const GROUP_WITHOUT_BROKER: &str = "W106";
/// The history names a broker or topic that the snapshot does not have.
pub const HISTORY_UNLISTED: &str = "W107";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// What looks like a code in `text` between `before` and `after`.
    fn codes_between(text: &str, before: &str, after: char) -> BTreeSet<String> {
        let is_code = |word: &str| {
            word.len() == 4 && word.starts_with(['E', 'W']) && word[1..].bytes().all(|b| b.is_ascii_digit())
        };
        let words = text.split(before).skip(1).filter_map(|rest| rest.split(after).next());
        words.filter(|word| is_code(word)).map(str::to_owned).collect()
    }

    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_index_explains_every_code_in_use_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        sources(&root.join("src"), &mut files);
        let used: BTreeSet<String> =
            files.iter().flat_map(|file| codes_between(&std::fs::read_to_string(file).unwrap(), "\"", '"')).collect();
        let index = std::fs::read_to_string(root.join("docs/errors.md")).unwrap();
        let explained = codes_between(&index, "\n| ", ' ');
        assert_eq!(explained, used);
        assert!(used.contains(super::NOT_LISTED) && used.len() > 40);
    }
}
