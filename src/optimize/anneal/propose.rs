//! The changes that the walk proposes, and how often each.

use super::super::balance::is_free;
use super::super::destinations::choose_dir;
use super::super::leadership::transfer_delta;
use super::super::state::NO_LEADER;
use super::super::trim::home;
use super::neighbours::Source;
use super::{Change, LEADER_PRICE, Walk, below, pick};

impl Walk<'_, '_> {
    /// Draws one change and makes it if the energy allows.
    pub(super) fn propose(&mut self) {
        match below(&mut self.rng, 100) {
            0..4 => self.try_return(),
            4..44 => self.try_exchange(),
            44..74 => self.try_trade(),
            74..82 => self.try_redirect(),
            82..86 => self.try_move(),
            86..88 => self.try_swap(),
            _ => self.try_leader(),
        }
    }

    fn try_return(&mut self) {
        if let Some(slot) = self.random_moved()
            && let Some((to, dir)) = home(self.problem, self.state, slot)
        {
            self.consider(slot, to, dir);
        }
    }

    /// A moved replica goes home; another that can stand in for it takes its place: three times of four one from there, else
    /// one from any broker that could send there, for where few brokers lack something, who gives is open.
    fn try_exchange(&mut self) {
        let Some(slot) = self.random_moved() else { return };
        let back = self.problem.home_broker[slot as usize];
        let place = self.state.broker[slot as usize];
        let from_home = below(&mut self.rng, 4) > 0;
        let from = if from_home { Source::Broker(back) } else { self.neighbours.givers_to(place) };
        if let Some(other) = self.neighbours.stand_in(self.problem, &mut self.rng, slot, from)
            && other != slot
            && self.state.broker[other as usize] == self.problem.home_broker[other as usize]
            && self.state.broker[other as usize] != place
            && self.may_pass(&[(slot, back), (other, place)])
            && let Some((to, dir)) = home(self.problem, self.state, slot)
            && self.may_go(other, place)
        {
            self.consider_pair((slot, to, dir), (other, place));
        }
    }

    /// Two moved replicas change places: that copies no more than before, and packs what is copied into what has room.
    fn try_trade(&mut self) {
        if let Some(slot) = self.random_moved()
            && let Some(other) = self.random_moved()
        {
            self.exchange(slot, other);
        }
    }

    /// A moved replica goes elsewhere: that copies no more than before.
    fn try_redirect(&mut self) {
        if let Some(slot) = self.random_moved()
            && is_free(self.problem, slot)
            && let Some(to) = self.neighbours.peer(&mut self.rng, self.state.broker[slot as usize])
        {
            self.go(slot, to);
        }
    }

    /// A replica of a broker outside its bands goes elsewhere, or one from elsewhere comes.
    fn try_move(&mut self) {
        if let Some((from, to)) = self.random_pair()
            && let Some(slot) = pick(&mut self.rng, &self.state.on_broker[from as usize])
            && is_free(self.problem, slot)
        {
            self.go(slot, to);
        }
    }

    /// Two replicas of two brokers change places.
    fn try_swap(&mut self) {
        if let Some((from, to)) = self.random_pair()
            && let Some(slot) = pick(&mut self.rng, &self.state.on_broker[from as usize])
            && let Some(other) = pick(&mut self.rng, &self.state.on_broker[to as usize])
        {
            self.exchange(slot, other);
        }
    }

    fn exchange(&mut self, slot: u32, other: u32) {
        let (from, to) = (self.state.broker[slot as usize], self.state.broker[other as usize]);
        if from != to
            && is_free(self.problem, slot)
            && is_free(self.problem, other)
            && self.may_pass(&[(slot, to), (other, from)])
            && self.may_go(slot, to)
            && self.may_go(other, from)
            && let Some(dir) = choose_dir(self.problem, self.state, slot, to)
        {
            self.consider_pair((slot, to, dir), (other, from));
        }
    }

    fn try_leader(&mut self) {
        let slot = if !self.outside.is_empty() && below(&mut self.rng, 2) == 0 {
            let troubled = pick(&mut self.rng, &self.outside);
            troubled.and_then(|b| pick(&mut self.rng, &self.state.on_broker[b as usize]))
        } else {
            self.random_moved()
        };
        let Some(p) = slot.map(|slot| self.problem.slot_partition[slot as usize]) else { return };
        let count = u64::from(self.problem.partitions[p as usize].slot_count);
        let offset = u16::try_from(below(&mut self.rng, count)).unwrap_or(NO_LEADER);
        let old = self.state.leader[p as usize];
        let Some(delta) = transfer_delta(self.problem, self.state, p, offset) else { return };
        let home = self.state.home_leader[p as usize];
        let changes = f64::from(i8::from(offset != home) - i8::from(old != home));
        let cost = LEADER_PRICE * self.problem.mean_copy_bytes * changes;
        if self.passes(delta, cost) {
            self.state.lead(self.problem, p, offset);
            self.accept(&[Change::Leader { p, from: old }]);
        }
    }

    fn random_moved(&mut self) -> Option<u32> {
        pick(&mut self.rng, &self.state.moved)
    }

    /// Two brokers, one of them outside its bands where any is and chance wants it.
    fn random_pair(&mut self) -> Option<(u32, u32)> {
        let peer = self.neighbours.receiver(&mut self.rng)?;
        let other = if !self.outside.is_empty() && below(&mut self.rng, 4) > 0 {
            pick(&mut self.rng, &self.outside)?
        } else {
            self.neighbours.receiver(&mut self.rng)?
        };
        let pair = if below(&mut self.rng, 2) == 0 { (other, peer) } else { (peer, other) };
        (pair.0 != pair.1).then_some(pair)
    }
}
