//! Running to a deadline, coming to an end in good order, and what a fork leaves alone.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use ringmq::platform::{Interest, Ready};
use ringmq::{Cause, Context, Fire, Id, Io, Listener, SendError, Source, State, Stream};

use crate::support::{in_child, pair, pattern, read_all, turn_until, Case, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

type Log = Vec<&'static str>;

pub fn a_run_until_a_deadline_ends_there_and_not_before(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let start = reactor.context().now();
    let mut context = reactor.context();
    context.set_timeout(SECOND / 2, |log: &mut Log, _| log.push("before"));
    context.set_timeout(2 * SECOND, |log, _| log.push("after"));
    spy.forget();
    let mut log = Log::new();
    assert!(!reactor.run_until(&mut log, start + SECOND).unwrap());
    assert_eq!(log, ["before"]);
    assert_eq!(spy.take_waits(), [Some(SECOND / 2), Some(SECOND / 2)]);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(reactor.context().now(), start + SECOND);
}

pub fn a_run_until_a_deadline_that_has_passed_is_one_turn_without_a_wait(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().defer(|log: &mut Log, _| log.push("task"));
    let now = reactor.context().now();
    spy.advance(SECOND);
    let mut log = Log::new();
    assert!(!reactor.run_until(&mut log, now).unwrap());
    assert_eq!((log, spy.take_waits()), (vec!["task"], vec![ZERO]));
}

pub fn a_run_until_a_deadline_says_that_it_was_stopped(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_timeout(SECOND, |_: &mut (), context: &mut Context<'_, ()>| context.stop());
    let deadline = reactor.context().now() + MINUTE;
    assert!(reactor.run_until(&mut (), deadline).unwrap());
    assert_eq!(spy.take_waits(), [Some(SECOND), ZERO]);
}

/// A stream on which far more waits to be sent than the kernel takes at once.
fn add_clogged<S: 'static>(context: &mut Context<'_, S>, socket: UnixStream) -> Id<Stream<UnixStream>> {
    let mut stream = Stream::new(socket, &context.memory()).unwrap();
    stream.set_high_water(4 << 20);
    stream.send(&pattern(4 << 20)).unwrap();
    context.add(stream, |_, _, _| ()).unwrap()
}

/// Far more than the kernel takes at once waits to be sent, and the reader begins only when the loop is already coming to its end.
pub fn a_drain_sends_everything_that_is_queued_before_the_end(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (near, far) = pair();
    let mut context = reactor.context();
    add_clogged(&mut context, far);
    let reader = read_all(near);
    assert!(reactor.drain(&mut (), MINUTE).unwrap());
    assert!(reader.join().unwrap() == pattern(4 << 20));
}

pub fn a_drain_runs_what_is_queued_before_the_sources_finish(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let id = context.add(stream, |_, _, _| ()).unwrap();
    context.defer(move |_, context| context.get_mut(id).unwrap().send(b"a reply").unwrap());
    assert!(reactor.drain(&mut (), MINUTE).unwrap());
    let stream = reactor.context().remove(id).unwrap();
    drop(stream);
    let mut heard = String::new();
    near.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "a reply");
}

pub fn a_drain_ends_at_its_deadline_when_a_peer_does_not_read(case: Case) {
    let (mut reactor, spy) = case.clocked::<()>();
    let (_near, far) = pair();
    let mut context = reactor.context();
    let start = context.now();
    let id = add_clogged(&mut context, far);
    assert!(!reactor.drain(&mut (), SECOND).unwrap());
    spy.forget();
    reactor.turn(&mut (), ZERO).unwrap();
    let mut context = reactor.context();
    assert_eq!(context.now(), start + SECOND);
    let stream = context.get_mut(id).expect("it stays on the loop");
    assert!(stream.unsent_len() > 0);
    assert_eq!(stream.send(b"more"), Err(SendError::Closed));
}

pub fn a_drain_without_end_is_stopped_from_another_thread(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (_near, far) = pair();
    let mut context = reactor.context();
    add_clogged(&mut context, far);
    let remote = reactor.remote();
    let stopper = std::thread::spawn(move || remote.stop());
    assert!(!reactor.drain(&mut (), Duration::MAX).unwrap());
    stopper.join().unwrap();
}

