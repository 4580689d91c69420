//! A source on a loop together with its callback: what a slot holds, as one.

use std::any::{type_name, Any};
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};

use super::context::{Context, Own};
use super::core::Core;
use super::slab::{Id, Key};
use super::source::{Fire, Io, Source};
use super::work::Callback;
use crate::platform::{Interest, Ready};

/// A source with its callback, whose types only its id and its maker know.
///
/// While its callback runs it is lifted out of its slot, and the callback reaches its own source by the [`Context`] that it is handed. So
/// the callback of a source, and what the source does right behind it, are one function: what streams do there nearly always asks to be
/// compiled into it.
pub(crate) trait Member<S: 'static>: 'static {
    /// The source. It is gone once the callback that runs has removed it, and nobody finds the member any more.
    fn source(&self) -> Option<&dyn Source>;
    fn source_mut(&mut self) -> Option<&mut dyn Source>;
    /// The same as an `Option` of its type.
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    /// Responds, and settles unless its callback is to run, and it settles after that. One call for what would be three, since each
    /// goes by way of a table.
    fn respond_and_settle(&mut self, ready: Ready, io: &mut Io) -> Settled;
    /// Settles, and says what it waits for.
    fn settle(&mut self) -> Settled;
    /// Runs the callback. When that was all that this turn has to do, settles then, and if it has prepared work does as
    /// [`respond_and_settle`](Self::respond_and_settle) without readiness. A panic is one of the source: why the callback has failed, by
    /// a panic as well, is left with the loop.
    fn run(&mut self, state: &mut S, core: &mut Core<S>, key: Key) -> Settled;
    /// What the source is called, and what its callback.
    fn names(&self) -> Names;
    /// Has another member, which has no source, take over this one's.
    fn hand_over(&mut self, to: &mut dyn Member<S>);
}

/// What a member is made of is called, as the compiler gives it.
pub(crate) struct Names {
    pub source: &'static str,
    pub callback: &'static str,
}

/// A source and its callback.
pub(crate) struct Pair<T, C> {
    source: Option<T>,
    callback: C,
}

impl<T, C> Pair<T, C> {
    pub fn new(source: Option<T>, callback: C) -> Pair<T, C> {
        Pair { source, callback }
    }
}

/// How a source stands once it has responded or settled. Two bytes, which come back in registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    /// What it waits for; nothing that counts when its callback is to run.
    pub interest: Interest,
    bits: u8,
}

impl Settled {
    const PREPARED: u8 = 1;
    const FIRES: u8 = 2;
    const RESPONDED: u8 = 4;
    const FAILED: u8 = 8;
    const NOT_SETTLED: u8 = 16;
    const REFUSED: u8 = 32;

    /// It has responded, and its callback is to run.
    const FIRING: Settled = Settled { interest: Interest::NONE, bits: Settled::FIRES | Settled::RESPONDED };

    /// Its callback has failed.
    pub const FAILURE: Settled = Settled { interest: Interest::NONE, bits: Settled::FAILED };

    /// It has done nothing of the kind.
    const NOT: Settled = Settled { interest: Interest::NONE, bits: Settled::NOT_SETTLED };

    /// Whether it has work that needs no readiness.
    #[inline]
    pub fn is_prepared(self) -> bool {
        self.bits & Settled::PREPARED != 0
    }

    /// Whether its callback is to run; then it has not settled.
    #[inline]
    pub fn fires(self) -> bool {
        self.bits & Settled::FIRES != 0
    }

    /// Whether it has responded, and not only settled.
    #[inline]
    pub fn has_responded(self) -> bool {
        self.bits & Settled::RESPONDED != 0
    }

    /// Whether its callback has failed.
    #[inline]
    pub fn has_failed(self) -> bool {
        self.bits & Settled::FAILED != 0
    }

    /// Whether it has still to settle.
    #[inline]
    pub fn has_not_settled(self) -> bool {
        self.bits & Settled::NOT_SETTLED != 0
    }

    /// Whether it has responded, and has nothing more to do but to wait for this: not for memory either.
    #[inline]
    pub fn has_sent(self, interest: Interest) -> bool {
        self.bits == Settled::RESPONDED && self.interest == interest
    }

    /// Whether it has nothing to do but to wait for this.
    #[inline]
    pub fn is_waiting(self, interest: Interest) -> bool {
        self.bits & !Settled::RESPONDED == 0 && self.interest == interest
    }
}

