//! What `models` prints: the machine catalogue with what vouches for each figure. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::style::ASIDE;
use super::table::{Align, Cell, Table};
use super::{human, layout};
use crate::ingest::catalogue::{Disk, Figure, Machine};

/// A figure as text, with what vouches for it.
struct Row<'m> {
    name: String,
    value: Value<'m>,
    as_of: Option<&'m str>,
    source: Option<&'m str>,
    confidence: Option<&'m str>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Value<'m> {
    Number(f64),
    Text(&'m str),
}

impl Value<'_> {
    fn text(self) -> String {
        match self {
            Self::Number(value) => value.to_string(),
            Self::Text(text) => text.to_owned(),
        }
    }
}

fn number<'m>(name: &str, figure: Option<&'m Figure<f64>>) -> Option<Row<'m>> {
    figure.map(|figure| row(name, Value::Number(figure.value), figure))
}

fn word<'m>(name: &str, figure: Option<&'m Figure<String>>) -> Option<Row<'m>> {
    figure.map(|figure| row(name, Value::Text(&figure.value), figure))
}

fn row<'m, T>(name: &str, value: Value<'m>, figure: &'m Figure<T>) -> Row<'m> {
    Row {
        name: name.to_owned(),
        value,
        as_of: figure.as_of.as_deref(),
        source: figure.source.as_deref(),
        confidence: figure.confidence.as_deref(),
    }
}

/// Every known figure of `machine` but its disks', in the order of the files.
fn rows(machine: &Machine) -> Vec<Row<'_>> {
    let rows = [
        word("provider", machine.provider.as_ref()),
        word("family", machine.family.as_ref()),
        number("vcpu", machine.vcpu.as_ref()),
        number("physical_cores", machine.physical_cores.as_ref()),
        number("ram_gib", machine.ram_gib.as_ref()),
        number("heap_gib", machine.heap_gib.as_ref()),
        number("nic_base_mbps", machine.nic_base_mbps.as_ref()),
        number("nic_burst_mbps", machine.nic_burst_mbps.as_ref()),
        number("storage_net_mbps", machine.storage_net_mbps.as_ref()),
        number("zone_count", machine.zone_count.as_ref()),
        number("price_hour", machine.price_hour.as_ref()),
        word("currency", machine.currency.as_ref()),
        word("region", machine.region.as_ref()),
    ];
    rows.into_iter().flatten().collect()
}

fn disk_rows(disk: &Disk) -> Vec<Row<'_>> {
    let rows = [
        number("count", disk.count.as_ref()),
        number("size_gib", disk.size_gib.as_ref()),
        word("kind", disk.kind.as_ref()),
        number("read_mbps", disk.read_mbps.as_ref()),
        number("write_mbps", disk.write_mbps.as_ref()),
        number("read_iops", disk.read_iops.as_ref()),
        number("write_iops", disk.write_iops.as_ref()),
    ];
    rows.into_iter().flatten().collect()
}

#[derive(Serialize)]
struct FigureView<'m> {
    value: Value<'m>,
    as_of: Option<&'m str>,
    source: Option<&'m str>,
    confidence: Option<&'m str>,
}

type FigureMap<'m> = BTreeMap<String, FigureView<'m>>;

#[derive(Serialize)]
struct MachineView<'m> {
    id: &'m str,
    #[serde(flatten)]
    figures: FigureMap<'m>,
    disk: Vec<FigureMap<'m>>,
}

fn figures(rows: Vec<Row<'_>>) -> FigureMap<'_> {
    rows.into_iter()
        .map(|Row { name, value, as_of, source, confidence }| (name, FigureView { value, as_of, source, confidence }))
        .collect()
}

fn view(machine: &Machine) -> MachineView<'_> {
    let disk = machine.disks.iter().map(|disk| figures(disk_rows(disk))).collect();
    MachineView { id: &machine.id, figures: figures(rows(machine)), disk }
}

/// One machine as JSON: each figure with its value, day, source and confidence.
#[must_use]
pub fn one_json(machine: &Machine) -> Vec<u8> {
    layout::to_bytes(&view(machine))
}

/// All machines as JSON: `{"models": […]}`.
#[must_use]
pub fn list_json<'m>(machines: impl Iterator<Item = &'m Machine>) -> Vec<u8> {
    let models: Vec<MachineView<'_>> = machines.map(view).collect();
    layout::to_bytes(&BTreeMap::from([("models", models)]))
}

