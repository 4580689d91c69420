//! What the tests share: a poller and a source that note what they are asked, sockets, and ways to drive a loop.

mod child;
mod probe;
mod seen;
#[cfg(feature = "signal")]
mod signals;
mod spy;
mod traffic;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringmq::platform::Backend;
use ringmq::{Builder, Connection, Context, Id, Reactor};

pub use child::{descriptor_count, in_child, limit_descriptors};
pub use probe::Probe;
pub use seen::{add_taking, take_all, Seen};
#[cfg(feature = "signal")]
pub use signals::*;
pub use spy::{Change, Spy};
pub use traffic::*;

/// How long a test may take before it counts as hanging. Far longer than any takes: it proves nothing, it only ends the run.
const WATCHDOG: Duration = Duration::from_secs(60);

/// The longest that a turn waits for what is sure to come: it is there as a rule at once, and the watchdog guards the rest.
pub const SOON: Option<Duration> = Some(Duration::from_secs(60));

/// What one test on one backend is told.
#[derive(Clone, Copy)]
pub struct Case {
    pub backend: Backend,
    /// The test's full name, to run it alone in a child process.
    pub name: &'static str,
}

impl Case {
    pub fn builder(self) -> Builder {
        Builder::new().backend(self.backend)
    }

    pub fn reactor<S: 'static>(self) -> Reactor<S> {
        self.builder().build().expect("open a reactor")
    }

    /// A reactor whose poller notes what it is asked.
    pub fn spied<S: 'static>(self) -> (Reactor<S>, Spy) {
        self.spied_by(Builder::new())
    }

    pub fn spied_by<S: 'static>(self, builder: Builder) -> (Reactor<S>, Spy) {
        let (poller, spy) = Spy::on(self.backend);
        let reactor = builder.poller(poller).build().expect("open a reactor");
        spy.forget();
        (reactor, spy)
    }

    /// The same with a clock that stands still but for the waits, which take no time.
    pub fn clocked<S: 'static>(self) -> (Reactor<S>, Spy) {
        let (reactor, spy) = self.spied();
        spy.stop_the_clock();
        (reactor, spy)
    }
}

/// Runs a test, and ends the process if it hangs.
pub fn guard(case: Case, test: fn(Case)) {
    let (done, is_done) = mpsc::channel::<()>();
    thread::spawn(move || {
        if is_done.recv_timeout(WATCHDOG) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{} hangs", case.name);
            std::process::abort();
        }
    });
    test(case);
    drop(done);
}

/// Notes in the order in which they were made, from wherever they come: callbacks, sources, the poller, other threads.
#[derive(Clone, Default, Debug)]
pub struct Journal(Arc<Mutex<Vec<&'static str>>>);

impl Journal {
    pub fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Two ends of a stream that need no network. The near one blocks: it is the test's own.
pub fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().expect("open a socket pair");
    far.set_nonblocking(true).expect("make it non-blocking");
    (near, far)
}

/// Turns until the state is as wanted. A callback may make it so at the beginning of a turn, so no turn waits for long.
pub fn turn_until<S: 'static>(reactor: &mut Reactor<S>, state: &mut S, is_done: impl Fn(&S) -> bool) {
    while !is_done(state) {
        reactor.turn(state, Some(Duration::from_millis(1))).expect("turn");
    }
}

/// Turns until nothing is left to do: no callback queued, nothing prepared, nobody ready. Answers how many turns it took.
pub fn turn_until_idle<S: 'static>(reactor: &mut Reactor<S>, spy: &Spy, state: &mut S) -> usize {
    // A turn that may sleep does, for a moment that is told from the zero of one that may not.
    let moment = Duration::from_nanos(1);
    let mut turns = 0;
    loop {
        spy.forget();
        reactor.turn(state, Some(moment)).expect("turn");
        turns += 1;
        if spy.found_nothing_in(moment) {
            spy.forget();
            return turns;
        }
    }
}

/// Fails if a timer is left: it would end the wait. The clock has to be the test's.
pub fn assert_no_timer<S: 'static>(reactor: &mut Reactor<S>, spy: &Spy, state: &mut S) {
    turn_until_idle(reactor, spy, state);
    let longer_than_any_timer = Some(Duration::from_secs(1_000_000));
    reactor.turn(state, longer_than_any_timer).expect("turn");
    assert_eq!(spy.take_waits(), [longer_than_any_timer]);
}

/// Turns until a connection that was finished is gone. The last turn must not sleep.
pub fn turn_until_gone<S: 'static, T: Connection>(reactor: &mut Reactor<S>, state: &mut S, id: Id<T>) {
    while reactor.context().get(id).is_some() {
        reactor.turn(state, Some(Duration::from_millis(1))).expect("turn");
    }
}

/// Something that keeps itself going, a thousand turns long and once in each, while a descriptor that is always readable is served in
/// every one of them, and nobody waits.
pub fn assert_io_has_its_turn_beside(case: Case, start: impl FnOnce(&mut Context<'_, usize>)) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe::new(far);
    let notes = probe.notes();
    let mut context = reactor.context();
    context.add(probe, |_, _, _| ()).unwrap();
    start(&mut context);
    let mut count = 0;
    for _ in 0..1000 {
        reactor.turn(&mut count, SOON).unwrap();
    }
    assert_eq!((count, notes.response_count()), (1000, 1000));
    assert_eq!(spy.take_waits(), [Some(Duration::ZERO); 1000]);
}
