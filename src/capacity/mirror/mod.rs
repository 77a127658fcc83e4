//! Mirroring between sites: flows, processes, traffic between sites and its price, what arrives where.
//!
//! What a site's own producers write crosses each pair of sites once at most: what arrived by mirroring is not sent on.
//! n sites have n−1 flows around a hub or an active site, n·(n−1) where all are active; five active sites have 20, 40
//! with every process twice (Alibaba Cloud, "Learning Kafka from Scratch").

mod added;

pub use added::{AddedUse, added};

use super::NotEvaluated;
use super::catch_up::{BYTES_PER_GB, HOURS_PER_MONTH, SECONDS_PER_HOUR, catch_up, units};
use crate::ingest::scenario::sites::{Link, Site, Sites, Topology};
use crate::model::{Policy, Snapshot};

/// Where mirroring processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAt {
    /// Beside the receiving cluster: a remote read that fails loses nothing, a remote write may (Kafka's operations
    /// guide; Alibaba Cloud).
    Target,
    /// Beside the sending cluster: traffic between sites is encrypted, and the producer bears TLS better than the
    /// broker that loses zero-copy reads (Alibaba Cloud).
    Source,
}

impl RunAt {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Source => "source",
        }
    }
}

/// What one site sends another.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Sender, an offset into the scenario's sites.
    pub from: usize,
    /// Receiver, an offset into the scenario's sites.
    pub to: usize,
    /// What is sent, bytes per second.
    pub bytes_per_sec: f64,
    /// Tasks that carry it, redundancy aside.
    pub tasks: Option<u64>,
    /// What is missing at the receiver after the outage, bytes.
    pub lag_bytes: f64,
    /// Hours until the receiver has everything again after the outage, all processes at work.
    pub catch_up_hours: Option<f64>,
    /// Socket buffer that one task needs to fill the link's delay: rate × round-trip time (bandwidth-delay product,
    /// RFC 7323), bytes.
    pub socket_buffer_bytes: Option<f64>,
    /// Share of the link's capacity.
    pub link_utilization: Option<f64>,
    /// Price of a month of it.
    pub monthly_cost: Option<f64>,
}

/// What mirroring asks of a site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteLoad {
    /// What its own producers write, bytes per second.
    pub produced_bytes_per_sec: f64,
    /// What arrives by mirroring, bytes per second, before replication.
    pub bytes_in_per_sec: f64,
    /// What is sent to other sites, bytes per second.
    pub bytes_out_per_sec: f64,
    /// What the mirrored topics take here: arriving rate × retention × replication factor.
    pub disk_bytes: Option<f64>,
    /// Into all brokers together for what arrives: rate × replication factor, bytes per second.
    pub network_in_bytes_per_sec: f64,
    /// Out of all brokers together: what mirrors read, and replication of what arrives, bytes per second.
    pub network_out_bytes_per_sec: f64,
    /// Mirroring processes that run here.
    pub processes: u64,
    /// Its cluster with all that on top, where a snapshot of it was given.
    pub cluster: Option<Vec<AddedUse>>,
}

/// What mirroring a set of sites takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// Who sends to whom.
    pub topology: Topology,
    /// The hub or the active site; none where all are active.
    pub center: Option<usize>,
    /// Processes per flow.
    pub redundancy: u64,
    /// Where they run.
    pub run_at: RunAt,
    /// By sender, then receiver.
    pub flows: Vec<Flow>,
    /// Flows × redundancy.
    pub processes: u64,
    /// Σ tasks × redundancy, where a task's rate is known.
    pub processes_by_rate: Option<u64>,
    /// Σ flows, bytes per second.
    pub wan_bytes_per_sec: f64,
    /// Price of a month of that.
    pub wan_monthly_cost: Option<f64>,
    /// By the scenario's sites.
    pub sites: Vec<SiteLoad>,
    /// What is absent above.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// What it takes to mirror `sites` as `topology`, each flow by `redundancy` processes.
#[must_use]
pub fn mirror(sites: &Sites, topology: Topology, redundancy: u64) -> Mirror {
    let center = sites.center(topology);
    let mut missing = Vec::new();
    let pairs = topology.pairs(sites.sites.len(), center);
    let flows: Vec<Flow> = pairs.into_iter().filter_map(|pair| flow(sites, pair, redundancy, &mut missing)).collect();
    let run_at = if sites.is_encrypted { RunAt::Source } else { RunAt::Target };
    let mut loads = Vec::new();
    for (row, site) in sites.sites.iter().enumerate() {
        loads.push(site_load(site, row, &flows, run_at, redundancy, &mut missing));
    }
    if sites.bytes_per_sec_per_task.is_none() {
        missing.push(NotEvaluated::new(
            "processes_by_rate, catch_up_hours",
            "the scenario has no bytes_per_sec_per_task: measure what one task copies",
        ));
    }
    let sum = |of: fn(&Flow) -> Option<f64>| flows.iter().map(of).sum::<Option<f64>>();
    let wan_monthly_cost = sum(|flow| flow.monthly_cost);
    if wan_monthly_cost.is_none() {
        missing.push(NotEvaluated::new("wan_monthly_cost", "some links have no price_per_gb"));
    }
    Mirror {
        topology,
        center: (topology != Topology::ActiveActive).then_some(center),
        redundancy,
        run_at,
        processes: flows.len() as u64 * redundancy,
        processes_by_rate: flows.iter().map(|flow| flow.tasks).sum::<Option<u64>>().map(|tasks| tasks * redundancy),
        wan_bytes_per_sec: flows.iter().map(|flow| flow.bytes_per_sec).sum(),
        wan_monthly_cost,
        flows,
        sites: loads,
        not_evaluated: missing,
    }
}

