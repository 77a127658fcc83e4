//! The least bytes that must come to brokers that lack the same thing: they draw on the same partitions.
//!
//! Taken one by one, each broker would be granted the cheapest partitions of all. Together a partition can come no more
//! often than its class has replicas beyond those that they hold already, and of a topic with a limit no more than they
//! have room for, but for one for each that leaves. The least cost of a divisible choice under such limits is bounded by
//! its Lagrangian: at a price λ for what is lacking, λ·need less the profits λ·gain − cost of the best copies so allowed
//! (Fisher 1981). Any price proves; the best is found by halving, for the bound is concave in λ.

/// A partition that could come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) partition: u32,
    pub(super) topic: u32,
    /// What a copy brings.
    pub(super) gain: f64,
    /// What a copy costs, bytes.
    pub(super) cost: f64,
    /// How many replicas its class ends with at most.
    pub(super) copies: u32,
}

/// Brokers that lack the same.
pub(super) struct Receivers<'a> {
    pub(super) count: u32,
    /// How many replicas of each partition they hold.
    pub(super) held: Vec<u32>,
    /// Topic of each replica they hold, and what they lose if it leaves: infinite where it may not. Ascending.
    pub(super) residents: Vec<(u32, f64)>,
    /// The most replicas of a topic on each of them, none for any number.
    pub(super) limit: &'a dyn Fn(u32) -> Option<u32>,
}

/// The first price looked at lets so many candidates in.
const FIRST: usize = 16;

const HALVINGS: usize = 30;
/// What is left to be won by better prices, relative.
const NEGLIGIBLE: f64 = 1e-5;

/// What a price lets in.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    /// What is proven.
    bytes: f64,
    gain: f64,
}

