//! The least bytes that must come to brokers that lack the same thing: they draw on the same partitions.
//!
//! Taken one by one, each broker would be granted the cheapest partitions of all. Together a partition can come no more
//! often than it has replicas in the class, and of a topic with a limit no more than that to each. The least cost of a
//! divisible choice under such limits is bounded by its Lagrangian: at a price λ for what is lacking, λ·need less the
//! profits λ·gain − cost of the best copies that each topic may send (Fisher 1981). Any price proves; the best is found by
//! halving, for the bound is concave in λ.

/// A partition that could come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) topic: u32,
    /// What a copy brings.
    pub(super) gain: f64,
    /// What a copy costs, bytes.
    pub(super) cost: f64,
    /// How often it can come.
    pub(super) copies: u32,
}

/// Candidates beyond these are not looked at; where more are needed, limits hardly bind.
pub(super) const CANDIDATES_MAX: usize = 20_000;

/// The first price looked at lets so many candidates in.
const FIRST: usize = 16;

const HALVINGS: usize = 30;

/// What a price lets in.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    /// What is proven.
    bytes: f64,
    gain: f64,
}

/// A proven bound on the cost of `need` from `candidates`, the cheapest per gain first, and from others that cost
/// `others_price` per gain or more. `most` is how many copies a topic may send, none for any number.
pub(super) fn least_bytes(
    candidates: &[Candidate],
    others_price: f64,
    need: f64,
    most: impl Fn(u32) -> Option<u32>,
) -> f64 {
    let Some(last) = candidates.last() else { return 0.0 };
    // Others have no profit at a price below theirs; twice the last lets all candidates in.
    let highest = others_price.min(2.0 * last.cost / last.gain);
    let price_at = |at: usize| candidates.get(at).map_or(highest, |c| (c.cost / c.gain).min(highest));
    let at_price = |price: f64| chosen(candidates, need, price, &most);
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
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let found = at_price(middle);
        best = best.max(found.bytes);
        if found.gain >= need { high = middle } else { low = middle }
    }
    best
}

fn chosen(candidates: &[Candidate], need: f64, price: f64, most: &impl Fn(u32) -> Option<u32>) -> Chosen {
    let mut chosen = Chosen { bytes: price * need, gain: 0.0 };
    let mut take = |profit: f64, gain: f64, copies: u32| {
        chosen.bytes -= profit * f64::from(copies);
        chosen.gain += gain * f64::from(copies);
    };
    let mut limited: Vec<(u32, f64, f64, u32)> = Vec::new();
    for candidate in candidates.iter().take_while(|c| c.cost < price * c.gain) {
        let profit = price * candidate.gain - candidate.cost;
        match most(candidate.topic) {
            Some(_) => limited.push((candidate.topic, profit, candidate.gain, candidate.copies)),
            None => take(profit, candidate.gain, candidate.copies),
        }
    }
    limited.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    for same in limited.chunk_by(|a, b| a.0 == b.0) {
        let mut left = most(same[0].0).unwrap_or(u32::MAX);
        for &(_, profit, gain, copies) in same {
            let copies = copies.min(left);
            take(profit, gain, copies);
            left -= copies;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(topic: u32, gain: f64, cost: f64, copies: u32) -> Candidate {
        Candidate { topic, gain, cost, copies }
    }

    #[test]
    fn without_limits_it_is_the_divisible_knapsack() {
        let candidates = [candidate(0, 10.0, 10.0, 1), candidate(1, 10.0, 20.0, 1), candidate(2, 10.0, 30.0, 1)];
        // 10 for 10, and half of the second.
        assert!((least_bytes(&candidates, f64::INFINITY, 15.0, |_| None) - 20.0).abs() < 1e-3);
        assert!((least_bytes(&[candidate(0, 10.0, 10.0, 2)], f64::INFINITY, 15.0, |_| None) - 15.0).abs() < 1e-3);
        assert_eq!(least_bytes(&[], f64::INFINITY, 15.0, |_| None), 0.0);
        // Others at 1.5 bytes each may bring what the second would.
        assert!(least_bytes(&candidates, 1.5, 15.0, |_| None) <= 17.5 + 1e-3);
    }

    #[test]
    fn a_topic_sends_no_more_than_its_limit() {
        let cheap = |_| candidate(0, 10.0, 1.0, 1);
        let mut candidates: Vec<Candidate> = (0..5).map(cheap).collect();
        candidates.extend((1..6).map(|topic| candidate(topic, 10.0, 8.0, 1)));
        // Two for 1 each, three for 8 each; without the limit five for 1 each.
        assert!((least_bytes(&candidates, f64::INFINITY, 50.0, |topic| (topic == 0).then_some(2)) - 26.0).abs() < 1e-3);
        assert!((least_bytes(&candidates, f64::INFINITY, 50.0, |_| None) - 5.0).abs() < 1e-3);
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
                (0..8).map(|_| candidate(draw(3) as u32, draw(20) as f64, draw(50) as f64, 1)).collect();
            candidates.sort_by(|a, b| (a.cost * b.gain).total_cmp(&(b.cost * a.gain)));
            let need = draw(40) as f64;
            let most = |topic: u32| (topic < 3).then_some(topic);
            let cost = |set: u32| {
                let mut sent = [0_u32; 4];
                let (mut gain, mut cost) = (0.0, 0.0);
                for (_, c) in candidates.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1) {
                    sent[c.topic as usize] += 1;
                    (gain, cost) = (gain + c.gain, cost + c.cost);
                }
                let is_kept = sent.iter().enumerate().all(|(t, n)| most(t as u32).is_none_or(|most| *n <= most));
                (gain >= need && is_kept).then_some(cost)
            };
            let Some(least) = (0..256).filter_map(cost).reduce(f64::min) else { continue };
            let proven = least_bytes(&candidates, f64::INFINITY, need, most);
            assert!(proven <= least + 1e-6, "{proven} for {need}, {least} at least: {candidates:?}");
            tight += u32::from(proven > 0.8 * least);
        }
        assert!(tight > 50, "hardly ever close: {tight}");
    }
}
