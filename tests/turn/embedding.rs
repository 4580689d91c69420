//! The loop inside another one: its descriptor and its next deadline tell all that there is to wait for.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use ringmq::platform::{Backend, Interest};
use ringmq::{Context, Reactor, State, Stream};

use crate::support::{pair, Case, Probe, Seen};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const HOUR: Duration = Duration::from_secs(3600);

/// Whether the outer loop finds the descriptor readable.
fn is_readable(fd: BorrowedFd<'_>) -> bool {
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() == 1
}

/// The same of a reactor, if it has a descriptor; else what `expected` says.
fn has_event<S: 'static>(reactor: &mut Reactor<S>, expected: bool) -> bool {
    reactor.fd().unwrap().map_or(expected, is_readable)
}

/// A kqueue keeps what it has reported on its list until it is asked once more.
pub fn the_descriptor_is_readable_when_an_event_is_there_and_only_then(case: Case) {
    let mut reactor = case.reactor::<usize>();
    let (mut near, far) = pair();
    reactor.context().add(Probe::draining(far), |count, _, _| *count += 1).unwrap();
    let mut count = 0;
    for round in 1..=3 {
        assert!(!has_event(&mut reactor, false));
        near.write_all(b"x").unwrap();
        assert!(has_event(&mut reactor, true));
        reactor.turn(&mut count, ZERO).unwrap();
        if case.backend != Backend::Kqueue {
            assert!(!has_event(&mut reactor, false));
        }
        reactor.turn(&mut count, ZERO).unwrap();
        assert_eq!(count, round);
    }
}

/// A promise of the backend: epoll and kqueue have a descriptor, the others have none.
pub fn a_loop_has_a_descriptor_where_its_backend_has_one_and_it_stays_the_same(case: Case) {
    let mut reactor = case.reactor::<()>();
    let expected = case.backend.open().unwrap().as_fd().is_some();
    let first = reactor.fd().unwrap().map(|fd| fd.as_raw_fd());
    assert_eq!(first.is_some(), expected);
    let kept: Vec<_> = (0..100)
        .map(|_| {
            let (near, far) = pair();
            reactor.context().add(Probe::new(far), |_, _, _| ()).unwrap();
            reactor.turn(&mut (), ZERO).unwrap();
            near
        })
        .collect();
    assert_eq!(reactor.fd().unwrap().map(|fd| fd.as_raw_fd()), first);
    drop(kept);
}

/// A socket that is writable, of which nobody wanted to know until just before the descriptor is handed out.
pub fn what_changed_between_turns_is_in_the_kernel_when_the_descriptor_is_handed_out(case: Case) {
    for by_deadline in [false, true] {
        let (mut reactor, spy) = case.spied::<()>();
        let (_near, far) = pair();
        let probe = Probe::new(far);
        let id = reactor.context().add(probe, |_, _, _| ()).unwrap();
        reactor.turn(&mut (), ZERO).unwrap();
        spy.forget();
        reactor.context().get_mut(id).unwrap().interest = Interest::WRITABLE;
        if by_deadline {
            assert_eq!(reactor.next_deadline(), None);
        } else {
            reactor.fd().unwrap();
        }
        assert_eq!(spy.take_changes().len(), 1);
        assert!(has_event(&mut reactor, true));
        assert_eq!(spy.take_changes(), []);
    }
}

