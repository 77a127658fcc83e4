//! One record of Cruise Control's metrics reporter, from bytes.
//!
//! Source of the format: `MetricSerde`, `BrokerMetric`, `TopicMetric`, `PartitionMetric` and `RawMetricType` of
//! linkedin/cruise-control. All numbers are big endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | class: 0 of a broker, 1 of a topic on a broker, 2 of a replica |
//! | 1 | version of the class, 0 so far |
//! | 1 | metric (`RawMetricType`), which has a class of its own |
//! | 8 | when, in milliseconds since 1970 |
//! | 4 | who reports: broker id |
//! | 4 + n | only of topics and replicas: length of the topic's name, its UTF-8 |
//! | 4 | only of replicas: partition |
//! | 8 | value, IEEE 754 double |
//!
//! What follows these bytes is not looked at, as Cruise Control does.

/// The version that every class has so far (`METRIC_VERSION`).
const VERSION: u8 = 0;

/// What a metric is of: the class that its records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Broker,
    Topic,
    Partition,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Broker, Self::Topic, Self::Partition];
}

/// The metrics that a snapshot has a place for, by their ids.
pub(super) const TOPIC_BYTES_IN: u8 = 2;
pub(super) const TOPIC_BYTES_OUT: u8 = 3;
pub(super) const PARTITION_SIZE: u8 = 4;
pub(super) const BROKER_CPU_UTIL: u8 = 5;
pub(super) const ALL_TOPIC_REPLICATION_BYTES_IN: u8 = 6;
pub(super) const ALL_TOPIC_REPLICATION_BYTES_OUT: u8 = 7;
pub(super) const TOPIC_MESSAGES_IN_PER_SEC: u8 = 15;

/// The last metric that `RawMetricType` lists: `BROKER_LOG_FLUSH_TIME_MS_999TH`.
const LAST_METRIC: u8 = 62;

/// What metric `id` is of; none where `RawMetricType` has no such id.
fn scope_of(id: u8) -> Option<Scope> {
    match id {
        TOPIC_BYTES_IN | TOPIC_BYTES_OUT | 11..=TOPIC_MESSAGES_IN_PER_SEC => Some(Scope::Topic),
        PARTITION_SIZE => Some(Scope::Partition),
        0..=LAST_METRIC => Some(Scope::Broker),
        _ => None,
    }
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record<'b> {
    /// Its id in `RawMetricType`.
    pub(super) metric: u8,
    pub(super) time_ms: i64,
    pub(super) broker: i32,
    /// The topic's name as metrics have it, dots replaced by underscores; empty in a broker's record.
    pub(super) topic: &'b str,
    /// 0 but in a replica's record.
    pub(super) partition: u32,
    /// Finite and not negative; bytes, per second where it is a rate, or a share (0–1) of the cores.
    pub(super) value: f64,
}

/// Why bytes are no record that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// A class beyond the three.
    Class(u8),
    /// A version beyond 0.
    Version(u8),
    /// A metric that `RawMetricType` did not have.
    Metric(u8),
    /// A value that is none: not finite or negative.
    Value,
    /// Cut off, a name that is no text, a class that is not its metric's, a number that cannot be.
    Malformed,
}

/// Reads a record.
///
/// # Errors
/// Why it does not count.
pub(super) fn parse(bytes: &[u8]) -> Result<Record<'_>, Refusal> {
    let mut rest = bytes;
    let [class, version, metric] = take::<3>(&mut rest)?;
    let class = *Scope::ALL.get(usize::from(class)).ok_or(Refusal::Class(class))?;
    if version != VERSION {
        return Err(Refusal::Version(version));
    }
    let scope = scope_of(metric).ok_or(Refusal::Metric(metric))?;
    let time_ms = i64::from_be_bytes(take(&mut rest)?);
    let broker = i32::from_be_bytes(take(&mut rest)?);
    let topic = if class == Scope::Broker { "" } else { name(&mut rest)? };
    let partition = if class == Scope::Partition { i32::from_be_bytes(take(&mut rest)?) } else { 0 };
    let value = f64::from_be_bytes(take(&mut rest)?);
    let partition = u32::try_from(partition).map_err(|_| Refusal::Malformed)?;
    if scope != class || broker < 0 {
        return Err(Refusal::Malformed);
    }
    if !value.is_finite() || value < 0.0 {
        return Err(Refusal::Value);
    }
    // −0 is 0.
    Ok(Record { metric, time_ms, broker, topic, partition, value: value.abs() })
}

/// The next `N` bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Refusal::Malformed)?;
    *rest = tail;
    Ok(*head)
}

