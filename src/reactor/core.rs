//! The state of a loop, and how sources come and go. Its four phases are in `run.rs`, `poll.rs` and `respond.rs`.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::unix::io::BorrowedFd;
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Marks, Registration, Slot};
use super::builder::Budgets;
use super::context::Context;
use super::failure::{Cause, Failure};
use super::line::Line;
use super::member::{Member, Pair};
use super::memory::Memory;
#[cfg(feature = "recorder")]
use super::recorder::Recorder;
use super::remote::{PostedTask, Remote};
use super::rest::Resting;
use super::slab::{Id, Key, SourceId};
use super::source::{Io, Source};
use super::stats::Stats;
use super::straight::MayFire;
use super::work::Callback;
use crate::platform::{AnyPoller, Events, Poller, Token, Trigger};

/// What is told of failures.
pub(crate) type FailureHook<S> = Box<dyn FnMut(&mut S, &mut Context<'_, S>, Failure)>;

/// What turns do about timers, once there are some.
pub(crate) struct Timing<S: 'static> {
    /// Phase 2 where one is due.
    pub run_due: fn(&mut Core<S>, &mut S) -> io::Result<()>,
    /// The [wait of a straight turn](Core::wait_for_timer) until one is.
    pub wait: fn(&mut Core<S>, Instant, Duration) -> io::Result<MayFire<S>>,
}

impl<S: 'static> Timing<S> {
    /// Of a loop on which none was ever set: it is never asked. One that was set without this would have the loop turn for ever.
    fn none() -> Timing<S> {
        Timing {
            run_due: |_, _| unreachable!("no timer is set"),
            wait: |_, _, _| unreachable!("no timer is set"),
        }
    }
}

/// What a loop does about tasks of other threads, once one can post some.
pub(crate) struct Posting<S: 'static> {
    /// Runs them, for which this doorbell was rung.
    pub run: fn(&mut Core<S>, &mut S, Key) -> io::Result<()>,
    /// Drops those that have not run, and refuses what comes.
    pub close: fn(&mut Core<S>),
}

impl<S: 'static> Posting<S> {
    /// Of a loop that nobody has a handle on.
    fn none() -> Posting<S> {
        Posting { run: |_, _, _| Ok(()), close: |_| () }
    }
}

/// Everything a loop is.
pub(crate) struct Core<S: 'static> {
    pub poller: AnyPoller,
    pub agenda: Agenda<S>,
    pub remote: Remote<S>,
    /// What is done about tasks of other threads. It comes [with the first handle](Core::handle).
    pub posting: Cell<Posting<S>>,
    /// What other threads have posted and this one has taken, to be run.
    pub posted: VecDeque<PostedTask<S>>,
    /// The source that other threads are heard by: what it fires for is the tasks that they posted.
    pub doorbell: Option<Key>,
    pub failure_hook: Option<FailureHook<S>>,
    pub budgets: Budgets,
    /// What sources have in phase 4, and the counters.
    pub io: Io,
    #[cfg(feature = "recorder")]
    pub recorder: Recorder<S>,
    pub events: Events,
    /// How far the phase that is under way has come among the sources it goes through, and at which it is: what a panic in a source
    /// leaves off at.
    pub position: usize,
    pub current: Key,
    /// Sources that said when they settled that they need no readiness to respond.
    pub prepared: VecDeque<Key>,
    /// Sources that were refused memory, first come first served.
    pub line: Line,
    /// Sources that no mechanism of the kernel can wait for, regular files and some devices: those of them that wait for something.
    pub always_ready: Vec<Key>,
    /// The time of this turn, once it has been asked for.
    pub now: Option<Instant>,
    /// Whether the last turn did not ask the kernel since phase 4 had work already.
    pub has_skipped_wait: bool,
    /// The rests of listeners, in the order in which they end.
    pub rests: Vec<Resting<S>>,
    /// What turns do about timers. It comes [with the first of them](Core::timers_to_set).
    pub timing: Timing<S>,
    /// Why the callback that has run last has failed, until that is seen to.
    pub callback_failure: Option<Cause>,
}