pub fn a_drained_listener_accepts_no_more(case: Case) {
    let mut reactor = case.reactor::<usize>();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let id = reactor.context().listen(listener, |count, _, _| *count += 1).unwrap();
    let mut count = 0;
    let _first = TcpStream::connect(address).unwrap();
    turn_until(&mut reactor, &mut count, |count| *count > 0);
    assert!(reactor.drain(&mut count, MINUTE).unwrap());
    let _second = TcpStream::connect(address).expect("the kernel still takes it");
    for _ in 0..3 {
        reactor.turn(&mut count, ZERO).unwrap();
    }
    assert_eq!(count, 1);
    assert!(reactor.context().remove(id).is_some());
}

/// The one that is added never finishes.
pub fn a_drain_does_not_wait_for_who_came_later(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (near, far) = pair();
    let (_other_near, other_far) = pair();
    let mut context = reactor.context();
    add_clogged(&mut context, far);
    context.set_timeout(Duration::ZERO, move |_, context: &mut Context<'_, ()>| {
        context.set_timeout(Duration::ZERO, move |_, context| {
            let other = Stream::new(other_far, &context.memory()).unwrap();
            context.add(other, |_, _, _| ()).unwrap();
        });
    });
    let reader = read_all(near);
    assert!(reactor.drain(&mut (), MINUTE).unwrap());
    reader.join().unwrap();
}

/// The peer reads nothing, and the turn in which the connection goes has nothing else to wait for.
pub fn a_drain_whose_last_source_is_removed_by_a_callback_does_not_wait(case: Case) {
    let (mut reactor, spy) = case.clocked::<()>();
    let (_near, far) = pair();
    let mut context = reactor.context();
    let id = add_clogged(&mut context, far);
    context.defer(move |_, context| {
        context.defer(move |_, context| assert!(context.remove(id).is_some()));
    });
    assert!(reactor.drain(&mut (), MINUTE).unwrap());
    let waits = spy.take_waits();
    assert!(waits.iter().all(|timeout| *timeout == ZERO), "{waits:?}");
}

pub fn a_connection_that_fails_while_it_drains_is_not_waited_for(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (near, far) = pair();
    let mut context = reactor.context();
    let id = add_clogged(&mut context, far);
    drop(near);
    assert!(reactor.drain(&mut (), MINUTE).unwrap());
    assert_eq!(reactor.context().get(id).unwrap().state(), State::Closed);
}

pub fn a_run_until_a_deadline_does_not_wait_beyond_it_for_what_callbacks_took(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let start = reactor.context().now();
    let slow = spy.clone();
    reactor.context().defer(move |_: &mut (), _| slow.advance(SECOND));
    assert!(!reactor.run_until(&mut (), start + 2 * SECOND).unwrap());
    assert_eq!(spy.take_waits(), [Some(SECOND)]);
    assert_eq!(reactor.context().now(), start + 2 * SECOND);
}

/// More than run in one turn, some of them posted, and a request that has arrived and is answered.
pub fn a_drain_runs_all_that_is_queued_and_answers_what_has_arrived(case: Case) {
    const COUNT: usize = 50;
    let mut reactor = case.builder().callback_budget(7).post_budget(3).build::<usize>().unwrap();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let answer = |_: &mut usize, context: &mut Context<'_, usize>, id: Id<Stream<UnixStream>>| {
        let stream = context.get_mut(id).unwrap();
        let request = stream.input().to_vec();
        stream.consume(request.len());
        if !request.is_empty() {
            stream.send(&request).unwrap();
        }
    };
    context.add(stream, answer).unwrap();
    near.write_all(b"request").unwrap();
    for _ in 0..COUNT {
        reactor.context().defer(|count, _| *count += 1);
        reactor.remote().post(|count, _| *count += 1).unwrap();
    }
    let mut count = 0;
    assert!(reactor.drain(&mut count, MINUTE).unwrap());
    assert_eq!(count, 2 * COUNT);
    drop(reactor);
    let mut heard = String::new();
    near.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "request");
}