impl Receivers<'_> {
    /// A proven bound on the cost of `need` from `candidates`, the cheapest per gain first, and from others that cost
    /// `others_price` per gain or more.
    pub(super) fn least_bytes(&self, candidates: &[Candidate], others_price: f64, need: f64) -> f64 {
        let Some(last) = candidates.last() else { return 0.0 };
        // Others have no profit at a price below theirs; twice the last lets all candidates in.
        let highest = others_price.min(2.0 * last.cost / last.gain);
        let price_at = |at: usize| candidates.get(at).map_or(highest, |c| (c.cost / c.gain).min(highest));
        let at_price = |price: f64| self.chosen(candidates, need, price);
        let (mut low, mut at, mut best) = (0.0, FIRST, 0.0_f64);
        let mut high = loop {
            let price = price_at(at);
            let found = at_price(price);
            best = best.max(found.bytes);
            if found.gain >= need || at >= candidates.len() {
                break price;
            }
            (low, at) = (price, at * 2);
        };
        // The bound rises and falls by `need` at most for each unit of the price.
        for _ in 0..HALVINGS {
            if (high - low) * need <= NEGLIGIBLE * best {
                break;
            }
            let middle = f64::midpoint(low, high);
            let found = at_price(middle);
            best = best.max(found.bytes);
            if found.gain >= need { high = middle } else { low = middle }
        }
        best
    }

    fn chosen(&self, candidates: &[Candidate], need: f64, price: f64) -> Chosen {
        let mut chosen = Chosen { bytes: price * need, gain: 0.0 };
        let mut take = |profit: f64, gain: f64, copies: u32| {
            chosen.bytes -= profit * f64::from(copies);
            chosen.gain += gain * f64::from(copies);
        };
        let mut limited: Vec<(u32, f64, f64, u32)> = Vec::new();
        for candidate in candidates.iter().take_while(|c| c.cost < price * c.gain) {
            let profit = price * candidate.gain - candidate.cost;
            let copies = candidate.copies.min(self.count).saturating_sub(self.held[candidate.partition as usize]);
            match (self.limit)(candidate.topic) {
                _ if copies == 0 => {}
                Some(_) => limited.push((candidate.topic, profit, candidate.gain, copies)),
                None => take(profit, candidate.gain, copies),
            }
        }
        limited.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        for same in limited.chunk_by(|a, b| a.0 == b.0) {
            let topic = same[0].0;
            let first = self.residents.partition_point(|resident| resident.0 < topic);
            let residents = self.residents[first..].iter().take_while(|resident| resident.0 == topic);
            let most = (self.limit)(topic).map_or(usize::MAX, |limit| limit as usize * self.count as usize);
            let mut room = most.saturating_sub(residents.clone().count());
            let mut losses = residents.map(|resident| resident.1);
            for &(_, profit, gain, _) in same.iter().flat_map(|copy| std::iter::repeat_n(copy, copy.3 as usize)) {
                // Where no room is left, one comes for one that leaves.
                let loss = if room > 0 { 0.0 } else { losses.next().unwrap_or(f64::INFINITY) };
                room = room.saturating_sub(1);
                if profit <= price * loss {
                    break;
                }
                take(profit - price * loss, gain - loss, 1);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Partition `partition` in topic `topic`, one replica of which may come.
    fn candidate(partition: u32, topic: u32, gain: f64, cost: f64) -> Candidate {
        Candidate { partition, topic, gain, cost, copies: 1 }
    }

    /// One receiver that holds nothing.
    fn empty(limit: &dyn Fn(u32) -> Option<u32>) -> Receivers<'_> {
        Receivers { count: 1, held: vec![0; 16], residents: Vec::new(), limit }
    }

    fn unlimited(_: u32) -> Option<u32> {
        None
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-2, "{found} for {expected}");
    }

    #[test]
    fn without_limits_it_is_the_divisible_knapsack() {
        let candidates = [candidate(0, 0, 10.0, 10.0), candidate(1, 1, 10.0, 20.0), candidate(2, 2, 10.0, 30.0)];
        let receiver = empty(&unlimited);
        // 10 for 10, and half of the second.
        near(receiver.least_bytes(&candidates, f64::INFINITY, 15.0), 20.0);
        let twice = Receivers { count: 2, ..empty(&unlimited) };
        near(twice.least_bytes(&[Candidate { copies: 2, ..candidates[0] }], f64::INFINITY, 15.0), 15.0);
        assert_eq!(receiver.least_bytes(&[], f64::INFINITY, 15.0), 0.0);
        // Others at 1.5 bytes each may bring what the second would.
        assert!(receiver.least_bytes(&candidates, 1.5, 15.0) <= 17.5 + 1e-2);
    }

    #[test]
    fn what_they_hold_cannot_come() {
        let candidates = [candidate(0, 0, 10.0, 10.0), candidate(1, 1, 10.0, 20.0), candidate(2, 2, 10.0, 30.0)];
        let mut receiver = empty(&unlimited);
        receiver.held[0] = 1;
        near(receiver.least_bytes(&candidates, f64::INFINITY, 15.0), 35.0);
    }

    #[test]
    fn a_topic_sends_no_more_than_there_is_room_for() {
        let mut candidates: Vec<Candidate> = (0..5).map(|p| candidate(p, 0, 10.0, 1.0)).collect();
        candidates.extend((1..6).map(|topic| candidate(4 + topic, topic, 10.0, 8.0)));
        let limit = |topic: u32| (topic == 0).then_some(2);
        // Two for 1 each, three for 8 each; without the limit five for 1 each.
        near(empty(&limit).least_bytes(&candidates, f64::INFINITY, 50.0), 26.0);
        near(empty(&unlimited).least_bytes(&candidates, f64::INFINITY, 50.0), 5.0);
        // It holds one that may not leave: one for 1, four for 8 each.
        let full = Receivers { residents: vec![(0, f64::INFINITY)], ..empty(&limit) };
        near(full.least_bytes(&candidates, f64::INFINITY, 50.0), 33.0);
        // It may give up two that bring 4 each for two that bring 10: 12 for 2, the rest for 8 each.
        let exchanging = Receivers { residents: vec![(0, 4.0), (0, 4.0)], ..empty(&limit) };
        near(exchanging.least_bytes(&candidates, f64::INFINITY, 32.0), 18.0);
    }

    #[test]
    fn it_is_below_the_cost_of_every_choice_of_whole_copies() {
        let mut seed = 3_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            1 + (seed >> 33) % most
        };
        let mut tight = 0;
        for _ in 0..200 {
            let mut candidates: Vec<Candidate> =
                (0..8).map(|p| candidate(p, draw(3) as u32, draw(20) as f64, draw(50) as f64)).collect();
            candidates.sort_by(|a, b| (a.cost * b.gain).total_cmp(&(b.cost * a.gain)));
            let mut residents: Vec<(u32, f64)> = (0..4).map(|_| (draw(3) as u32, draw(10) as f64)).collect();
            residents.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let need = draw(40) as f64;
            let limit = |topic: u32| (topic < 3).then_some(topic + 1);
            // Bits 0 to 7: what comes; 8 to 11: what leaves.
            let cost = |set: u32| {
                let mut held = [0_i32; 4];
                residents.iter().for_each(|resident| held[resident.0 as usize] += 1);
                let before = held;
                let (mut gain, mut cost) = (0.0, 0.0);
                for (_, c) in candidates.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1) {
                    held[c.topic as usize] += 1;
                    (gain, cost) = (gain + c.gain, cost + c.cost);
                }
                for (_, resident) in residents.iter().enumerate().filter(|(i, _)| set >> (8 + i) & 1 == 1) {
                    held[resident.0 as usize] -= 1;
                    gain -= resident.1;
                }
                // What is beyond its limit to begin with need not leave here: the caller has taken it away.
                let most = |t: usize| limit(t as u32).map_or(i32::MAX, |limit| (limit as i32).max(before[t]));
                let is_kept = (0..4).all(|t| held[t] <= most(t));
                (gain >= need && is_kept).then_some(cost)
            };
            let Some(least) = (0..1 << 12).filter_map(cost).reduce(f64::min) else { continue };
            let receivers = Receivers { residents: residents.clone(), ..empty(&limit) };
            let proven = receivers.least_bytes(&candidates, f64::INFINITY, need);
            assert!(proven <= least + 1e-6, "{proven} for {need}, {least} at least: {candidates:?} {residents:?}");
            tight += u32::from(proven > 0.8 * least);
        }
        assert!(tight > 50, "hardly ever close: {tight}");
    }
}
