//! What the greedy can do: move a replica, let another replica lead, let two brokers trade a replica each.

use super::Rule;
use super::state::{Load, Slot, State};

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// A replica goes to another broker, with leadership where it has it.
    Move { slot: Slot, to: usize },
    /// Leadership goes to this replica.
    Lead { to: Slot },
    /// Two replicas of different partitions trade places.
    Swap { out: Slot, back: Slot },
}

impl State<'_> {
    /// The broker that gives and the one that takes.
    pub(super) fn ends(&self, action: Action) -> (usize, usize) {
        match action {
            Action::Move { slot, to } => (self.host[slot], to),
            Action::Lead { to } => (self.host[self.leader[self.partition[to]]], self.host[to]),
            Action::Swap { out, back } => (self.host[out], self.host[back]),
        }
    }

    /// The load that goes from the one to the other; less than nothing where a trade brings more back.
    pub(super) fn moved(&self, action: Action) -> Load {
        match action {
            Action::Move { slot, .. } => *self.slot_load(slot),
            Action::Lead { to } => self.leadership_load(to),
            Action::Swap { out, back } => {
                let (out, back) = (self.slot_load(out), self.slot_load(back));
                std::array::from_fn(|r| out[r] - back[r])
            }
        }
    }

    /// Whether brokers can do it at all, and new brokers are what it serves where there are some.
    pub(super) fn is_legit(&self, action: Action) -> bool {
        match action {
            Action::Move { slot, to } => self.may_move(slot) && !self.hosts(to, slot) && self.is_open(slot, to),
            Action::Lead { to } => {
                self.may_move(to) && !self.leads(to) && self.is_open(self.leader[self.partition[to]], self.host[to])
            }
            Action::Swap { out, back } => {
                let (from, to) = self.ends(action);
                let is_free = self.may_move(out) && self.may_move(back);
                is_free && !self.hosts(to, out) && !self.hosts(from, back) && self.may_trade(out, back)
            }
        }
    }

    /// With new brokers, only these take what is not theirs.
    fn is_open(&self, slot: Slot, to: usize) -> bool {
        !self.has_new || self.is_new[to] || self.origin[slot] == to
    }

    fn may_trade(&self, out: Slot, back: Slot) -> bool {
        let (from, to) = (self.host[out], self.host[back]);
        let comes_home = |slot: Slot, to: usize| self.origin[slot] == to;
        !self.has_new
            || (self.is_new[from] && (self.is_new[to] || comes_home(out, to)))
            || (self.is_new[to] && comes_home(back, from))
    }

    /// Does it.
    pub(super) fn apply(&mut self, action: Action) {
        match action {
            Action::Move { slot, to } => self.relocate(slot, to),
            Action::Lead { to } => self.lead(to),
            Action::Swap { out, back } => {
                let (from, to) = self.ends(action);
                self.relocate(out, to);
                self.relocate(back, from);
            }
        }
    }

    /// Does it where it is possible, `is_wanted` and accepted by the goals before `rule`; whether it was done.
    pub(super) fn try_action(&mut self, action: Action, rule: Rule, is_wanted: impl Fn(&Self) -> bool) -> bool {
        let is_taken = self.is_legit(action) && is_wanted(self) && self.accepts(action, rule);
        if is_taken {
            self.apply(action);
        }
        is_taken
    }
}
