//! The least bytes that one broker must lose for all its bands and its topics' limits together.
//!
//! Taken one by one, the dearest need counts and the others are forgotten, though what a crowded topic gives up most
//! cheaply is rarely what relieves a band. At a price for each band, the needs less what the replicas that leave are worth
//! bounds what they cost together (Fisher 1981). Any prices prove.

/// A replica that may leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    pub(super) topic: u32,
    /// What its copy costs.
    pub(super) bytes: f64,
    /// What its leaving takes off each of the lanes.
    pub(super) relief: [f64; 3],
}

/// How often each band's price is set anew.
const ROUNDS: usize = 3;
/// Prices looked at each time.
const PRICES: usize = 24;
/// A round that gains less, relative, is the last.
const WORTHWHILE: f64 = 1e-4;

/// What a broker must lose.
pub(super) struct Departures {
    /// Replicas of crowded topics, by topic: how many must leave, and all that may.
    crowded: Vec<(usize, Vec<Departure>)>,
    /// All other replicas that may leave.
    others: Vec<Departure>,
    /// What must be taken off each lane, at most 0 where nothing must.
    needs: [f64; 3],
    /// The most that each lane's price may be.
    dearest: [f64; 3],
}

impl Departures {
    /// Of `replicas`; `surplus` says how many of so many replicas of a topic must leave.
    pub(super) fn new(
        mut replicas: Vec<Departure>,
        surplus: impl Fn(u32, usize) -> usize,
        needs: [f64; 3],
        dearest: [f64; 3],
    ) -> Self {
        replicas.sort_by(|a, b| a.topic.cmp(&b.topic).then(a.bytes.total_cmp(&b.bytes)));
        let (mut crowded, mut others) = (Vec::new(), Vec::new());
        for same in replicas.chunk_by(|a, b| a.topic == b.topic) {
            match surplus(same[0].topic, same.len()) {
                0 => others.extend_from_slice(same),
                leaving => crowded.push((leaving, same.to_vec())),
            }
        }
        Self { crowded, others, needs, dearest }
    }

    /// How many bands and topics need something.
    pub(super) fn needs(&self) -> usize {
        self.needs.iter().filter(|need| **need > 0.0).count() + self.crowded.len()
    }

    /// A proven bound on the bytes that leave: it is concave in the prices, which are set one at a time.
    pub(super) fn least_bytes(&self) -> f64 {
        let mut prices = [0.0; 3];
        let mut best = self.at(prices).0;
        for _ in 0..ROUNDS {
            let before = best;
            for lane in (0..prices.len()).filter(|&lane| self.needs[lane] > 0.0) {
                let (mut low, mut high) = (0.0, f64::INFINITY);
                let mut price = self.mean_price(lane);
                let mut at_best = (f64::NEG_INFINITY, 0.0);
                for _ in 0..PRICES {
                    prices[lane] = price.min(self.dearest[lane]);
                    let (bytes, left) = self.at(prices);
                    if bytes > at_best.0 {
                        at_best = (bytes, prices[lane]);
                    }
                    if left[lane] > 0.0 {
                        low = prices[lane]
                    } else {
                        high = prices[lane]
                    }
                    price = if high.is_finite() { f64::midpoint(low, high) } else { low * 4.0 };
                }
                best = best.max(at_best.0);
                prices[lane] = at_best.1;
            }
            if best <= before * (1.0 + WORTHWHILE) {
                break;
            }
        }
        best
    }

    fn mean_price(&self, lane: usize) -> f64 {
        let all = || self.others.iter().chain(self.crowded.iter().flat_map(|(_, same)| same));
        let relief: f64 = all().map(|departure| departure.relief[lane]).sum();
        if relief > 0.0 { all().map(|departure| departure.bytes).sum::<f64>() / relief } else { 0.0 }
    }