pub fn an_idle_loop_has_no_deadline_and_a_timer_is_one(case: Case) {
    let (mut reactor, _spy) = case.clocked::<()>();
    assert_eq!(reactor.next_deadline(), None);
    let start = reactor.context().now();
    let mut context = reactor.context();
    let first = context.set_timeout(HOUR, |_: &mut (), _: &mut Context<'_, ()>| ());
    context.set_timeout(2 * HOUR, |_: &mut (), _: &mut Context<'_, ()>| ());
    assert_eq!(reactor.next_deadline(), Some(start + HOUR));
    assert!(reactor.context().clear_timeout(first));
    assert_eq!(reactor.next_deadline(), Some(start + 2 * HOUR));
}

/// Whatever a turn would do without being told by the kernel makes the deadline now, and when it is done there is none.
pub fn work_that_needs_no_event_makes_the_deadline_now(case: Case) {
    type Start = fn(&mut Reactor<()>);
    let kinds: [(&str, Start); 5] = [
        ("a deferred task", |reactor| reactor.context().defer(|_, _| ())),
        ("a due timer", |reactor| {
            reactor.context().set_timeout(Duration::ZERO, |_, _| ());
        }),
        ("prepared bytes", |reactor| {
            let mut context = reactor.context();
            let mut stream = Stream::new(pair().1, &context.memory()).unwrap();
            stream.send(b"x").unwrap();
            context.add(stream, |_, _, _| ()).unwrap();
        }),
        ("a source touched so that it is prepared", |reactor| {
            let id = reactor.context().add(Probe::new(pair().1), |_, _, _| ()).unwrap();
            reactor.turn(&mut (), ZERO).unwrap();
            reactor.turn(&mut (), ZERO).unwrap();
            reactor.context().get_mut(id).unwrap().is_prepared = true;
        }),
        ("a regular file to be read", |reactor| {
            let file = File::open("Cargo.toml").unwrap();
            reactor.context().add(ReadOnce(file, false), |_, _, _| ()).unwrap();
        }),
    ];
    for (kind, start) in kinds {
        let (mut reactor, _spy) = case.clocked();
        let now = reactor.context().now();
        assert_eq!(reactor.next_deadline(), None, "{kind}");
        start(&mut reactor);
        assert_eq!(reactor.next_deadline(), Some(now), "{kind}");
    }
}

pub fn a_stop_makes_the_deadline_now_until_it_is_taken(case: Case) {
    let (mut reactor, _spy) = case.clocked::<()>();
    let now = reactor.context().now();
    reactor.remote().stop();
    assert_eq!(reactor.next_deadline(), Some(now));
    assert!(reactor.take_stop());
    reactor.turn(&mut (), ZERO).unwrap(); // the bell that was rung with it
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(reactor.next_deadline(), None);
}

/// Ready once.
struct ReadOnce(File, bool);

impl ringmq::Source for ReadOnce {
    fn fd(&self) -> BorrowedFd<'_> {
        std::os::unix::io::AsFd::as_fd(&self.0)
    }

    fn interest(&self) -> Interest {
        if self.1 {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }

    fn respond(&mut self, _: ringmq::platform::Ready, _: &mut ringmq::Io) -> ringmq::Fire {
        self.1 = true;
        ringmq::Fire::No
    }
}

/// The outer loop waits without limit, and the other thread posts only when told that it is about to.
pub fn a_post_makes_the_descriptor_readable(case: Case) {
    let mut reactor = case.reactor::<usize>();
    assert!(!has_event(&mut reactor, false));
    let remote = reactor.remote();
    let poster = thread::spawn(move || remote.post(|count, _| *count += 1).unwrap());
    if let Some(fd) = reactor.fd().unwrap() {
        assert_eq!(poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::NONE).unwrap(), 1);
    }
    poster.join().unwrap();
    let mut count = 0;
    reactor.turn(&mut count, ZERO).unwrap();
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!(count, 1);
}

/// An echo of a mebibyte, driven by an outer loop that sleeps for as long as it is told: no wait of the inner one ever sleeps, and none
/// of its turns is missed, or the outer one would sleep for ever.
pub fn a_loop_inside_another_does_all_its_work_and_never_sleeps_itself(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let echo = |seen: &mut Seen, context: &mut Context<'_, Seen>, id| {
        let stream: &mut Stream<_> = context.get_mut(id).unwrap();
        let input = stream.input().to_vec();
        if stream.send(&input).is_ok() {
            stream.consume(input.len());
        }
        seen.states.push(stream.state());
        if stream.state() == State::Ended {
            stream.finish();
        }
    };
    context.add(stream, echo).unwrap();
    let client = thread::spawn(move || {
        let mut writer = near.try_clone().unwrap();
        let sender = thread::spawn(move || {
            writer.write_all(&[7; 1 << 20]).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        near.read_to_end(&mut back).unwrap();
        sender.join().unwrap();
        back.len()
    });
    let mut seen = Seen::default();
    while seen.last_state() != Some(State::Closed) {
        let deadline = reactor.next_deadline();
        match reactor.fd().unwrap() {
            Some(fd) if deadline.is_none() => {
                poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
            }
            _ => {}
        }
        reactor.turn(&mut seen, ZERO).unwrap();
    }
    drop(reactor);
    assert_eq!(client.join().unwrap(), 1 << 20);
    assert!(spy.take_waits().iter().all(|wait| *wait == ZERO));
}