/// A length and so many bytes of UTF-8.
fn name<'b>(rest: &mut &'b [u8]) -> Result<&'b str, Refusal> {
    let length = usize::try_from(i32::from_be_bytes(take(rest)?)).map_err(|_| Refusal::Malformed)?;
    let (head, tail) = rest.split_at_checked(length).ok_or(Refusal::Malformed)?;
    *rest = tail;
    std::str::from_utf8(head).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `new BrokerMetric(BROKER_CPU_UTIL, 1700000000000L, 3, 0.25)`, byte by byte as `toBuffer` puts them.
    const CPU: [u8; 23] = [
        0, 0, 5, // class, version, metric
        0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0, // 1,700,000,000,000 ms
        0, 0, 0, 3, // broker
        0x3f, 0xd0, 0, 0, 0, 0, 0, 0, // 0.25
    ];

    #[test]
    fn a_brokers_record_reads_as_its_bytes_say() {
        let wanted = Record { metric: 5, time_ms: 1_700_000_000_000, broker: 3, topic: "", partition: 0, value: 0.25 };
        assert_eq!(parse(&CPU), Ok(wanted));
    }

    #[test]
    fn records_of_topics_and_replicas_have_a_name_and_a_partition() {
        let head = [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0, 0, 0, 0, 7];
        let name = [&[0, 0, 0, 6][..], b"orders"].concat();
        // 1536.0 is 1.5 · 2^10.
        let value = [0x40, 0x98, 0, 0, 0, 0, 0, 0];
        let topic = [&[1, 0, 2][..], &head, &name, &value].concat();
        let of_topic = parse(&topic);
        let wanted =
            Record { metric: 2, time_ms: 1_700_000_000_000, broker: 7, topic: "orders", partition: 0, value: 1536.0 };
        assert_eq!(of_topic, Ok(wanted));
        let replica = [&[2, 0, 4][..], &head, &name, &[0, 0, 0, 9], &value].concat();
        assert_eq!(parse(&replica), Ok(Record { metric: 4, partition: 9, ..wanted }));
        // The length of a name counts bytes, as Java's `getBytes(UTF_8)` does.
        let long = [&[1, 0, 2][..], &head, &[0, 0, 0, 3], "é!".as_bytes(), &value].concat();
        assert_eq!(parse(&long).map(|record| record.topic), Ok("é!"));
    }

    #[test]
    fn what_is_newer_than_the_format_is_told_from_what_is_broken() {
        let with = |at: usize, byte: u8| {
            let mut bytes = CPU;
            bytes[at] = byte;
            parse(&bytes).err()
        };
        assert_eq!(with(0, 3), Some(Refusal::Class(3)));
        assert_eq!(with(1, 1), Some(Refusal::Version(1)));
        assert_eq!(with(2, 63), Some(Refusal::Metric(63)));
        assert_eq!(with(2, 62), None);
        assert_eq!(with(2, 2), Some(Refusal::Malformed), "a topic's metric in a broker's record");
        assert_eq!(with(15, 0xbf), Some(Refusal::Value), "−0.25");
        assert_eq!(with(11, 0x80), Some(Refusal::Malformed), "a broker below 0");
        for end in 0..CPU.len() {
            assert_eq!(parse(&CPU[..end]), Err(Refusal::Malformed), "{end} bytes");
        }
        // More bytes than the format has are a later version's, and nothing to us.
        assert!(parse(&[&CPU[..], &[1, 2]].concat()).is_ok());
    }

    #[test]
    fn every_id_of_the_enum_has_its_scope() {
        let of = |wanted: Scope| (0..=u8::MAX).filter(|id| scope_of(*id) == Some(wanted)).collect::<Vec<_>>();
        assert_eq!(of(Scope::Topic), [2, 3, 11, 12, 13, 14, 15]);
        assert_eq!(of(Scope::Partition), [4]);
        assert_eq!(of(Scope::Broker).len(), 63 - 8);
    }

    #[test]
    fn no_mutilated_record_panics() {
        let head = [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0, 0, 0, 0, 7];
        let replica = [&[2, 0, 4][..], &head, &[0, 0, 0, 6], b"orders", &[0, 0, 0, 9], &[0x40; 8]].concat();
        let mut state = 17_u64;
        let mut below = |bound: usize| {
            // Knuth's MMIX generator: the same mutations on every run.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap_or_default() % bound.max(1)
        };
        let (mut read, mut refused) = (0, 0);
        for case in 0..2_000 {
            let mut bytes = if case % 2 == 0 { replica.clone() } else { CPU.to_vec() };
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, below(256) as u8),
                    2 if !bytes.is_empty() => drop(bytes.remove(at)),
                    _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
                }
            }
            match parse(&bytes) {
                Ok(record) => {
                    assert!(record.value.is_finite() && record.value >= 0.0 && record.broker >= 0);
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 200 && refused > 500, "{read} read, {refused} refused");
    }
}
