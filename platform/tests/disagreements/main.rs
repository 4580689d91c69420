//! Two pollers of which one is wrong: `Shadow` says in what, and raises no alarm over two that are right.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod liar;

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::io::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringmq_platform::conformance::lock_step::{play, Script};
use ringmq_platform::conformance::shadow::{Answer, Disagreement, Operation, Shadow};
use ringmq_platform::{Backend, Events, Interest, Poll, Poller, Token, Trigger};

use liar::{Deed, Liar, Lie, Meddler};

const READABLE: Interest = Interest::READABLE;

type Boxed = Box<dyn Poller>;

fn opened(backend: Backend) -> Boxed {
    backend.open().expect("open a poller")
}

/// Every two backends of this system, in both orders, and each with itself.
fn pairs() -> Vec<Shadow<Boxed, Boxed>> {
    let all = Backend::AVAILABLE.iter();
    all.flat_map(|first| Backend::AVAILABLE.iter().map(|second| Shadow::new(opened(*first), opened(*second))))
        .collect()
}

fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().expect("socketpair");
    near.set_nonblocking(true).expect("set non-blocking");
    far.set_nonblocking(true).expect("set non-blocking");
    (near, far)
}

fn disagreement(result: io::Result<()>) -> Disagreement {
    let error = result.expect_err("the two disagree");
    assert_eq!(error.kind(), ErrorKind::Other, "{error}");
    error.get_ref().and_then(|inner| inner.downcast_ref::<Disagreement>()).expect("it is one").clone()
}

#[test]
fn all_pairs_of_backends_agree_and_keep_step_with_the_model() {
    for seed in 1..=3 {
        let mut pollers: Vec<(&str, Boxed)> = Vec::new();
        for (pair, name) in pairs().into_iter().zip(NAMES) {
            pollers.push((name, Box::new(pair)));
        }
        let script = Script::random(seed, 3000);
        let counts = play(&mut pollers, &script).unwrap_or_else(|failure| panic!("{failure}\n{script}"));
        assert!(counts.event_count() > 10_000, "{counts}");
    }
}

/// What to call a pair: by its place, since there are as many as the system has.
const NAMES: [&str; 16] = [
    "pair 0", "pair 1", "pair 2", "pair 3", "pair 4", "pair 5", "pair 6", "pair 7", "pair 8", "pair 9",
    "pair 10", "pair 11", "pair 12", "pair 13", "pair 14", "pair 15",
];

/// Both orders of an honest poller and one that lies.
fn with_liar(lie: Lie) -> [Shadow<Boxed, Boxed>; 2] {
    both_orders(Backend::Select, Backend::Poll, lie)
}

fn both_orders(honest: Backend, lying: Backend, lie: Lie) -> [Shadow<Boxed, Boxed>; 2] {
    let liar = || -> Boxed { Box::new(Liar::new(lying, lie)) };
    [Shadow::new(opened(honest), liar()), Shadow::new(liar(), opened(honest))]
}

/// What a wait for one registration comes to, with a byte to read.
fn wait_for_a_byte(
    shadow: &mut Shadow<Boxed, Boxed>,
    interest: Interest,
    trigger: Trigger,
) -> io::Result<()> {
    let (mut near, mut far) = pair();
    near.write_all(b"x").expect("write a byte");
    while far.write(&[0; 4096]).is_ok() {}
    shadow.add(far.as_fd(), Token(7), interest, trigger).expect("add");
    shadow.wait(&mut Events::with_capacity(4), Some(Duration::ZERO))
}

/// The answer of the liar.
fn said(order: usize, found: &Disagreement) -> &Answer {
    &found.answers[1 - order]
}