    /// What is proven at `prices`, and what each lane still needs once the replicas that are cheapest then have left.
    fn at(&self, prices: [f64; 3]) -> (f64, [f64; 3]) {
        let mut left = self.needs;
        let mut bytes: f64 = prices.iter().zip(self.needs).map(|(price, need)| price * need.max(0.0)).sum();
        let net =
            |d: &Departure| d.bytes - prices.iter().zip(d.relief).map(|(price, relief)| price * relief).sum::<f64>();
        let mut leave = |departure: &Departure, net: f64| {
            bytes += net;
            left.iter_mut().zip(departure.relief).for_each(|(left, relief)| *left -= relief);
        };
        for departure in &self.others {
            let net = net(departure);
            if net < 0.0 {
                leave(departure, net);
            }
        }
        let mut same: Vec<(f64, usize)> = Vec::new();
        for (leaving, departures) in &self.crowded {
            same.clear();
            same.extend(departures.iter().enumerate().map(|(i, departure)| (net(departure), i)));
            same.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (rank, &(net, i)) in same.iter().enumerate() {
                if rank < *leaving || net < 0.0 {
                    leave(&departures[i], net);
                }
            }
        }
        (bytes, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departure(topic: u32, bytes: f64, relief: [f64; 3]) -> Departure {
        Departure { topic, bytes, relief }
    }

    const ANY: [f64; 3] = [f64::INFINITY; 3];

    #[test]
    fn what_a_topic_gives_up_may_relieve_nothing() {
        let crowded = [departure(0, 5.0, [5.0, 0.0, 1.0]), departure(0, 6.0, [6.0, 0.0, 1.0])];
        let dense = [departure(1, 10.0, [10.0, 8.0, 1.0]), departure(2, 30.0, [30.0, 8.0, 1.0])];
        let all = || crowded.iter().chain(&dense).copied().collect();
        let one_of_topic_0 = |topic: u32, _: usize| usize::from(topic == 0);
        let needs = [0.0, 8.0, 0.0];
        let apart = Departures::new(all(), |_, _| 0, needs, ANY);
        let together = Departures::new(all(), one_of_topic_0, needs, ANY);
        assert_eq!((apart.needs(), together.needs()), (1, 2));
        // 10 for the band; 5 for the topic besides.
        assert!((apart.least_bytes() - 10.0).abs() < 0.1, "{}", apart.least_bytes());
        assert!((together.least_bytes() - 15.0).abs() < 0.1, "{}", together.least_bytes());
    }

    #[test]
    fn a_price_keeps_to_its_greatest() {
        let replicas = vec![departure(0, 20.0, [10.0, 0.0, 1.0])];
        let bound = |dearest: f64| {
            Departures::new(replicas.clone(), |_, _| 0, [10.0, 0.0, 0.0], [dearest, 1.0, 1.0]).least_bytes()
        };
        assert!(bound(1.0) <= 10.0 && bound(f64::INFINITY) > 19.0, "{} {}", bound(1.0), bound(f64::INFINITY));
    }

    #[test]
    fn it_is_below_the_cost_of_every_choice_of_whole_replicas() {
        let mut seed = 5_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % most) as f64
        };
        let (mut tight, mut better) = (0, 0);
        for _ in 0..200 {
            let mut replica = || departure(draw(3) as u32, 1.0 + draw(50), [1.0 + draw(30), draw(20), 1.0]);
            let replicas: Vec<Departure> = (0..9).map(|_| replica()).collect();
            let needs = [draw(60), draw(40), draw(4)];
            let surplus = |topic: u32, held: usize| if topic == 0 { held / 2 } else { 0 };
            let least = |needs: [f64; 3], leaving: usize| {
                let cost = |set: u32| {
                    let chosen = || replicas.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, r)| r);
                    let met = |lane: usize| chosen().map(|r| r.relief[lane]).sum::<f64>() >= needs[lane];
                    let left = chosen().filter(|r| r.topic == 0).count();
                    let bytes: f64 = chosen().map(|r| r.bytes).sum();
                    ((0..3).all(met) && left >= leaving).then_some(bytes)
                };
                (0..1 << 9).filter_map(cost).reduce(f64::min)
            };
            let held = replicas.iter().filter(|r| r.topic == 0).count();
            let Some(optimum) = least(needs, held / 2) else { continue };
            let proven = Departures::new(replicas.clone(), surplus, needs, ANY).least_bytes();
            assert!(proven <= optimum + 1e-6, "{proven}, {optimum} at least: {replicas:?} {needs:?}");
            tight += u32::from(proven > 0.8 * optimum);
            let alone = (0..3).map(|lane| {
                let mut only = [0.0; 3];
                only[lane] = needs[lane];
                Departures::new(replicas.clone(), |_, _| 0, only, ANY).least_bytes()
            });
            better += u32::from(proven > alone.fold(0.0, f64::max) * 1.01);
        }
        assert!(tight > 100 && better > 20, "hardly ever close: {tight}, or better than one need alone: {better}");
    }
}
