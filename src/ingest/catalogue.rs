//! The machine catalogue: what a `machine_model` can do.
//!
//! Input: `models/machines/*.toml`, built in, and a site's own files of the same form. Output: a [`Machine`] per id.
//! Every figure may say when it was true, where it comes from and how far to trust it; a figure that nobody vouches for
//! is absent, never guessed, and what depends on it is not evaluated.

use std::collections::BTreeMap;
use std::path::Path;

use super::codes;
use super::fault::{Fault, Faults};
use super::nearest::nearest_few;

mod machine_file;

/// A figure and what vouches for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure<T> {
    /// The figure.
    pub value: T,
    /// The day it was read (YYYY-MM-DD).
    pub as_of: Option<String>,
    /// Where it was read.
    pub source: Option<String>,
    /// `high` (read at the source), `medium` (read in an excerpt or at second hand) or `low` (doubtful).
    pub confidence: Option<String>,
}

/// A number of disks of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// How many.
    pub count: Option<Figure<f64>>,
    /// Size of each in GiB.
    pub size_gib: Option<Figure<f64>>,
    /// `nvme`, `ssd` or `hdd`.
    pub kind: Option<Figure<String>>,
    /// Sequential reads of each, megabytes (10^6) per second.
    pub read_mbps: Option<Figure<f64>>,
    /// Sequential writes of each, megabytes (10^6) per second.
    pub write_mbps: Option<Figure<f64>>,
    /// Random reads of each, operations per second.
    pub read_iops: Option<Figure<f64>>,
    /// Random writes of each, operations per second.
    pub write_iops: Option<Figure<f64>>,
}

impl Disk {
    /// What each of them writes one after the other, bytes per second.
    #[must_use]
    pub fn write_bytes_per_sec(&self) -> Option<f64> {
        self.write_mbps.as_ref().map(|figure| figure.value * 1e6)
    }
}

/// A machine model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// What `machine_model` calls it.
    pub id: String,
    /// Who offers it.
    pub provider: Option<Figure<String>>,
    /// The family it belongs to.
    pub family: Option<Figure<String>>,
    /// Logical processors.
    pub vcpu: Option<Figure<f64>>,
    /// Physical cores.
    pub physical_cores: Option<Figure<f64>>,
    /// Memory in GiB.
    pub ram_gib: Option<Figure<f64>>,
    /// What of it Kafka's heap takes, in GiB.
    pub heap_gib: Option<Figure<f64>>,
    /// Network bandwidth that is always there, megabits (10^6) per second in each direction.
    pub nic_base_mbps: Option<Figure<f64>>,
    /// Network bandwidth for a while, megabits (10^6) per second in each direction.
    pub nic_burst_mbps: Option<Figure<f64>>,
    /// Local disks.
    pub disks: Vec<Disk>,
    /// Bandwidth to network storage, megabytes (10^6) per second.
    pub storage_net_mbps: Option<Figure<f64>>,
    /// Zones of the region that offer it.
    pub zone_count: Option<Figure<f64>>,
    /// Price of an hour in `currency`.
    pub price_hour: Option<Figure<f64>>,
    /// ISO 4217 code.
    pub currency: Option<Figure<String>>,
    /// The region that price and zones are of.
    pub region: Option<Figure<String>>,
}

/// Bytes in a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

/// Bytes per second in a megabit per second, as network bandwidth is given (10^6 bits).
const MEGABIT_BYTES: f64 = 125_000.0;

impl Machine {
    /// Cores, as the operating system's metrics count them: logical processors, or physical cores where those are all
    /// that is known, which promises less.
    #[must_use]
    pub fn cpu_cores(&self) -> Option<f64> {
        self.vcpu.as_ref().or(self.physical_cores.as_ref()).map(|figure| figure.value)
    }

    /// What the network always carries in each direction, bytes per second. Bursts do not count: a broker is busy for
    /// longer than they last.
    #[must_use]
    pub fn network_capacity_bytes_per_sec(&self) -> Option<f64> {
        self.nic_base_mbps.as_ref().map(|figure| figure.value * MEGABIT_BYTES)
    }