impl<S: 'static> Core<S> {
    #[inline] // as `Builder::build` is
    pub fn new(
        poller: AnyPoller,
        memory: Memory,
        events: usize,
        budgets: Budgets,
        remote: Remote<S>,
    ) -> Core<S> {
        Core {
            poller,
            agenda: Agenda::new(),
            remote,
            posting: Cell::new(Posting::none()),
            posted: VecDeque::new(),
            doorbell: None,
            failure_hook: None,
            budgets,
            io: Io::new(memory, budgets.source_bytes),
            #[cfg(feature = "recorder")]
            recorder: Recorder::new(0),
            events: Events::with_capacity(events),
            position: 0,
            current: Key::from_token(Token(0)),
            prepared: VecDeque::new(),
            line: Line::default(),
            always_ready: Vec::new(),
            now: None,
            has_skipped_wait: false,
            rests: Vec::new(),
            timing: Timing::none(),
            callback_failure: None,
        }
    }

    /// Whether a stop was asked for, here or from another thread. Asking takes it back.
    #[inline]
    pub fn take_stop(&mut self) -> bool {
        // Looked at first: this is asked in every turn, and taking it back is an exchange between cores.
        self.remote.is_stopping() && self.remote.take_stop()
    }

    pub fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.poller.now())
    }

    pub fn stats(&self) -> Stats {
        let stats = self.io.stats;
        Stats { stale_events: stats.stale_events + self.poller.stale_count(), ..stats }
    }

    /// Which turn it is, by the last bits of its number.
    #[inline]
    pub fn turn_number(&self) -> u32 {
        self.io.stats.turns as u32
    }

    /// Has every source finish, and answers with those that have not yet.
    pub fn finish_all(&mut self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.agenda.slots.iter().map(|(key, _)| key).collect();
        retain(&mut keys, &mut |key| {
            let is_live = self.guard(key, |source| source.finish()).is_some();
            self.agenda.touch(key);
            is_live
        });
        keys
    }

    /// How many turns run all that is queued, here and by other threads, as the budgets go.
    pub fn turns_for_queued(&self) -> usize {
        let turns = |count: usize, budget: usize| count / budget + usize::from(count % budget > 0);
        let (here, posted) = (self.agenda.queues.len(), self.posted.len() + self.remote.task_count());
        turns(here, self.budgets.callbacks) + turns(posted, self.budgets.posted_tasks)
    }

    /// Leaves those of these sources that have not finished yet.
    pub fn retain_unfinished(&mut self, keys: &mut Vec<Key>) {
        retain(keys, &mut |key| self.guard(key, |source| source.is_finished()) == Some(false));
    }

    pub fn add<T: Source>(
        &mut self,
        source: T,
        callback: impl Callback<S, T> + 'static,
    ) -> io::Result<Id<T>> {
        self.insert(Box::new(Pair::new(Some(source), callback))).map(Id::new)
    }

    /// As [`add`](Self::add), of any source and callback: compiled once for all of them.
    #[inline(never)]
    fn insert(&mut self, member: Box<dyn Member<S>>) -> io::Result<Key> {
        let source = member.source().expect("it was made with one");
        let registration = register(&mut self.poller, self.agenda.slots.next_key(), source)?;
        let waits_unasked = registration.marks.has(Marks::ALWAYS_READY) && !registration.interest.is_none();
        let key = self.agenda.slots.insert(Slot { member: Some(member), registration });
        if waits_unasked {
            self.always_ready.push(key);
        }
        // It may have work already: bytes queued before it was added.
        self.agenda.touch(key);
        Ok(key)
    }

    /// A source to change.
    #[inline(never)] // the callback of a source mostly wants that
    pub fn get_mut<T: Source>(&mut self, id: Id<T>) -> Option<&mut T> {
        let member = self.agenda.touch(id.key)?.member.as_mut()?;
        member.as_any_mut().downcast_mut::<Option<T>>()?.as_mut()
    }

    /// Takes a source off the loop, with its callback.
    pub fn remove(&mut self, key: Key) -> Option<Box<dyn Member<S>>> {
        let member = self.agenda.slots.get_mut(key)?.member.take()?;
        self.forget(key, member.as_ref());
        Some(member)
    }

    /// Takes a source off the loop that is lifted out of its slot, unless it is off it already.
    pub fn forget(&mut self, key: Key, member: &dyn Member<S>) {
        if let Some(source) = member.source() {
            self.forget_source(key, source.fd());
        }
    }

    /// As [`forget`](Self::forget), by the descriptor of the source.
    pub fn forget_source(&mut self, key: Key, fd: BorrowedFd<'_>) {
        let Slot { member, registration } = match self.agenda.remove(key) {
            Some(slot) => slot,
            None => return,
        };
        if registration.marks.has(Marks::ALWAYS_READY) {
            retain(&mut self.always_ready, &mut |other| other != key);
        } else if let Err(error) = self.poller.delete(fd) {
            // Only who was never registered is refused, and this one was: somebody else's descriptor answers to its number.
            debug_assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        // Last: the callback that it was to be given by now, if any, may own anything.
        drop(member);
    }

    /// Gives a source another callback. The old one is dropped, or will be when it has run.
    pub fn replace_callback<T: Source>(&mut self, id: Id<T>, callback: impl Callback<S, T> + 'static) {
        self.replace_member(id.key, Box::new(Pair::<T, _>::new(None, callback)));
    }

    /// Has a member that has no source take over that of another.
    fn replace_member(&mut self, key: Key, mut member: Box<dyn Member<S>>) {
        if let Some(slot) = self.agenda.slots.get_mut(key) {
            // Its own callback runs while it is not there: then it is handed over when that has run.
            if let Some(before) = &mut slot.member {
                before.hand_over(member.as_mut());
            }
            let before = slot.member.replace(member);
            // Last, since what it owns may do anything as it is dropped.
            drop(before);
        }
    }

    /// Puts the member that was lifted out of its slot back. Unless it was removed meanwhile, or given another callback, which has its
    /// source from now on: then it comes back, to be dropped as the last thing, since what it owns may do anything as it is dropped.
    #[must_use = "what comes back is to be dropped last"]
    pub fn put_back(&mut self, key: Key, mut member: Box<dyn Member<S>>) -> Option<Box<dyn Member<S>>> {
        match self.agenda.slots.get_mut(key) {
            Some(Slot { member: place @ None, .. }) => *place = Some(member),
            Some(Slot { member: Some(successor), .. }) => {
                member.hand_over(successor.as_mut());
                return Some(member);
            }
            None => return Some(member),
        }
        None
    }
}

/// Leaves the keys of which this holds. One function for all that asks, compiled once.
pub(super) fn retain(keys: &mut Vec<Key>, is_kept: &mut dyn FnMut(Key) -> bool) {
    keys.retain(|&key| is_kept(key));
}

/// Has the poller watch for what a source waits for, under the key that it is to have.
fn register(poller: &mut AnyPoller, key: Key, source: &dyn Source) -> io::Result<Registration> {
    let interest = source.interest();
    match poller.add(source.fd(), key.to_token(), interest, Trigger::Level) {
        Ok(()) => Ok(Registration::new(interest, false)),
        // The kernel cannot wait for it since there is nothing to wait for.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Registration::new(interest, true)),
        Err(error) => Err(error),
    }
}

/// The live sources, one entry each: what it is, its descriptor, and what the loop knows of it.
pub(super) struct SourceList<'a, S: 'static>(pub &'a Core<S>);

impl<S: 'static> fmt::Debug for SourceList<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.0.agenda.slots.iter();
        let entries = live.filter_map(|(key, slot)| {
            let member = slot.member.as_ref()?;
            Some((SourceId(key), member.names().source, member.source()?.fd(), &slot.registration))
        });
        f.debug_list().entries(entries).finish()
    }
}
