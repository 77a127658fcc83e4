//! A real Kafka for tests: `tests/kafka/lab.sh` runs it in a directory of its own, and it ends with its [`Lab`].

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tempfile::TempDir;

/// Brokers 1…6, broker i in rack-((i − 1) mod 3 + 1), unless `KLAB_BROKERS` says otherwise.
pub(crate) const BROKERS: u16 = 6;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/lab.sh");

/// Where `KLAB_KAFKA` names a version of the years before KRaft.
const ZOOKEEPER_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/zookeeper/lab.sh");

/// A running cluster of brokers in three racks with two log dirs each.
pub(crate) struct Lab {
    dir: TempDir,
    port: u16,
    brokers: u16,
    script: &'static str,
}

impl Lab {
    /// Starts a cluster with these further settings of the script and returns when every broker serves.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let value = |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let brokers = value("KLAB_BROKERS").map_or(BROKERS, |number| number.parse().unwrap());
        let script = if value("KLAB_KAFKA").is_some() { ZOOKEEPER_SCRIPT } else { SCRIPT };
        let lab = Self { dir: TempDir::with_prefix("evenkeel-lab-").unwrap(), port: free_ports(), brokers, script };
        let output = lab.command("start", &[]).envs(settings.iter().copied()).output().unwrap();
        assert!(output.status.success(), "the lab did not start:\n{}", stderr(&output));
        lab
    }

    /// The addresses that clients start from.
    pub(crate) fn bootstrap(&self) -> String {
        let addresses: Vec<String> = (1..=self.brokers).map(|id| format!("127.0.0.1:{}", self.port + id)).collect();
        addresses.join(",")
    }

    /// The path of a broker's log dir; disks count from 1.
    pub(crate) fn log_dir(&self, broker: u16, disk: u16) -> String {
        format!("{}/broker-{broker}/disk{disk}", self.dir.path().display())
    }

    /// Runs one of Kafka's tools, named as the script names them, and returns what it printed.
    pub(crate) fn run(&self, tool: &str, args: &[&str]) -> String {
        let output = self.command(tool, args).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{tool} {args:?} failed:\n{stdout}\n{}", stderr(&output));
        stdout
    }

    /// Runs one of Kafka's tools on a file.
    pub(crate) fn run_on_file(&self, tool: &str, args: &[&str], flag: &str, file: &Path) -> String {
        let path = file.display().to_string();
        self.run(tool, &[args, &[flag, &path]].concat())
    }

    fn command(&self, tool: &str, args: &[&str]) -> Command {
        let mut command = Command::new(self.script);
        command
            .arg(tool)
            .args(args)
            .stdin(Stdio::null())
            .env("KLAB_DIR", self.dir.path())
            .env("KLAB_PORT", self.port.to_string())
            .env("KLAB_BROKERS", self.brokers.to_string())
            .env("KLAB_PARENT", std::process::id().to_string());
        command
    }

    /// Writes `bytes` of payload to each partition named, waiting until every in-sync replica has them.
    pub(crate) fn produce(&self, partitions: impl IntoIterator<Item = (String, i32, usize)>) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap()).set("acks", "all").set("message.timeout.ms", "60000");
        let producer: BaseProducer = config.create().unwrap();
        let payload = vec![b'x'; MESSAGE_BYTES];
        for (topic, partition, bytes) in partitions {
            let mut rest = bytes;
            while rest > 0 {
                let size = rest.min(MESSAGE_BYTES);
                send(&producer, &topic, partition, &payload[..size]);
                rest -= size;
            }
        }
        producer.flush(Duration::from_secs(60)).unwrap();
    }
}

/// Well below the largest message that a broker takes, and few messages all the same.
const MESSAGE_BYTES: usize = 16 * 1024;

/// Queues a message, making room first where the producer's queue is full.
fn send(producer: &BaseProducer, topic: &str, partition: i32, payload: &[u8]) {
    let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(payload);
    while let Err((error, refused)) = producer.send(record) {
        assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
        producer.poll(Duration::from_millis(20));
        record = refused;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A panic here would hide the one that ends the test; the script's guard ends the cluster in any case.
        match self.command("stop", &[]).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => eprintln!("the lab did not stop: {}", stderr(&output)),
            Err(error) => eprintln!("the lab did not stop: {error}"),
        }
    }
}

/// A port P such that P, three for each broker and one more are free, below the range from which systems take ports for
/// outgoing connections.
fn free_ports() -> u16 {
    let first = u16::try_from(std::process::id() % 500).unwrap() * 20;
    let bases = (0..500).map(|step| 20_000 + (first + step * 20) % 10_000);
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    bases.into_iter().find(|&base| (base..=base + 3 * BROKERS + 1).all(is_free)).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
