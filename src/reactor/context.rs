//! What callbacks, timers and tasks may do to the loop they run on.

use std::any::{Any, TypeId};
use std::io;
use std::time::{Duration, Instant};

#[cfg(feature = "mq")]
use super::agenda::Agenda;
use super::agenda::{Queues, Registration, Slot, Work};
use super::core::Core;
use super::failure::Failure;
use super::interval::Interval;
use super::memory::Memory;
#[cfg(feature = "recorder")]
use super::recorder::Slow;
use super::remote::Remote;
use super::slab::{Id, Key, Rest};
use super::source::Source;
use super::stats::Stats;
use super::timers::TimerId;
use super::work::{CallbackOf, Outcome, Task};
use crate::platform::Poller;

/// The loop, as application code sees it: in callbacks, timers and tasks, and from [`Reactor::context`](crate::Reactor::context)
/// between turns.
///
/// No method calls application code: what a call causes is delivered later, in phase 1 or 2 of a turn. Any method may be called with
/// any id, of a live source or a dead one, one's own included.
///
/// ```
/// use ringmq::Reactor;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
/// context.defer(|log: &mut Vec<&str>, _| log.push("a task"));
/// context.set_timeout(Duration::from_millis(1), |log, context| {
///     log.push("a timer");
///     context.stop();
/// });
/// let mut log = Vec::new();
/// reactor.run(&mut log)?;
/// assert_eq!(log, ["a task", "a timer"]);
/// # Ok(())
/// # }
/// ```
pub struct Context<'a, S: 'static> {
    pub(super) core: &'a mut Core<S>,
    /// The source whose callback runs.
    pub(super) own: Option<Own<'a>>,
}

/// The source whose callback runs: it is not in its slot meanwhile. It is touched already.
pub(super) struct Own<'a> {
    pub key: Key,
    /// An `Option` of the source, which is taken out of it to be removed.
    pub source: &'a mut dyn Any,
}

impl Own<'_> {
    fn reborrow(&mut self) -> Own<'_> {
        Own { key: self.key, source: &mut *self.source }
    }

    /// What it is to whoever has an id of it.
    #[inline]
    fn get_mut<T: Source>(&mut self) -> Option<&mut T> {
        self.source.downcast_mut::<Option<T>>()?.as_mut()
    }
}

/// The source in a slot.
#[inline]
fn source_in<S: 'static, T: Source>(slot: &Slot<S>) -> Option<&T> {
    slot.member.as_ref()?.as_any().downcast_ref::<Option<T>>()?.as_ref()
}

/// As [`source_in`].
#[inline]
fn source_in_mut<S: 'static, T: Source>(slot: &mut Slot<S>) -> Option<&mut T> {
    slot.member.as_mut()?.as_any_mut().downcast_mut::<Option<T>>()?.as_mut()
}

/// Tells a source that it is off the loop.
fn let_go<T: Source>(mut source: T) -> T {
    source.removed();
    source
}