#[test]
fn an_event_that_is_kept_back_is_found_on_every_trigger() {
    let best = Backend::default();
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        let shadows = both_orders(best, best, Lie::Silence);
        let can = |(_, shadow): &(usize, Shadow<Boxed, Boxed>)| shadow.supports(trigger);
        for (order, mut shadow) in shadows.into_iter().enumerate().filter(can) {
            let found = disagreement(wait_for_a_byte(&mut shadow, READABLE, trigger));
            assert_eq!((found.operation, found.token, found.trigger), (Operation::Wait, Token(7), trigger));
            assert_eq!(said(order, &found), &Answer::Silent, "{found}");
            assert!(matches!(found.answers[order], Answer::Ready(ready) if ready.is_readable()), "{found}");
        }
    }
}

#[test]
fn one_one_shot_that_is_kept_back_is_found_and_a_level_event_counts_as_passing() {
    let mut shadow =
        Shadow::new(Poll::new().expect("open a poller"), Liar::new(Backend::Poll, Lie::OneMissing));
    let (mut near, far) = pair();
    near.write_all(b"x").expect("write a byte");
    let mut events = Events::with_capacity(4);
    shadow.add(far.as_fd(), Token(1), READABLE, Trigger::Level).expect("add");
    for _ in 0..3 {
        shadow.wait(&mut events, Some(Duration::ZERO)).expect("the second look is right");
        assert_eq!(events.len(), 1);
    }
    assert_eq!(shadow.passing_count(), 1);

    let mut shadow =
        Shadow::new(Poll::new().expect("open a poller"), Liar::new(Backend::Poll, Lie::OneMissing));
    shadow.add(far.as_fd(), Token(1), READABLE, Trigger::OneShot).expect("add");
    for _ in 0..2 {
        shadow.wait(&mut events, Some(Duration::ZERO)).expect("they agree");
        shadow.modify(far.as_fd(), Token(1), READABLE, Trigger::OneShot).expect("modify");
    }
    let found = disagreement(shadow.wait(&mut events, Some(Duration::ZERO)));
    assert_eq!((&found.answers[1], found.remark), (&Answer::Silent, "while it holds"));
}

#[test]
fn what_was_not_asked_for_is_found() {
    for (order, mut shadow) in with_liar(Lie::TooMuch).into_iter().enumerate() {
        let found = disagreement(wait_for_a_byte(&mut shadow, READABLE, Trigger::Level));
        assert_eq!(found.remark, "which was not asked for");
        assert!(matches!(said(order, &found), Answer::Ready(ready) if ready.is_writable()), "{found}");
    }
    for mut shadow in with_liar(Lie::Emptiness) {
        let found = disagreement(wait_for_a_byte(&mut shadow, READABLE, Trigger::Level));
        assert_eq!(found.remark, "of which nothing is said");
    }
}

#[test]
fn a_direction_too_many_is_found_on_level_and_one_shot() {
    for trigger in [Trigger::Level, Trigger::OneShot] {
        for (order, mut shadow) in with_liar(Lie::Writable).into_iter().enumerate() {
            let both = READABLE | Interest::WRITABLE;
            let found = disagreement(wait_for_a_byte(&mut shadow, both, trigger));
            assert!(matches!(said(order, &found), Answer::Ready(ready) if ready.is_writable()), "{found}");
            assert!(matches!(found.answers[order], Answer::Ready(ready) if !ready.is_writable()), "{found}");
        }
    }
}

#[test]
fn an_event_told_twice_or_by_a_one_shot_again_is_found() {
    for mut shadow in with_liar(Lie::Twice) {
        let found = disagreement(wait_for_a_byte(&mut shadow, READABLE, Trigger::Level));
        assert_eq!(found.remark, "twice in one wait");
    }
    for mut shadow in with_liar(Lie::Repeats) {
        let (mut near, far) = pair();
        near.write_all(b"x").expect("write a byte");
        shadow.add(far.as_fd(), Token(7), READABLE, Trigger::OneShot).expect("add");
        let mut events = Events::with_capacity(4);
        shadow.wait(&mut events, Some(Duration::ZERO)).expect("the first time is right");
        let found = disagreement(shadow.wait(&mut events, Some(Duration::ZERO)));
        assert_eq!(found.remark, "although it has fired already");
    }
}