/// What the end of a stream has fired is run before it is over.
pub fn a_drain_tells_callbacks_of_the_end_that_it_brought(case: Case) {
    let mut reactor = case.reactor::<Log>();
    let (near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let callback = |log: &mut Log, context: &mut Context<'_, Log>, id: Id<Stream<UnixStream>>| {
        if context.get(id).unwrap().state() == State::Closed {
            log.push("closed");
        }
    };
    context.add(stream, callback).unwrap();
    near.shutdown(std::net::Shutdown::Write).unwrap();
    let mut log = Log::new();
    assert!(reactor.drain(&mut log, MINUTE).unwrap());
    assert_eq!(log, ["closed"]);
}

pub fn a_stop_that_came_during_a_drain_ends_no_later_run(case: Case) {
    let mut reactor = case.reactor::<()>();
    reactor.context().defer(|_, context| context.stop());
    assert!(reactor.drain(&mut (), MINUTE).unwrap());
    assert!(!reactor.take_stop());
}

pub fn the_time_between_turns_is_not_that_of_the_last_turn(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_timeout(MINUTE, |log: &mut Log, _: &mut Context<'_, Log>| log.push("timer"));
    let mut log = Log::new();
    reactor.turn(&mut log, Some(SECOND)).unwrap();
    spy.advance(30 * SECOND);
    let id =
        reactor.context().set_timeout(MINUTE, |log: &mut Log, _: &mut Context<'_, Log>| log.push("reset"));
    assert!(reactor.context().reset_timeout(id, SECOND));
    spy.advance(SECOND - Duration::from_nanos(1));
    reactor.turn(&mut log, ZERO).unwrap();
    assert!(log.is_empty(), "a second has not passed since it was reset");
    spy.advance(28 * SECOND + Duration::from_nanos(1));
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["reset", "timer"], "both are due when the turn begins");
}

/// Panics when it is asked to finish.
struct Unfinished(UnixStream);

impl Source for Unfinished {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _: Ready, _: &mut Io) -> Fire {
        Fire::No
    }

    fn finish(&mut self) {
        panic!("on purpose");
    }
}

pub fn a_source_that_panics_as_it_finishes_is_closed_and_told(case: Case) {
    let mut reactor = case.reactor::<Log>();
    let mut context = reactor.context();
    context.on_failure(|log: &mut Log, _, failure| {
        assert!(matches!(failure.cause(), Cause::Panic(_)));
        log.push("told");
    });
    let id = context.add(Unfinished(pair().1), |_, _, _| ()).unwrap();
    let other = context.add(Probe::new(pair().1), |_, _, _| ()).unwrap();
    let mut log = Log::new();
    assert!(reactor.drain(&mut log, MINUTE).unwrap());
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["told"]);
    assert!(reactor.context().get(id).is_none() && reactor.context().get(other).is_some());
}

/// In a process of its own, since a fork copies only the thread that calls it.
pub fn a_forked_child_that_drops_its_copy_does_not_disturb_the_parent(case: Case) {
    in_child(case, || {
        let mut reactor = case.reactor::<Log>();
        let (mut near, far) = pair();
        let mut context = reactor.context();
        context.add(Probe::draining(far), |log: &mut Log, _, _| log.push("input")).unwrap();
        context.defer(|log, _| log.push("task"));
        context.set_timeout(Duration::ZERO, |log: &mut Log, _| log.push("timer"));
        let remote = reactor.remote();
        // SAFETY: the child drops values, which no other thread has locked anything of, and ends without running exit handlers.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                drop(reactor);
                // SAFETY: it takes no pointer and does not return.
                unsafe { nix::libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
            }
        }
        let mut log = Log::new();
        reactor.turn(&mut log, ZERO).unwrap();
        near.write_all(b"x").unwrap();
        reactor.turn(&mut log, SOON).unwrap();
        remote
            .post(|log, context| {
                log.push("posted");
                context.stop();
            })
            .unwrap();
        reactor.run(&mut log).unwrap();
        assert_eq!(log, ["task", "timer", "input", "posted"]);
    });
}

/// Time is real here: the deadline is a short one, and nothing else could end the wait.
pub fn a_run_until_a_deadline_is_not_early_by_the_real_clock(case: Case) {
    let mut reactor = case.reactor::<()>();
    for microseconds in [0, 1, 50, 999, 1001, 2500] {
        let deadline = Instant::now() + Duration::from_micros(microseconds);
        let outcome: io::Result<bool> = reactor.run_until(&mut (), deadline);
        assert!(!outcome.unwrap());
        assert!(Instant::now() >= deadline);
    }
}
