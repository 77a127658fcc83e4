//! Two readings of a cluster that somebody writes to.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::Site;

const TOPIC: &str = "audit.log-7";
const BUSY_PARTITIONS: i32 = 3;
const BYTES_PER_SEC: f64 = 320_000.0;
const MESSAGE_BYTES: usize = 16 * 1024;

/// The producer catches up wherever a busy machine held it: whichever part of its time the two readings take in, what they
/// see grow is its rate.
pub(super) fn are_those_of_a_producer(site: &Site) {
    let (inventory, out) = (site.inventory(), site.text("rates"));
    let server = ["--bootstrap-server", &site.env["BOOTSTRAP"], "--inventory", &inventory];
    let args = [&["snapshot", "kafka"], &server[..], &["--sample", "20s", "--out", &out]].concat();
    let mut child = site.start(&args, "rates.log");
    produce_until(&site.lab.bootstrap(), || child.try_wait().unwrap().is_some());
    site.wait(child, "rates.log", 0);
    let measured = site.read("rates");
    let seen: f64 = measured.partitions.iter().map(|p| p.bytes_in_per_sec).sum();
    let ratio = seen / BYTES_PER_SEC;
    assert!((0.85..=1.15).contains(&ratio), "{seen} of {BYTES_PER_SEC} bytes per second");
    let busy = measured.partitions.iter().filter(|p| p.messages_in_per_sec > 0.0).count();
    assert_eq!(i32::try_from(busy), Ok(BUSY_PARTITIONS));
}

/// Writes to the partitions in turn, at a steady rate; what it is behind it makes up for at once.
fn produce_until(bootstrap: &str, mut is_over: impl FnMut() -> bool) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("acks", "all").set("message.timeout.ms", "60000");
    let producer: BaseProducer = config.create().unwrap();
    let payload = vec![b'x'; MESSAGE_BYTES];
    let (start, mut written) = (Instant::now(), 0_i32);
    while !is_over() {
        while f64::from(written) * (MESSAGE_BYTES as f64) < start.elapsed().as_secs_f64() * BYTES_PER_SEC {
            let record = BaseRecord::<(), [u8]>::to(TOPIC).partition(written % BUSY_PARTITIONS).payload(&payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            written += 1;
        }
        producer.poll(Duration::from_millis(20));
    }
    producer.flush(Duration::from_secs(60)).unwrap();
}