impl Mirror {
    /// Adds what mirroring asks of the site in `row` of `sites` to its cluster, which `snapshot` shows.
    pub fn add_to(&mut self, sites: &Sites, row: usize, snapshot: &Snapshot, policy: &Policy) {
        if let (Some(site), Some(load)) = (sites.sites.get(row), self.sites.get_mut(row)) {
            let of_site = (site.name.as_str(), &*load, site.replication_factor);
            load.cluster = Some(added(snapshot, policy, of_site, &mut self.not_evaluated));
        }
    }
}

fn flow(sites: &Sites, (from, to): (usize, usize), redundancy: u64, missing: &mut Vec<NotEvaluated>) -> Option<Flow> {
    let (sender, receiver) = (sites.sites.get(from)?, sites.sites.get(to)?);
    let link = sites.link(from, to);
    let bytes_per_sec = sender.mirrored_bytes_per_sec;
    let tasks = sites.bytes_per_sec_per_task.map(|rate| units(bytes_per_sec, rate).max(1));
    let capacity = link.and_then(|link| link.capacity_bytes_per_sec);
    let catch_up_hours = tasks.zip(sites.bytes_per_sec_per_task).and_then(|(tasks, rate)| {
        // All processes of a flow share its partitions, so that after an outage the redundant ones copy too.
        let all = (tasks * redundancy) as f64 * rate;
        let copied = capacity.map_or(all, |capacity| all.min(capacity));
        let hours = catch_up(sites.outage_hours, bytes_per_sec, copied);
        if hours.is_none() {
            let what = format!("catch_up_hours from {} to {}", sender.name, receiver.name);
            let why =
                format!("at most {copied:.0} B/s are copied and {bytes_per_sec:.0} B/s written: the lag only grows");
            missing.push(NotEvaluated::new(what, why));
        }
        hours
    });
    let month_seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR;
    let price = link.and_then(|link: &Link| link.price_per_gb);
    Some(Flow {
        from,
        to,
        bytes_per_sec,
        tasks,
        lag_bytes: bytes_per_sec * sites.outage_hours * SECONDS_PER_HOUR,
        catch_up_hours,
        socket_buffer_bytes: tasks
            .zip(link.and_then(|link| link.rtt_ms))
            .map(|(tasks, rtt_ms)| bytes_per_sec / tasks as f64 * rtt_ms / 1000.0),
        link_utilization: capacity.map(|capacity| bytes_per_sec / capacity),
        monthly_cost: price.map(|price| bytes_per_sec * month_seconds / BYTES_PER_GB * price),
    })
}