    /// What each local disk writes one after the other, bytes per second; none where they differ or a figure is unknown.
    #[must_use]
    pub fn equal_disk_writes(&self) -> Option<f64> {
        let rate = self.disks.first()?.write_bytes_per_sec();
        rate.filter(|_| self.disks.iter().all(|disk| disk.write_bytes_per_sec() == rate))
    }

    /// How many local disks there are and the size of each in bytes; none where they differ or a figure is unknown.
    #[must_use]
    pub fn equal_disks(&self) -> Option<(usize, u64)> {
        let value = |figure: &Option<Figure<f64>>| figure.as_ref().map(|f| f.value);
        let size_gib = value(&self.disks.first()?.size_gib)?;
        let mut count = 0.0;
        for disk in &self.disks {
            if value(&disk.size_gib)? != size_gib {
                return None;
            }
            count += value(&disk.count)?;
        }
        // Bounds on the figures (see `machine_file`) keep both within their types.
        Some((count as usize, (size_gib * GIB) as u64))
    }
}

/// All known machines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    machines: BTreeMap<String, Machine>,
}

/// The built-in files, by name.
const BUILTIN: [(&str, &str); 13] = [
    ("azure-l16s-v3.toml", include_str!("../../models/machines/azure-l16s-v3.toml")),
    ("bare-2u-12x1tb.toml", include_str!("../../models/machines/bare-2u-12x1tb.toml")),
    ("d3.8xlarge.toml", include_str!("../../models/machines/d3.8xlarge.toml")),
    ("ecs.d1ne.6xlarge.toml", include_str!("../../models/machines/ecs.d1ne.6xlarge.toml")),
    ("i3en.3xlarge.toml", include_str!("../../models/machines/i3en.3xlarge.toml")),
    ("i3en.6xlarge.toml", include_str!("../../models/machines/i3en.6xlarge.toml")),
    ("i4i.4xlarge.toml", include_str!("../../models/machines/i4i.4xlarge.toml")),
    ("kafka.m7g.4xlarge.toml", include_str!("../../models/machines/kafka.m7g.4xlarge.toml")),
    ("linkedin-8x7200.toml", include_str!("../../models/machines/linkedin-8x7200.toml")),
    ("m7g.4xlarge.toml", include_str!("../../models/machines/m7g.4xlarge.toml")),
    ("m7g.large.toml", include_str!("../../models/machines/m7g.large.toml")),
    ("n2-standard-16.toml", include_str!("../../models/machines/n2-standard-16.toml")),
    ("r6i.4xlarge.toml", include_str!("../../models/machines/r6i.4xlarge.toml")),
];

impl Catalogue {
    /// The machines that come with the program.
    #[must_use]
    pub fn builtin() -> Self {
        let mut catalogue = Self::default();
        // The files are part of the program, and a test reads each without a fault.
        let mut faults = Faults::default();
        for (name, text) in BUILTIN {
            if let Some(machine) = machine_file::read(Path::new(name), text, &mut faults) {
                catalogue.machines.insert(machine.id.clone(), machine);
            }
        }
        catalogue
    }

    /// The built-in machines and those of `dir`'s `*.toml` files, which take the place of built-in ones with the same id.
    ///
    /// # Errors
    /// What cannot be read, and every fault in the files.
    pub fn with_dir(dir: &Path) -> Result<Self, Faults> {
        let mut catalogue = Self::builtin();
        let mut faults = Faults::default();
        let mut own: BTreeMap<String, String> = BTreeMap::new();
        for name in list(dir, &mut faults) {
            let path = dir.join(&name);
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    let fault =
                        Fault::error(codes::CATALOGUE_SYNTAX, &path, format!("the file cannot be read: {error}"));
                    faults.push(fault.help("check that it is a text file and its permissions allow reading"));
                    continue;
                }
            };
            let Some(machine) = machine_file::read(&path, &text, &mut faults) else { continue };
            if let Some(first) = own.insert(machine.id.clone(), name) {
                let message = format!("machine {:?} is in {first} already", machine.id);
                faults.push(Fault::error(codes::CATALOGUE_DUPLICATE, &path, message).help("remove one of the files"));
            }
            catalogue.machines.insert(machine.id.clone(), machine);
        }
        if faults.has_errors() { Err(faults) } else { Ok(catalogue) }
    }

    /// The machine called `id`.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Machine> {
        self.machines.get(id)
    }

    /// All machines, ascending by id.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values()
    }

    /// Up to `count` ids, nearest to `id` first.
    #[must_use]
    pub fn nearest(&self, id: &str, count: usize) -> Vec<&str> {
        nearest_few(id, self.machines.keys().map(String::as_str), count)
    }
}

