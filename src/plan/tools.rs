//! The commands of Kafka's tools, as a version of Kafka takes them. Pure text.
//!
//! Reassignments go through a broker from 2.6 on (KIP-455: the tool followed the brokers, which are able from 2.4 on);
//! before, through ZooKeeper, and what runs can be neither listed nor cancelled. Log dirs always were a broker's affair
//! (KIP-113). Elections have a tool of their own from 2.4 on (KIP-460). Cordons are of 4.3 (KIP-1066).

/// The tools of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tools {
    /// Major and minor; the latest where it is unknown.
    version: (u32, u32),
}

impl Tools {
    /// The tools of `version`, such as `2.8.2`.
    pub(super) fn of(version: Option<&str>) -> Self {
        let mut parts = version.unwrap_or_default().split('.').map(|part| part.parse::<u32>().ok());
        let major = parts.next().flatten();
        Self { version: major.map_or((u32::MAX, 0), |major| (major, parts.next().flatten().unwrap_or(0))) }
    }

    /// Whether reassignments go through ZooKeeper.
    pub(super) fn need_zookeeper(self) -> bool {
        self.version < (2, 6)
    }

    /// Whether `evenkeel apply` can carry a plan out.
    pub(super) fn may_apply(self) -> bool {
        self.version >= (2, 4)
    }

    /// Whether log dirs can be cordoned.
    pub(super) fn may_cordon(self) -> bool {
        self.version >= (4, 3)
    }

    fn reassign(self) -> &'static str {
        if self.need_zookeeper() {
            "kafka-reassign-partitions.sh --zookeeper \"$ZOOKEEPER\" --bootstrap-server \"$BOOTSTRAP\""
        } else {
            "kafka-reassign-partitions.sh --bootstrap-server \"$BOOTSTRAP\""
        }
    }

    /// Starts the copies of `file`.
    pub(super) fn execute(self, file: &str) -> String {
        format!(
            "{} \\\n  --reassignment-json-file {file} \\\n  \
             --throttle \"$THROTTLE\" --replica-alter-log-dirs-throttle \"$THROTTLE\" --execute",
            self.reassign()
        )
    }

    /// Asks until all of `file` is done, which also takes the throttles away.
    pub(super) fn wait(self, file: &str) -> String {
        format!(
            "until state=$({} \\\n  --reassignment-json-file {file} --verify) &&\n  \
             ! echo \"$state\" | grep -q 'in progress'; do sleep 30; done\necho \"$state\" | tail -n 5",
            self.reassign()
        )
    }

    /// Takes back what of `file` is under way.
    pub(super) fn cancel(self, file: &str) -> String {
        format!("{} \\\n  --reassignment-json-file {file} --cancel", self.reassign())
    }

    /// Says whether any reassignment is under way.
    pub(super) fn list(self) -> &'static str {
        if self.need_zookeeper() {
            "zookeeper-shell.sh \"$ZOOKEEPER\" ls /admin   # no `reassign_partitions` in it"
        } else {
            "kafka-reassign-partitions.sh --bootstrap-server \"$BOOTSTRAP\" --list"
        }
    }

    /// Elects the preferred leaders of `file`.
    pub(super) fn elect(self, file: &str) -> String {
        if self.may_apply() {
            format!(
                "kafka-leader-election.sh --bootstrap-server \"$BOOTSTRAP\" \\\n  --election-type preferred \
                 --path-to-json-file {file}"
            )
        } else {
            format!("kafka-preferred-replica-election.sh --zookeeper \"$ZOOKEEPER\" \\\n  --path-to-json-file {file}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_gets_the_commands_that_it_takes() {
        let abilities = |version| {
            let tools = Tools::of(version);
            (tools.need_zookeeper(), tools.may_apply(), tools.may_cordon())
        };
        assert_eq!(abilities(Some("1.1.1")), (true, false, false));
        assert_eq!(abilities(Some("2.3.1")), (true, false, false));
        assert_eq!(abilities(Some("2.5.0")), (true, true, false), "brokers came before the tool");
        assert_eq!(abilities(Some("2.8.2")), (false, true, false));
        assert_eq!(abilities(Some("3.9.1")), (false, true, false));
        assert_eq!(abilities(Some("4.3.1")), (false, true, true));
        assert_eq!(abilities(None), (false, true, true), "as the latest");
        assert!(Tools::of(Some("2.3.1")).elect("f").starts_with("kafka-preferred-replica-election.sh --zookeeper"));
        assert!(Tools::of(Some("2.5.0")).elect("f").starts_with("kafka-leader-election.sh --bootstrap-server"));
        assert!(Tools::of(Some("2.5.0")).execute("f").contains("--zookeeper \"$ZOOKEEPER\" --bootstrap-server"));
    }
}