fn site_load(
    site: &Site,
    row: usize,
    flows: &[Flow],
    run_at: RunAt,
    redundancy: u64,
    missing: &mut Vec<NotEvaluated>,
) -> SiteLoad {
    // A fold, since the sum of no floats is −0.
    let total = |is_meant: &dyn Fn(&Flow) -> bool| {
        flows.iter().filter(|flow| is_meant(flow)).fold(0.0, |sum, flow| sum + flow.bytes_per_sec)
    };
    let (arriving, leaving) = (total(&|flow| flow.to == row), total(&|flow| flow.from == row));
    let factor = f64::from(site.replication_factor);
    // Written R times, kept for as long as the site keeps it.
    let kept = site.retention_hours.map(|hours| arriving * hours * SECONDS_PER_HOUR * factor);
    let disk_bytes = if arriving == 0.0 { Some(0.0) } else { kept };
    if disk_bytes.is_none() {
        let why = "neither the site nor the scenario has retention_hours".to_owned();
        missing.push(NotEvaluated::new(format!("per_site.{}.disk_bytes", site.name), why));
    }
    let runs_here = |flow: &&Flow| if run_at == RunAt::Target { flow.to == row } else { flow.from == row };
    SiteLoad {
        produced_bytes_per_sec: site.bytes_in_per_sec,
        bytes_in_per_sec: arriving,
        bytes_out_per_sec: leaving,
        disk_bytes,
        network_in_bytes_per_sec: arriving * factor,
        network_out_bytes_per_sec: leaving + arriving * (factor - 1.0),
        processes: flows.iter().filter(runs_here).count() as u64 * redundancy,
        cluster: None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::scenario::sites;
    use std::path::Path;

    fn scenario(count: usize, extra: &str, topology: Topology) -> Sites {
        let mut text = format!("{extra}\n");
        for row in 0..count {
            text.push_str(&format!("[[sites]]\nname = \"s{row}\"\nbytes_in_per_sec = {}\n", (row + 1) * 1_000_000));
        }
        for a in 0..count {
            for b in a + 1..count {
                text.push_str(&format!(
                    "[[links]]\nbetween = [\"s{a}\", \"s{b}\"]\nprice_per_gb = 0.02\nrtt_ms = 30\n"
                ));
            }
        }
        sites::parse(Path::new("sites.toml"), &text, topology).unwrap()
    }

    #[test]
    fn five_active_sites_have_twenty_flows_and_forty_processes() {
        let sites = scenario(5, "", Topology::ActiveActive);
        let once = mirror(&sites, Topology::ActiveActive, 1);
        let twice = mirror(&sites, Topology::ActiveActive, 2);
        assert_eq!((once.flows.len(), once.processes, twice.processes), (20, 20, 40));
        // Every event to the four others: 4 · (1 + … + 5) MB/s.
        assert_eq!(once.wan_bytes_per_sec, 60e6);
    }

    #[test]
    fn around_a_hub_every_spoke_sends_once() {
        let sites = scenario(5, "hub = \"s0\"", Topology::HubAndSpoke);
        let found = mirror(&sites, Topology::HubAndSpoke, 1);
        assert_eq!((found.flows.len(), found.wan_bytes_per_sec), (4, 14e6), "n − 1 flows; the hub's own stays");
        assert!(found.flows.iter().all(|flow| flow.to == 0));
        let unnamed = mirror(&scenario(5, "", Topology::HubAndSpoke), Topology::HubAndSpoke, 1);
        assert_eq!((unnamed.center, unnamed.wan_bytes_per_sec), (Some(4), 10e6), "the busiest makes the least cross");
    }

    #[test]
    fn a_standby_receives_what_the_active_site_writes() {
        let sites = scenario(3, "active = \"s2\"", Topology::ActiveStandby);
        let found = mirror(&sites, Topology::ActiveStandby, 2);
        let pairs: Vec<(usize, usize)> = found.flows.iter().map(|flow| (flow.from, flow.to)).collect();
        assert_eq!((pairs, found.wan_bytes_per_sec, found.processes), (vec![(2, 0), (2, 1)], 6e6, 4));
    }

    #[test]
    fn a_month_is_730_hours_and_a_gb_ten_to_the_ninth() {
        let sites = scenario(2, "", Topology::ActiveStandby);
        let found = mirror(&sites, Topology::ActiveStandby, 1);
        // 1 MB/s · 2,628,000 s = 2,628 GB at 0.02.
        assert!((found.wan_monthly_cost.unwrap() - 52.56).abs() < 1e-9);
    }

    #[test]
    fn rates_disk_and_catching_up_are_known_answers() {
        let extra = "bytes_per_sec_per_task = 400000\nretention_hours = 24\nreplication_factor = 3\noutage_hours = 2";
        let sites = scenario(2, extra, Topology::ActiveActive);
        let found = mirror(&sites, Topology::ActiveActive, 2);
        // 1 MB/s takes ⌈2.5⌉ tasks, 2 MB/s 5; twice each.
        assert_eq!(found.flows.iter().map(|flow| flow.tasks.unwrap()).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(found.processes_by_rate, Some(16));
        // s0 receives 2 MB/s: a day of it three times.
        assert_eq!(found.sites[0].disk_bytes, Some(2e6 * 86_400.0 * 3.0));
        assert_eq!(found.sites[0].network_in_bytes_per_sec, 6e6);
        assert_eq!(found.sites[0].network_out_bytes_per_sec, 1e6 + 4e6, "the mirror's reading, and two followers");
        // Missed 2 h · 1 MB/s; six tasks copy 2.4 MB/s: 2 / 1.4 h.
        assert!((found.flows[0].catch_up_hours.unwrap() - 2.0 / 1.4).abs() < 1e-12);
        assert_eq!(found.flows[0].lag_bytes, 7.2e9);
        // A third of 1 MB/s over 30 ms.
        assert!((found.flows[0].socket_buffer_bytes.unwrap() - 10_000.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_known_is_absent_and_says_why() {
        let text = "[[sites]]\nname = \"a\"\nbytes_in_per_sec = 1\n[[sites]]\nname = \"b\"\nbytes_in_per_sec = 2\n\
                    [[links]]\nbetween = [\"a\", \"b\"]\n";
        let sites = sites::parse(Path::new("s.toml"), text, Topology::ActiveActive).unwrap();
        let found = mirror(&sites, Topology::ActiveActive, 1);
        assert_eq!((found.wan_monthly_cost, found.processes_by_rate, found.sites[0].disk_bytes), (None, None, None));
        let what: Vec<&str> = found.not_evaluated.iter().map(|entry| entry.what.as_str()).collect();
        assert!(what.contains(&"wan_monthly_cost") && what.contains(&"per_site.a.disk_bytes"), "{what:?}");
    }
}
