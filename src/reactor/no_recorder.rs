//! In the place of the flight recorder where its feature is off: the same functions, which do nothing and cost nothing.

use std::time::{Duration, Instant};

use super::core::Core;
use super::slab::Key;

#[derive(Clone, Copy)]
pub(super) enum Part {
    Timeouts,
    Settling,
    Waiting,
    Responding,
}

#[allow(clippy::unused_self)] // the other one uses it
impl<S: 'static> Core<S> {
    pub(super) fn record_turn(&mut self) {}

    pub(super) fn record_part(&mut self, _part: Option<Part>) {}

    pub(super) fn record_timer(&mut self, _deadline: Instant) {}

    pub(super) fn record_wait(&mut self, _timeout: Option<Duration>) {}

    pub(super) fn record_events(&mut self, _count: usize) {}

    pub(super) fn watch(&self, _name: impl FnOnce() -> &'static str) -> Option<()> {
        None
    }

    pub(super) fn unwatch(&mut self, _state: &mut S, _watch: Option<()>, _source: Option<Key>) {}
}
