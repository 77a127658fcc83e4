//! A queue of changes by what they gain, priced anew when their turn comes (Minoux's accelerated greedy, 1978: gains only
//! fall as what they relieve nears its band).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Changes of type `T` by gain, ties by the smaller `K`.
pub(crate) struct LazyQueue<K, T> {
    /// A change is put back only where its gain has fallen below this share of what it was: near a band all gains fall
    /// together, and keeping their exact order would price everything anew after every change.
    laziness: f64,
    all: Vec<T>,
    heap: BinaryHeap<Entry<K>>,
}

impl<K: Ord + Copy, T> LazyQueue<K, T> {
    /// An empty queue, exact where `laziness` is 1.
    pub(crate) fn new(laziness: f64) -> Self {
        Self { laziness, all: Vec::new(), heap: BinaryHeap::new() }
    }

    /// How many changes wait.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Queues `change`, which gains `gain` now.
    pub(crate) fn push(&mut self, gain: f64, key: K, change: T) {
        self.heap.push(Entry { gain, key, place: self.all.len() });
        self.all.push(change);
    }

    /// About the change that gains most, with its gain as `price` says; those that `price` has none for are dropped.
    pub(crate) fn pop(&mut self, price: impl Fn(&T) -> Option<f64>) -> Option<(&T, f64)> {
        while let Some(entry) = self.heap.pop() {
            let Some(gain) = price(&self.all[entry.place]) else { continue };
            let next = self.heap.peek().map_or(0.0, |next| next.gain);
            if gain >= self.laziness * entry.gain || gain >= self.laziness * next {
                return Some((&self.all[entry.place], gain));
            }
            self.heap.push(Entry { gain, ..entry });
        }
        None
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry<K> {
    gain: f64,
    key: K,
    /// In `all`.
    place: usize,
}

impl<K: Ord> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<K: Ord> Eq for Entry<K> {}
impl<K: Ord> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Ord> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then_with(|| other.key.cmp(&self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::LazyQueue;

    /// Pops all of `gains`, whose gains are what they were times `left` by then.
    fn order(laziness: f64, gains: &[(f64, f64)]) -> Vec<usize> {
        let mut queue = LazyQueue::new(laziness);
        gains.iter().enumerate().for_each(|(key, &(gain, left))| queue.push(gain, key, (key, gain * left)));
        assert_eq!(queue.len(), gains.len());
        std::iter::from_fn(|| queue.pop(|(_, gain)| Some(*gain).filter(|gain| *gain > 0.0)).map(|((key, _), _)| *key))
            .collect()
    }

    #[test]
    fn the_greatest_gain_comes_first_and_of_equals_the_smaller_key() {
        assert_eq!(order(1.0, &[(1.0, 1.0), (3.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), [1, 3, 2, 0]);
    }

    #[test]
    fn what_has_lost_waits_for_its_new_turn_and_what_gains_nothing_is_dropped() {
        assert_eq!(order(1.0, &[(3.0, 0.5), (2.0, 1.0), (9.0, 0.0)]), [1, 0]);
    }

    #[test]
    fn a_small_loss_is_overlooked_and_a_large_one_is_not() {
        assert_eq!(order(0.8, &[(3.0, 0.9), (2.9, 1.0)]), [0, 1]);
        assert_eq!(order(0.8, &[(3.0, 0.7), (2.9, 1.0)]), [1, 0]);
    }
}