impl<S, T, C> Member<S> for Pair<T, C>
where
    S: 'static,
    T: Source,
    C: Callback<S, T> + 'static,
{
    fn source(&self) -> Option<&dyn Source> {
        any_source(&self.source)
    }

    fn source_mut(&mut self) -> Option<&mut dyn Source> {
        any_source_mut(&mut self.source)
    }

    fn as_any(&self) -> &dyn Any {
        &self.source
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        &mut self.source
    }

    fn respond_and_settle(&mut self, ready: Ready, io: &mut Io) -> Settled {
        respond_and_settle(&mut self.source, ready, io)
    }

    fn settle(&mut self) -> Settled {
        settle(&mut self.source)
    }

    fn run(&mut self, state: &mut S, core: &mut Core<S>, key: Key) -> Settled {
        let Pair { source, callback } = self;
        let call =
            || callback.call(state, &mut Context { core, own: Some(Own { key, source }) }, Id::new(key));
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(None) => {}
            failure => return core.note_failure(failure),
        }
        match source {
            Some(source) if core.has_only_this() => {
                core.io.begin();
                settle_and_respond(source, &mut core.io)
            }
            _ => Settled::NOT,
        }
    }

    fn names(&self) -> Names {
        Names { source: type_name::<T>(), callback: self.callback.name() }
    }

    fn hand_over(&mut self, to: &mut dyn Member<S>) {
        hand_over(&mut self.source, to.as_any_mut());
    }
}

// What does not depend on the callback is by itself from here on, and so compiled once for all the callbacks of a type of source.

fn any_source<T: Source>(source: &Option<T>) -> Option<&dyn Source> {
    source.as_ref().map(|source| source as &dyn Source)
}

fn any_source_mut<T: Source>(source: &mut Option<T>) -> Option<&mut dyn Source> {
    source.as_mut().map(|source| source as &mut dyn Source)
}

/// As [`Member::hand_over`].
fn hand_over<T: Source>(source: &mut Option<T>, to: &mut dyn Any) {
    if let Some(place) = to.downcast_mut() {
        mem::swap(place, source); // there is nothing in its place
    }
}

/// As [`Member::settle`].
#[inline]
fn settle<T: Source>(source: &mut Option<T>) -> Settled {
    match source {
        Some(source) => {
            let bits = u8::from(source.settle());
            Settled { interest: source.interest(), bits }
        }
        None => Settled::NOT,
    }
}

/// As [`Member::respond_and_settle`].
#[inline]
fn respond_and_settle<T: Source>(source: &mut Option<T>, ready: Ready, io: &mut Io) -> Settled {
    match source {
        // Said by itself, so that nothing else is compiled into what nearly always is to be done.
        Some(source) if ready == Ready::READABLE => match source.respond(Ready::READABLE, io) {
            Fire::Yes => Settled::FIRING,
            Fire::No => settle_behind(source, io),
            Fire::AtRest => Settled { interest: source.interest(), bits: Settled::RESPONDED },
        },
        Some(source) => respond_otherwise(source, ready, io),
        None => Settled::NOT,
    }
}

/// Settles, and if it has prepared work responds and settles again.
#[inline(always)] // behind a callback, which decides much of it
fn settle_and_respond<T: Source>(source: &mut T, io: &mut Io) -> Settled {
    if !source.settle() {
        return Settled { interest: source.interest(), bits: 0 };
    }
    // If it comes to rest it waits for this; asked now, while it is known how it has settled.
    let interest = source.interest();
    match source.respond(Ready::NONE, io) {
        Fire::Yes => Settled::FIRING,
        Fire::No => settle_behind(source, io),
        Fire::AtRest => Settled { interest, bits: Settled::RESPONDED },
    }
}

/// Responds with some other readiness or with none, and settles.
#[inline(never)]
fn respond_otherwise<T: Source>(source: &mut T, ready: Ready, io: &mut Io) -> Settled {
    match source.respond(ready, io) {
        Fire::Yes => Settled::FIRING,
        Fire::No => settle_behind(source, io),
        Fire::AtRest => Settled { interest: source.interest(), bits: Settled::RESPONDED },
    }
}

/// Settles behind a response.
#[inline(never)]
fn settle_behind<T: Source>(source: &mut T, io: &Io) -> Settled {
    let mut bits = u8::from(source.settle()) | Settled::RESPONDED;
    if io.refusal().is_some() {
        bits |= Settled::REFUSED;
    }
    Settled { interest: source.interest(), bits }
}