impl<S: 'static> Context<'_, S> {
    /// Of a loop of which no source's callback runs.
    pub(super) fn of(core: &mut Core<S>) -> Context<'_, S> {
        Context { core, own: None }
    }

    /// Puts a source on the loop. Its callback runs in the turn after the source asked for it. What the source has prepared already, such as
    /// bytes to send, is work for this turn's phase 4.
    ///
    /// Regular files and other descriptors that no kernel mechanism can wait for are taken too, and count as ready at every turn.
    ///
    /// # Errors
    /// What [`Poller::add`](crate::platform::Poller::add) says; the source is dropped then.
    pub fn add<T: Source, R: Outcome + 'static>(
        &mut self,
        source: T,
        callback: impl FnMut(&mut S, &mut Context<'_, S>, Id<T>) -> R + 'static,
    ) -> io::Result<Id<T>> {
        self.core.add(source, CallbackOf(callback))
    }

    /// A look at a source. Looking does not touch it.
    pub fn get<T: Source>(&self, id: Id<T>) -> Option<&T> {
        match &self.own {
            Some(own) if own.key == id.key => own.source.downcast_ref::<Option<T>>()?.as_ref(),
            _ => source_in(self.core.agenda.slots.get(id.key)?),
        }
    }

    /// A source to change, one's own included. It is touched: before the next wait it settles, and its interest is looked at.
    #[inline]
    pub fn get_mut<T: Source>(&mut self, id: Id<T>) -> Option<&mut T> {
        match &mut self.own {
            Some(own) if own.key == id.key => own.get_mut(),
            _ => self.core.get_mut(id),
        }
    }

    /// One source and all the others at once: read frames here and send them there, with nothing copied between.
    ///
    /// ```no_run
    /// # use ringmq::{Context, Id, Stream};
    /// # use std::net::TcpStream;
    /// fn forward<S>(context: &mut Context<'_, S>, from: Id<Stream<TcpStream>>, to: Id<Stream<TcpStream>>) -> Option<()> {
    ///     let (from, mut others) = context.split(from)?;
    ///     let to = others.get_mut(to)?;
    ///     if to.send(from.input()).is_ok() {
    ///         from.consume(from.input().len());
    ///     }
    ///     Some(())
    /// }
    /// ```
    pub fn split<T: Source>(&mut self, id: Id<T>) -> Option<(&mut T, Others<'_, S>)> {
        let queues = &mut self.core.agenda.queues;
        let (Slot { member, registration }, rest) = self.core.agenda.slots.split(id.key)?;
        queues.touch(id.key, registration);
        let own = self.own.as_mut().map(Own::reborrow);
        let (source, running) = match own {
            Some(own) if own.key == id.key => (own.source, None),
            running => (member.as_mut()?.as_any_mut(), running),
        };
        let source = source.downcast_mut::<Option<T>>()?.as_mut()?;
        let split = Split { id: id.key, kind: TypeId::of::<T>(), registration };
        Some((source, Others { rest, split, running, queues }))
    }

    /// Takes a source off the loop and hands it back; nothing more of it is delivered, neither a callback that was fired nor an event of
    /// this very turn. Its callback is dropped, or if it is the one that is running, when it returns. Bytes that it has not sent are not
    /// sent: for a connection that is to end in good order there is [`finish`](Self::finish).
    pub fn remove<T: Source>(&mut self, id: Id<T>) -> Option<T> {
        if let Some(own) = self.own.as_mut().filter(|own| own.key == id.key) {
            let place = own.source.downcast_mut::<Option<T>>()?;
            self.core.forget_source(id.key, place.as_ref()?.fd());
            return place.take().map(let_go);
        }
        source_in::<S, T>(self.core.agenda.slots.get(id.key)?)?;
        let mut member = self.core.remove(id.key)?;
        let source = member.as_any_mut().downcast_mut::<Option<T>>()?.take();
        // Last, since what its callback owns is dropped with it, and that may be anything.
        drop(member);
        source.map(let_go)
    }

    /// Whether callbacks or tasks are queued, for this phase 1 or the next.
    #[cfg(feature = "mq")]
    pub(crate) fn has_queued(&self) -> bool {
        self.core.agenda.queues.len() > 0
    }

    /// Runs a source's callback in the next turn, behind what is queued for it already, and once, however often it is asked for; `false`
    /// when the source is gone.
    pub fn fire<T: Source>(&mut self, id: Id<T>) -> bool {
        self.get(id).is_some() && self.core.agenda.fire(id.key)
    }

    /// Runs the callback of a source that the one whose callback runs is a part of, as a connection is of a socket: in this very phase 1,
    /// behind all that is queued for it, so that it runs once for all the parts that have something for it. It counts against the budget,
    /// and it runs once a turn: where it has run already, and outside of the callbacks of other sources, this is [`fire`](Self::fire).
    #[cfg(feature = "mq")]
    pub(crate) fn follow<T: Source>(&mut self, id: Id<T>) {
        if self.own.as_ref().map_or(true, |own| own.key == id.key) {
            self.fire(id);
            return;
        }
        let turn = self.core.turn_number();
        let Agenda { slots, queues, .. } = &mut self.core.agenda;
        if let Some(slot) = slots.get_mut(id.key).filter(|slot| source_in::<S, T>(slot).is_some()) {
            queues.follow(id.key, &mut slot.registration, turn);
        }
    }

    /// Runs a task in the next turn, behind what is queued for it already. Until then the kernel is asked once, so that a task that defers
    /// itself again and again leaves the sources their input and output.
    pub fn defer<R: Outcome>(&mut self, task: impl FnOnce(&mut S, &mut Context<'_, S>) -> R + 'static) {
        self.core.agenda.queues.push(Work::Task(Box::new(task)));
    }

    /// Runs a task once `after` has passed from now, never earlier. One that lies beyond the end of the clock never runs.
    ///
    /// It counts from a fresh reading of the clock, not from [`now`](Self::now). Timers run by deadline, and those of one deadline in the
    /// order in which they were set; what a timer sets waits for the next turn, though it be due at once.
    pub fn set_timeout<R: Outcome>(
        &mut self,
        after: Duration,
        task: impl FnOnce(&mut S, &mut Context<'_, S>) -> R + 'static,
    ) -> TimerId {
        // From a fresh reading: a cached one may lie before a slow callback, and the timer would be early.
        let deadline = self.core.poller.now().checked_add(after);
        self.core.timers_to_set().set(deadline, Box::new(task))
    }

    /// Runs a task once the clock has come to `deadline`, never earlier. One that has passed already is due at once, and runs before all
    /// whose deadlines come after it.
    ///
    /// As [`set_timeout`](Self::set_timeout), but no clock is read: for who has a deadline already, or sets many timers from one reading of
    /// the clock. A deadline that is counted from [`now`](Self::now) may be nearer than it seems, by what the callbacks of this turn have taken.
    ///
    /// ```
    /// use ringmq::Reactor;
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// let start = context.now();
    /// context.set_timeout_at(start + Duration::from_millis(2), |log: &mut Vec<&str>, context| {
    ///     log.push("late");
    ///     context.stop();
    /// });
    /// context.set_timeout_at(start + Duration::from_millis(1), |log, _| log.push("early"));
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["early", "late"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_timeout_at<R: Outcome>(
        &mut self,
        deadline: Instant,
        task: impl FnOnce(&mut S, &mut Context<'_, S>) -> R + 'static,
    ) -> TimerId {
        self.core.timers_to_set().set(Some(deadline), Box::new(task))
    }

    /// Runs a callback at every `period` from now, until it is cleared. An error or a panic of it ends it too.
    ///
    /// Its ticks lie at whole periods from now and do not drift, however late it runs. A tick that has passed by the time the callback
    /// comes back from the one before is left out, so that a slow one neither bursts nor keeps the loop to itself. With a period of
    /// zero it runs once in every turn, and no turn waits.
    ///
    /// ```
    /// use ringmq::Reactor;
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// reactor.context().set_interval(Duration::from_millis(1), |ticks: &mut u32, context| {
    ///     *ticks += 1;
    ///     if *ticks == 3 {
    ///         context.stop();
    ///     }
    /// });
    /// let mut ticks = 0;
    /// reactor.run(&mut ticks)?;
    /// assert_eq!(ticks, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_interval<R: Outcome + 'static>(
        &mut self,
        period: Duration,
        callback: impl FnMut(&mut S, &mut Context<'_, S>) -> R + 'static,
    ) -> TimerId {
        let deadline = self.core.poller.now().checked_add(period);
        let task = |id| -> Box<dyn Task<S>> { Box::new(Interval::new(id, period, callback)) };
        self.core.timers_to_set().set_repeating(deadline, task)
    }

    /// Has a timer run `after` from [`now`](Self::now) instead of when it was to run, as if it had been cleared and set again; `false`
    /// when it has run or was cleared. One that is due in this very turn and has not run yet does not run in it then. An interval has
    /// its next tick there, and the others at whole periods from that.
    ///
    /// This is for the idle timeout that every message resets, and costs next to nothing: no clock is read that the turn has not read
    /// anyway, and a timer that is put off is only noted to be. A loop that sleeps may therefore wake up at the earlier deadline, find
    /// nothing to do and sleep on, once.
    ///
    /// ```
    /// use ringmq::{Context, Reactor, TimerId};
    /// use std::time::Duration;
    ///
    /// const IDLE: Duration = Duration::from_secs(30);
    ///
    /// struct Peer { idle: TimerId }
    ///
    /// fn on_message(peer: &mut Peer, context: &mut Context<'_, Peer>) {
    ///     context.reset_timeout(peer.idle, IDLE);
    /// }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let idle = reactor.context().set_timeout(IDLE, |_, context: &mut Context<'_, Peer>| context.stop());
    /// reactor.context().defer(on_message);
    /// reactor.turn(&mut Peer { idle }, Some(Duration::ZERO))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset_timeout(&mut self, timer: TimerId, after: Duration) -> bool {
        let deadline = self.now().checked_add(after);
        self.core.agenda.timers.reset(timer, deadline)
    }

    /// Has a timer run at `deadline` instead of when it was to run, as [`reset_timeout`](Self::reset_timeout) does; no clock is read.
    pub fn reset_timeout_at(&mut self, timer: TimerId, deadline: Instant) -> bool {
        self.core.agenda.timers.reset(timer, Some(deadline))
    }

    /// Clears a timeout or an interval; `false` when it has run for the last time or was cleared before. One that is due in this very
    /// turn is cleared too, and an interval that clears itself does not run again.
    pub fn clear_timeout(&mut self, timer: TimerId) -> bool {
        self.core.agenda.timers.clear(timer)
    }

    /// The time of this turn: read when first asked for, and then the same until the loop waits. So it may be old by what the callbacks
    /// before have taken.
    pub fn now(&mut self) -> Instant {
        self.core.now()
    }

    /// The loop's memory budget, for sources that queue bytes.
    pub fn memory(&self) -> Memory {
        self.core.io.memory().clone()
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<S> {
        self.core.handle()
    }

    /// Has failures told to `hook`, in the place of what was set before.
    ///
    /// A callback that panics or returns an error closes its source: the source is removed and dropped, as it may be half-way through
    /// something. So does a source that panics in phase 3 or 4, or whose interest the kernel refuses to hear of. A task or a timer that
    /// fails is just over. All other work of the turn is done. The hook is told in phase 1 or 2, at once or, of phases 3 and 4, in the
    /// next turn.
    ///
    /// Without a hook a failure comes out of [`turn`](crate::Reactor::turn), a panic as a panic and an error as an error; what was
    /// still to be done is queued as it was, and done by the next turn. That is also the way of a hook that panics.
    ///
    /// ```
    /// use ringmq::Reactor;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// context.on_failure(|log: &mut Vec<String>, _, failure| log.push(failure.to_string()));
    /// context.defer(|_, _| Err("no such thing"));
    /// context.defer(|log, context| {
    ///     log.push("goes on".to_string());
    ///     context.stop();
    /// });
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert!(log[0].ends_with("failed: no such thing"), "{log:?}");
    /// assert_eq!(log[1], "goes on");
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_failure(&mut self, hook: impl FnMut(&mut S, &mut Context<'_, S>, Failure) + 'static) {
        self.core.failure_hook = Some(Box::new(hook));
    }

    /// Has every callback, task and timer told to `hook` that runs for `threshold` or longer, right after it has, in the place of what
    /// was set before.
    ///
    /// ```
    /// use ringmq::{Reactor, Slow};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// context.on_slow(Duration::from_millis(2), |log: &mut Vec<Slow>, _, slow| log.push(slow));
    /// context.defer(|_, context| {
    ///     std::thread::sleep(Duration::from_millis(3));
    ///     context.stop();
    /// });
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert!(log[0].took >= Duration::from_millis(3));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "recorder")]
    pub fn on_slow(
        &mut self,
        threshold: Duration,
        hook: impl FnMut(&mut S, &mut Context<'_, S>, Slow) + 'static,
    ) {
        self.core.recorder.watch_for(threshold, Box::new(hook));
    }

    /// What the loop has done so far.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// Ends [`run`](crate::Reactor::run) when this turn is over. The turn does not wait; what is still queued then runs when the
    /// loop is run again.
    pub fn stop(&mut self) {
        self.core.agenda.queues.rouse();
        self.core.remote.note_stop();
    }
}

/// All sources of a loop but the one that [`Context::split`] gave out.
pub struct Others<'a, S: 'static> {
    rest: Rest<'a, Slot<S>>,
    /// What the loop knows of the one that was split off.
    split: Split<'a>,
    /// The source whose callback runs, unless it is that one.
    running: Option<Own<'a>>,
    queues: &'a mut Queues<S>,
}

/// What is known of the one that was split off, which is borrowed itself.
struct Split<'a> {
    id: Key,
    kind: TypeId,
    registration: &'a mut Registration,
}

impl<S: 'static> Others<'_, S> {
    /// A source to change; `None` for one that is gone, and for the one that was split off.
    #[inline]
    pub fn get_mut<T: Source>(&mut self, id: Id<T>) -> Option<&mut T> {
        if let Some(running) = self.running.as_mut().filter(|running| running.key == id.key) {
            return running.get_mut();
        }
        let slot = self.rest.get_mut(id.key)?;
        self.queues.touch(id.key, &mut slot.registration);
        source_in_mut(slot)
    }

    /// As [`Context::fire`]; the source that was split off may be fired too.
    pub fn fire<T: Source>(&mut self, id: Id<T>) -> bool {
        let is_running = |running: &Own<'_>| running.key == id.key && running.source.is::<Option<T>>();
        let registration = match &mut self.split {
            split if split.id == id.key && split.kind == TypeId::of::<T>() => &mut *split.registration,
            _ => match self.rest.get_mut(id.key) {
                Some(slot)
                    if self.running.as_ref().map_or(false, is_running)
                        || source_in::<S, T>(slot).is_some() =>
                {
                    &mut slot.registration
                }
                _ => return false,
            },
        };
        self.queues.fire(id.key, registration);
        true
    }

    /// As [`Context::defer`].
    pub fn defer<R: Outcome>(&mut self, task: impl FnOnce(&mut S, &mut Context<'_, S>) -> R + 'static) {
        self.queues.push(Work::Task(Box::new(task)));
    }
}