/// One machine as text: a line per figure.
#[must_use]
pub fn one_text(machine: &Machine) -> String {
    let mut table = Table::new(&[
        (&machine.id, Align::Left),
        ("", Align::Right),
        ("confidence", Align::Left),
        ("as of", Align::Left),
        ("source", Align::Left),
    ]);
    let mut add = |prefix: &str, rows: Vec<Row<'_>>| {
        for row in rows {
            table.row([
                format!("{prefix}{}", row.name).into(),
                row.value.text().into(),
                row.confidence.unwrap_or("–").into(),
                row.as_of.unwrap_or("–").into(),
                Cell::painted(ASIDE, human::shorten(row.source.unwrap_or("–"), 100)),
            ]);
        }
    };
    add("", rows(machine));
    for disk in &machine.disks {
        add("disk.", disk_rows(disk));
    }
    let mut text = table.render();
    if machine.price_hour.is_none() {
        text.push_str("\nNo price is known: costs with this model are not evaluated.\n");
    }
    if machine.network_capacity_bytes_per_sec().is_none() {
        text.push_str("\nNo network bandwidth is known: network goals with this model are not evaluated.\n");
    }
    text
}

/// All machines as text: a line each.
#[must_use]
pub fn list_text<'m>(machines: impl Iterator<Item = &'m Machine>) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("provider", Align::Left),
        ("cores", Align::Right),
        ("RAM GiB", Align::Right),
        ("local disks", Align::Right),
        ("network", Align::Right),
        ("an hour", Align::Right),
        ("price as of", Align::Left),
        ("", Align::Left),
    ]);
    for machine in machines {
        let text =
            |figure: &Option<Figure<f64>>| figure.as_ref().map_or_else(|| "–".to_owned(), |f| f.value.to_string());
        let disks = match machine.equal_disks() {
            Some((count, bytes)) => format!("{count} × {}", human::bytes(bytes)),
            None if machine.disks.is_empty() => "–".to_owned(),
            None => "size unknown".to_owned(),
        };
        let currency = machine.currency.as_ref().map_or("", |figure| figure.value.as_str());
        let price = machine.price_hour.as_ref();
        let all = rows(machine);
        let doubtful = all.iter().filter(|row| row.confidence == Some("low")).count() as u64;
        table.row([
            machine.id.clone().into(),
            machine.provider.as_ref().map_or("–", |figure| figure.value.as_str()).into(),
            machine.cpu_cores().map_or_else(|| "–".to_owned(), |cores| cores.to_string()).into(),
            text(&machine.ram_gib).into(),
            disks.into(),
            machine.network_capacity_bytes_per_sec().map_or_else(|| "–".to_owned(), human::rate).into(),
            price.map_or_else(|| "–".to_owned(), |p| format!("{} {currency}", p.value)).into(),
            price.and_then(|p| p.as_of.as_deref()).unwrap_or("–").into(),
            Cell::painted(
                ASIDE,
                if doubtful > 0 { format!("{} doubtful", human::counted(doubtful, "figure")) } else { String::new() },
            ),
        ]);
    }
    let mut out = table.render();
    out.push_str("\n`evenkeel models show MODEL` says where each figure is from and how far to trust it.\n");
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;
    use crate::ingest::catalogue::Catalogue;
    use crate::report::sample::plain;

    #[test]
    fn a_machine_says_what_vouches_for_each_figure() {
        let catalogue = Catalogue::builtin();
        let text = plain(&one_text(catalogue.get("i3en.3xlarge").unwrap()));
        let line = text.lines().find(|line| line.contains("price_hour")).unwrap();
        assert!(line.contains("1.356") && line.contains("high") && line.contains("2026-07-20"), "{line}");
        assert!(line.contains("karpenter"), "{line}");
        let json: serde_json::Value =
            serde_json::from_slice(&one_json(catalogue.get("i3en.3xlarge").unwrap())).unwrap();
        assert_eq!(json["vcpu"]["value"], 12.0);
        assert_eq!(json["disk"][0]["size_gib"]["confidence"], "high");
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_said() {
        let catalogue = Catalogue::builtin();
        let bare = catalogue.get("bare-2u-12x1tb").unwrap();
        assert!(one_text(bare).contains("No price is known"));
        let list = plain(&list_text(catalogue.machines()));
        assert_eq!(list.lines().filter(|line| line.starts_with("  ")).count(), 1 + catalogue.machines().count());
        let json: serde_json::Value = serde_json::from_slice(&list_json(catalogue.machines())).unwrap();
        assert_eq!(json["models"].as_array().unwrap().len(), catalogue.machines().count());
    }
}