#[test]
fn an_event_of_a_registration_that_is_gone_is_found() {
    for mut shadow in with_liar(Lie::Gone) {
        let (mut near, far) = pair();
        shadow.add(far.as_fd(), Token(7), READABLE, Trigger::Level).expect("add");
        shadow.delete(far.as_fd()).expect("both say that they did");
        near.write_all(b"x").expect("write a byte");
        let found = disagreement(shadow.wait(&mut Events::with_capacity(4), Some(Duration::ZERO)));
        assert_eq!(found.remark, "under a token that is no longer registered");
    }
}

#[test]
fn an_error_of_the_wrong_kind_is_found_in_every_call() {
    for (lie, answer) in [(Lie::WrongKind, ErrorKind::InvalidInput), (Lie::Success, ErrorKind::Other)] {
        for (order, mut shadow) in with_liar(lie).into_iter().enumerate() {
            let (_near, far) = pair();
            let (fd, token) = (far.as_fd(), Token(7));
            let results = [
                (Operation::Modify, shadow.modify(fd, token, READABLE, Trigger::Level)),
                (Operation::Delete, shadow.delete(fd)),
                (Operation::Add, {
                    shadow.add(fd, token, READABLE, Trigger::Level).expect("both add it");
                    shadow.add(fd, token, READABLE, Trigger::Level)
                }),
            ];
            for (operation, result) in results {
                let found = disagreement(result);
                assert_eq!(found.operation, operation);
                match said(order, &found) {
                    Answer::Done => assert_eq!(lie, Lie::Success, "{found}"),
                    Answer::Failed(kind, _) => assert_eq!(*kind, answer, "{found}"),
                    other => panic!("{other:?} is no answer to a call"),
                }
            }
        }
    }
}

/// The kernel may lack room for one of them; that it has no use for a socket is no reason to refuse one.
#[test]
fn a_refusal_for_want_of_room_is_tolerated_and_any_other_is_found() {
    let (_near, far) = pair();
    for errno in [libc::ENOSPC, libc::ENOMEM] {
        for mut shadow in with_liar(Lie::Refusal(errno)) {
            let result = shadow.add(far.as_fd(), Token(7), READABLE, Trigger::Level);
            assert_eq!(result.expect_err("one of them refuses").raw_os_error(), Some(errno));
        }
    }
    for errno in [libc::EINVAL, libc::EPIPE, libc::EBADF] {
        for (order, mut shadow) in with_liar(Lie::Refusal(errno)).into_iter().enumerate() {
            let found = disagreement(shadow.add(far.as_fd(), Token(7), READABLE, Trigger::Level));
            assert!(matches!(said(order, &found), Answer::Failed(..)), "{found}");
            assert_eq!(found.answers[order], Answer::Done, "{found}");
        }
    }
}