/// The names of the `.toml` files in `dir`, ascending.
fn list(dir: &Path, faults: &mut Faults) -> Vec<String> {
    let entries = std::fs::read_dir(dir).and_then(|entries| {
        let names = entries.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<Vec<String>>>()
    });
    match entries {
        Ok(mut names) => {
            names.retain(|name| Path::new(name).extension().is_some_and(|e| e == "toml"));
            names.sort_unstable();
            names
        }
        Err(error) => {
            let fault = Fault::error(codes::CATALOGUE_SYNTAX, dir, format!("the directory cannot be read: {error}"));
            faults.push(fault.help("give a directory that holds one .toml file per machine model"));
            Vec::new()
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_file_reads_without_a_fault_and_says_where_its_figures_are_from() {
        let mut faults = Faults::default();
        for (name, text) in BUILTIN {
            let machine = machine_file::read(Path::new(name), text, &mut faults).unwrap();
            assert_eq!(format!("{}.toml", machine.id), name);
            assert_eq!(machine_file::unsourced(text), Vec::<String>::new(), "{name}");
        }
        assert_eq!(faults, Faults::default());
        assert_eq!(Catalogue::builtin().machines().count(), BUILTIN.len());
    }

    #[test]
    fn all_files_of_the_folder_are_built_in() {
        let mut faults = Faults::default();
        let names = list(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models/machines")), &mut faults);
        assert_eq!(names, BUILTIN.map(|(name, _)| name));
    }

    #[test]
    fn capacities_follow_from_the_figures() {
        let catalogue = Catalogue::builtin();
        let i3en = catalogue.get("i3en.6xlarge").unwrap();
        assert_eq!(i3en.cpu_cores(), Some(24.0));
        assert_eq!(i3en.network_capacity_bytes_per_sec(), Some(3_125_000_000.0));
        assert_eq!(i3en.equal_disks(), Some((2, 6985 << 30)));
        assert_eq!(catalogue.get("m7g.large").unwrap().equal_disks(), None, "network storage has no size of its own");
        assert_eq!(catalogue.nearest("i3en.6xl", 1), ["i3en.6xlarge"]);
    }

    #[test]
    fn a_site_adds_machines_and_replaces_built_in_ones() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.toml"), "id = \"m7g.large\"\nvcpu = 3\n").unwrap();
        std::fs::write(dir.path().join("b.toml"), "id = \"ours\"\n[[disk]]\ncount = 4\nsize_gib = 1000\n").unwrap();
        let catalogue = Catalogue::with_dir(dir.path()).unwrap();
        assert_eq!(catalogue.get("m7g.large").unwrap().cpu_cores(), Some(3.0));
        assert_eq!(catalogue.get("ours").unwrap().equal_disks(), Some((4, 1000 << 30)));
        assert!(catalogue.get("r6i.4xlarge").is_some());
    }

    #[test]
    fn faults_in_a_sites_files_are_all_reported() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.toml"), "id = \"x\"\nvcpus = 3\nram_gib = -1\n").unwrap();
        std::fs::write(dir.path().join("b.toml"), "id = \"x\"\nvcpu = { value = \"8\" }\n").unwrap();
        std::fs::write(dir.path().join("c.toml"), "vcpu = 8\n").unwrap();
        let faults = Catalogue::with_dir(dir.path()).unwrap_err();
        let found: Vec<(&str, Option<u64>)> = faults.list.iter().map(|f| (f.code, f.line)).collect();
        let wanted = [
            (codes::CATALOGUE_UNKNOWN_KEY, Some(2)),
            (codes::CATALOGUE_RANGE, Some(3)),
            (codes::CATALOGUE_VALUE, Some(2)),
            (codes::CATALOGUE_DUPLICATE, None),
            (codes::CATALOGUE_MISSING_KEY, Some(1)),
        ];
        assert_eq!(found, wanted);
    }
}
