//! The queries, in PromQL as all engines know it (Prometheus 2.7's subqueries and later).
//!
//! Percentiles are the engine's work: `quantile_over_time` and its kin over a subquery of the simultaneous total, which
//! is one series. Means of topics come from `rate` over the whole window, which engines work out series by series,
//! where a subquery by topic would hold every topic's every moment at once.

use std::fmt::Write as _;

use crate::ingest::prometheus::{Labels, Measure, Preset, PrometheusConfig};
use crate::model::Statistic;

/// Writes queries for one site.
pub(super) struct Queries<'a> {
    pub(super) config: &'a PrometheusConfig,
    pub(super) preset: Preset,
    pub(super) labels: Labels,
    pub(super) window_sec: i64,
    pub(super) step_sec: i64,
    pub(super) range_sec: i64,
}

impl Queries<'_> {
    pub(super) fn selector(&self, measure: Measure) -> Option<String> {
        self.config.selector(self.preset, measure)
    }

    /// Labels that name brokers, as in `by (…)`.
    fn broker(&self) -> String {
        self.labels.broker.join(",")
    }

    /// Mean rates of a counter over the window, by broker and topic.
    pub(super) fn by_topic(&self, measure: Measure) -> Option<String> {
        let (selector, window) = (self.selector(measure)?, duration(self.window_sec));
        Some(format!("sum by ({},{}) (rate({selector}[{window}]))", self.broker(), self.labels.topic))
    }

    /// Mean rates of a counter over the window, by broker.
    pub(super) fn by_broker(&self, measure: Measure) -> Option<String> {
        let (selector, window) = (self.selector(measure)?, duration(self.window_sec));
        Some(format!("sum by ({}) (rate({selector}[{window}]))", self.broker()))
    }

    /// The rate of all series of a counter together at a moment.
    pub(super) fn total(&self, measure: Measure) -> Option<String> {
        Some(format!("sum(rate({}[{}]))", self.selector(measure)?, duration(self.range_sec)))
    }

    /// Cores that brokers' processes keep busy, by broker, in the mean over `range_sec`. Everything that is scraped has
    /// such a metric: only what also counts bytes is a broker.
    pub(super) fn cores(&self, range_sec: i64) -> Option<String> {
        let brokers = self.selector(Measure::BytesInAll).or_else(|| self.selector(Measure::BytesIn))?;
        let (selector, range, by) = (self.selector(Measure::CpuSeconds)?, duration(range_sec), self.broker());
        Some(format!("sum by ({by}) (rate({selector}[{range}])) and on ({by}) sum by ({by}) ({brokers})"))
    }

    /// Share of machines' cpus in use, in the mean over `range_sec`.
    pub(super) fn cpu_share(&self, range_sec: i64) -> Option<String> {
        let (selector, range) = (self.selector(Measure::CpuIdleSeconds)?, duration(range_sec));
        Some(format!("clamp_min(1 - avg by ({}) (rate({selector}[{range}])), 0)", self.broker()))
    }

    /// By how much a level grew per second over the window, by broker, topic and partition: two looks at it, where
    /// `rate` would read all that is between. What was not there at the window's start grew from nothing.
    pub(super) fn growth(&self, measure: Measure) -> Option<String> {
        let (selector, window) = (self.selector(measure)?, duration(self.window_sec));
        let by = format!("{},{},{}", self.broker(), self.labels.topic, self.labels.partition);
        let now = format!("sum by ({by}) ({selector})");
        let then = format!("sum by ({by}) ({selector} offset {window})");
        Some(format!("clamp_min({now} - ({then} or {now} * 0), 0) / {}", self.window_sec))
    }

    /// When, within the window, there first is a value of `total`.
    pub(super) fn first_moment(&self, total: &str) -> String {
        format!("min_over_time(({total} * 0 + time()){})", self.subquery())
    }

    /// `statistic` over the window of what `inner` is at each of its moments.
    pub(super) fn over_time(&self, statistic: Statistic, inner: &str) -> String {
        let range = self.subquery();
        match statistic {
            Statistic::Mean => format!("avg_over_time(({inner}){range})"),
            Statistic::Max => format!("max_over_time(({inner}){range})"),
            Statistic::P50 => format!("quantile_over_time(0.5, ({inner}){range})"),
            Statistic::P95 => format!("quantile_over_time(0.95, ({inner}){range})"),
            Statistic::P99 => format!("quantile_over_time(0.99, ({inner}){range})"),
        }
    }

    fn subquery(&self) -> String {
        format!("[{}:{}]", duration(self.window_sec), duration(self.step_sec))
    }

    /// Filesystems, by broker and mount point.
    pub(super) fn disks(&self, measure: Measure) -> Option<String> {
        Some(format!("max by ({},mountpoint) ({})", self.broker(), self.selector(measure)?))
    }

    /// A gauge of clients, brokers together; `>= 0` leaves out the NaN of clients that are gone.
    pub(super) fn clients(&self, measure: Measure, together: &str) -> Option<String> {
        let (user, id) = (&self.labels.user, &self.labels.client_id);
        Some(format!("{together} by ({user},{id},resource) ({} >= 0)", self.selector(measure)?))
    }
}

/// A duration as PromQL writes it: the largest unit that it is whole in.
pub(super) fn duration(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let mut text = String::new();
    let (number, unit) = units
        .into_iter()
        .find(|(size, _)| seconds % size == 0 && seconds != 0)
        .map_or((seconds, "s"), |(size, unit)| (seconds / size, unit));
    // Writing to a string cannot fail.
    let _ = write!(text, "{number}{unit}");
    text
}