#[test]
fn a_trigger_that_is_refused_in_the_wrong_way_is_found() {
    for (lie, kind) in [(Lie::WrongKind, Some(ErrorKind::InvalidInput)), (Lie::Success, None)] {
        for (order, mut shadow) in with_liar(lie).into_iter().enumerate() {
            let (_near, far) = pair();
            let found = disagreement(shadow.add(far.as_fd(), Token(7), READABLE, Trigger::Edge));
            assert_eq!((found.operation, found.trigger), (Operation::Add, Trigger::Edge));
            match said(order, &found) {
                Answer::Done => assert_eq!(kind, None, "{found}"),
                Answer::Failed(said, _) => assert_eq!(Some(*said), kind, "{found}"),
                other => panic!("{other:?} is no answer to a call"),
            }
        }
    }
    for mut shadow in with_liar(Lie::Nothing) {
        let (_near, far) = pair();
        let refusal = shadow.add(far.as_fd(), Token(7), READABLE, Trigger::Edge).expect_err("both lack it");
        assert_eq!(refusal.kind(), ErrorKind::Unsupported);
        shadow.add(far.as_fd(), Token(7), READABLE, Trigger::Level).expect("nothing was registered");
        let refusal =
            shadow.modify(far.as_fd(), Token(7), READABLE, Trigger::Edge).expect_err("both lack it");
        assert_eq!(refusal.kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn a_wait_that_fails_for_one_alone_is_found() {
    for (order, mut shadow) in with_liar(Lie::NoWait(libc::EBADF)).into_iter().enumerate() {
        let found = disagreement(shadow.wait(&mut Events::with_capacity(1), None));
        assert_eq!((found.operation, found.descriptor), (Operation::Wait, None));
        assert!(matches!(said(order, &found), Answer::Failed(..)), "{found}");
        assert_eq!(found.answers[order], Answer::Done, "{found}");
        assert!(found.to_string().starts_with("two pollers disagree on wait: the first, "), "{found}");
    }
    // The kernel may have no room for one of them, and where neither can wait they agree.
    for mut shadow in with_liar(Lie::NoWait(libc::ENOMEM)) {
        let error = shadow.wait(&mut Events::with_capacity(1), None).expect_err("no room");
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    }
    let liar = || Liar::new(Backend::Poll, Lie::NoWait(libc::EINVAL));
    let error =
        Shadow::new(liar(), liar()).wait(&mut Events::with_capacity(1), None).expect_err("neither can");
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}

/// What did not fit is asked for again at the next wait, and if there is no room for that, at the one after it.
#[test]
fn a_one_shot_that_did_not_fit_is_not_lost_for_want_of_room() {
    for mut shadow in with_liar(Lie::NoRoomOnce) {
        let pairs = [pair(), pair()];
        for (token, (near, far)) in pairs.iter().enumerate() {
            let mut near = near;
            near.write_all(b"x").expect("write a byte");
            shadow.add(far.as_fd(), Token(token as u64), READABLE, Trigger::OneShot).expect("add");
        }
        let mut events = Events::with_capacity(1);
        shadow.wait(&mut events, None).expect("wait");
        let first = events.get(0).expect("one fits").token;
        let error = shadow.wait(&mut events, None).expect_err("no room");
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
        shadow.wait(&mut events, None).expect("wait");
        assert_ne!(events.get(0).expect("the other one").token, first);
    }
}

/// One of them sees what is over before the other looks. Both are then in one state, and agree on what comes next.
#[test]
fn what_is_over_between_the_two_looks_is_no_disagreement() {
    let best = Backend::default();
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        // The second one comes too late, or the first one too early.
        for (before, after) in [(Deed::Drain, Deed::Nothing), (Deed::Write, Deed::Drain)] {
            let (near, mut far) = pair();
            while far.write(&[0; 4096]).is_ok() {}
            let mut second = Liar::new(best, Lie::Nothing);
            let (mut writer, clone) = (near.try_clone().expect("clone"), far.try_clone().expect("clone"));
            if before == Deed::Drain {
                writer.write_all(b"x").expect("write a byte");
            }
            second.meddler = Some(Meddler { near, far: clone, before, after });
            let mut shadow = Shadow::new(opened(best), second);
            if !shadow.supports(trigger) {
                continue;
            }
            let mut events = Events::with_capacity(4);
            let both = READABLE | Interest::WRITABLE;
            shadow.add(far.as_fd(), Token(1), both, trigger).expect("add");
            shadow.wait(&mut events, Some(Duration::ZERO)).expect("they differ in what is over");
            let is_spent = trigger == Trigger::OneShot && !events.is_empty();
            writer.write_all(b"x").expect("write a byte");
            while writer.read(&mut [0; 4096]).is_ok() {} // now it is writable as well
            shadow.wait(&mut events, Some(Duration::ZERO)).expect("they agree on what came then");
            assert_eq!(events.is_empty(), is_spent, "{trigger:?} {before:?}: {events:?}");
            shadow.modify(far.as_fd(), Token(2), both, trigger).expect("modify");
            shadow.wait(&mut events, Some(Duration::ZERO)).expect("they agree after a change");
            assert_eq!(events.get(0).map(|event| event.token), Some(Token(2)), "{trigger:?} {before:?}");
            // On level both are simply asked again.
            let passing_count = u64::from(trigger == Trigger::Level);
            assert_eq!(shadow.passing_count(), passing_count, "{trigger:?} {before:?}");
        }
    }
}

#[test]
fn a_disagreement_says_what_each_of_the_two_said_of_what() {
    let [mut shadow, _] = with_liar(Lie::Success);
    let (_near, far) = pair();
    let found = disagreement(shadow.delete(far.as_fd()));
    let number = far.as_raw_fd();
    assert_eq!(
        found.to_string(),
        format!(
            "two pollers disagree on delete of descriptor {number} (Token(0), NONE, Level): the first, select, says NotFound \
             (descriptor {number} is not registered); the second, poll, says success"
        )
    );
}

/// A device is `Unsupported` to epoll and always ready to poll: refused, without an alarm, and registered with neither.
#[test]
fn what_one_of_them_cannot_poll_is_refused_as_by_that_one() {
    let device = std::fs::File::open("/dev/null").expect("open /dev/null");
    for mut shadow in pairs() {
        match shadow.add(device.as_fd(), Token(1), READABLE, Trigger::Level) {
            Ok(()) => {
                shadow.wait(&mut Events::with_capacity(1), Some(Duration::ZERO)).expect("wait");
                shadow.delete(device.as_fd()).expect("delete");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}; {shadow:?}"),
        }
        let gone = shadow.delete(device.as_fd()).expect_err("it is not registered");
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    }
}

/// Another thread writes, drains and fills at both ends, all the time; nobody lies, and nobody is said to.
#[test]
fn traffic_of_another_thread_raises_no_false_alarm() {
    for mut shadow in pairs().into_iter().chain([Shadow::new(
        Box::new(Liar::new(Backend::Poll, Lie::Nothing)) as Boxed,
        opened(Backend::default()),
    )]) {
        let (near, far): (Vec<_>, Vec<_>) = (0..12).map(|_| pair()).unzip();
        let triggers: Vec<Trigger> = [Trigger::Level, Trigger::OneShot, Trigger::Edge]
            .into_iter()
            .filter(|trigger| shadow.supports(*trigger))
            .collect();
        for (index, end) in near.iter().enumerate() {
            let trigger = triggers[index % triggers.len()];
            shadow
                .add(end.as_fd(), Token(index as u64), READABLE | Interest::WRITABLE, trigger)
                .expect("add");
        }
        let ends: Vec<UnixStream> =
            near.iter().chain(&far).map(|end| end.try_clone().expect("clone")).collect();
        let (is_over, mut event_count) = (AtomicBool::new(false), 0);
        std::thread::scope(|scope| {
            let _over = OnDrop(&is_over); // also when this thread panics
            scope.spawn(|| stir(&ends, &is_over));
            let mut events = Events::with_capacity(5);
            for round in 0..2000 {
                let result = shadow.wait(&mut events, Some(Duration::from_millis(1)));
                result.unwrap_or_else(|error| panic!("in round {round}: {error}"));
                event_count += events.len();
                for event in &events {
                    let index = event.token.0 as usize;
                    let mut end = &near[index];
                    if event.ready.is_readable() {
                        let _ = end.read(&mut [0; 4096]);
                    }
                    if event.ready.is_writable() && round % 3 == 0 {
                        let _ = end.write(&[0; 4096]);
                    }
                    let trigger = triggers[index % triggers.len()];
                    shadow
                        .modify(end.as_fd(), event.token, READABLE | Interest::WRITABLE, trigger)
                        .expect("modify");
                }
            }
        });
        assert!(event_count >= 2000, "{event_count} events: too little to differ in; {shadow:?}");
    }
}

/// Tells the other thread that it is over.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn stir(ends: &[UnixStream], is_over: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(1);
    while !is_over.load(Ordering::Relaxed) {
        let mut end = &ends[random.usize(..ends.len())];
        match random.u8(..4) {
            0 | 1 => drop(end.write(&[0; 100])),
            2 => drop(end.read(&mut [0; 65536])),
            _ => while end.write(&[0; 4096]).is_ok() {},
        }
    }
}
