//! The order of the four phases, and what waits for the next turn.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::platform::{Interest, Ready};
use ringmq::{Context, Fire, Id, Io, Reactor, Source};

use crate::support::{
    assert_io_has_its_turn_beside, pair, turn_until_idle, Case, Change, Journal, Probe, Spy, SOON,
};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const HOUR: Duration = Duration::from_secs(3600);

type Log = Vec<&'static str>;

pub fn one_turn_with_all_kinds_of_work_runs_them_in_the_order_of_the_phases(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let journal = Journal::default();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let mut context = reactor.context();
    context.add(Probe::noting(far, &journal), |_: &mut Journal, _, _| ()).unwrap();
    context.set_timeout(Duration::ZERO, |journal: &mut Journal, _| journal.note("timeout"));
    context.defer(|journal, _| journal.note("callback"));
    let at_wait = journal.clone();
    spy.before_wait(move || at_wait.note("poll"));

    reactor.turn(&mut journal.clone(), SOON).unwrap();
    assert_eq!(journal.take(), ["callback", "timeout", "poll", "respond"]);
}

pub fn what_is_fired_in_phase_1_runs_in_the_next_turn(case: Case) {
    let mut reactor = case.reactor();
    let (_near, far) = pair();
    let mut context = reactor.context();
    let probe = context.add(Probe::new(far), |log: &mut Log, _, _| log.push("fired")).unwrap();
    context.defer(move |log, context| {
        log.push("task");
        assert!(context.fire(probe));
    });

    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(log, ["task"]);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["task", "fired"]);
}

pub fn what_is_deferred_in_phase_2_runs_in_the_next_turn(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    reactor.context().set_timeout(Duration::ZERO, |log: &mut Log, context: &mut Context<'_, Log>| {
        log.push("timeout");
        context.defer(|log, _| log.push("task"));
    });

    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(log, ["timeout"]);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["timeout", "task"]);
}

pub fn what_is_fired_in_phase_4_runs_in_the_next_turn_before_its_timers(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let mut context = reactor.context();
    context.add(Probe::draining(far), |log: &mut Log, _, _| log.push("callback")).unwrap();
    context.set_timeout(Duration::from_millis(1), |log, _| log.push("timeout"));

    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(log, [""; 0]);
    spy.advance(Duration::from_millis(1));
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["callback", "timeout"]);
}

pub fn several_fires_before_a_turn_are_one(case: Case) {
    let mut reactor = case.reactor();
    let (_near, far) = pair();
    let mut context = reactor.context();
    let probe = context.add(Probe::new(far), |count: &mut usize, _, _| *count += 1).unwrap();
    for _ in 0..3 {
        assert!(context.fire(probe));
    }

    let mut count = 0;
    reactor.turn(&mut count, ZERO).unwrap();
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!(count, 1);
}

pub fn a_callback_that_fires_itself_runs_once_a_turn(case: Case) {
    let mut reactor = case.reactor();
    let (_near, far) = pair();
    let mut context = reactor.context();
    let callback = |count: &mut usize, context: &mut Context<'_, usize>, id| {
        *count += 1;
        context.fire(id);
    };
    let probe = context.add(Probe::new(far), callback).unwrap();
    context.fire(probe);

    let mut count = 0;
    for turn in 1..=5 {
        reactor.turn(&mut count, SOON).unwrap();
        assert_eq!(count, turn);
    }
}

pub fn fires_and_tasks_run_in_the_order_in_which_they_were_asked_for(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let (_near, far) = pair();
    let probe = context.add(Probe::new(far), |log: &mut Log, _, _| log.push("2")).unwrap();
    context.defer(|log, _| log.push("1"));
    context.fire(probe);
    context.defer(|log, _| log.push("3"));
    context.defer(|log, _| log.push("4"));

    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["1", "2", "3", "4"]);
}

pub fn a_task_that_defers_itself_leaves_io_its_turn_every_time(case: Case) {
    fn again(count: &mut usize, context: &mut Context<'_, usize>) {
        *count += 1;
        context.defer(again);
    }
    assert_io_has_its_turn_beside(case, |context| context.defer(again));
}

pub fn a_wait_is_as_long_as_the_limit_when_nothing_is_to_be_done(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.turn(&mut (), Some(HOUR)).unwrap();
    assert_eq!(spy.take_waits(), [Some(HOUR)]);
}

pub fn a_wait_does_not_block_while_a_callback_is_queued(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().defer(|_: &mut (), context: &mut Context<'_, ()>| context.defer(|_, _| ()));
    for _ in 0..3 {
        reactor.turn(&mut (), Some(HOUR)).unwrap();
    }
    assert_eq!(spy.take_waits(), [ZERO, Some(HOUR), Some(HOUR)]);
}

pub fn a_wait_does_not_block_while_work_is_prepared(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (_near, far) = pair();
    let probe = Probe { is_prepared: true, fire: Fire::No, ..Probe::new(far) };
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), Some(HOUR)).unwrap();
    assert_eq!(spy.take_waits(), [], "the first time nobody is asked at all");

    reactor.context().get_mut(id).unwrap().is_prepared = true;
    reactor.turn(&mut (), Some(HOUR)).unwrap();
    assert_eq!(spy.take_waits(), [ZERO]);
}

pub fn a_source_that_settles_with_prepared_work_responds_in_the_same_turn(case: Case) {
    let mut reactor = case.reactor();
    let (_near, far) = pair();
    let probe = Probe { fire: Fire::No, ..Probe::new(far) };
    let notes = probe.notes();
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(notes.take_responses(), []);

    reactor.context().defer(move |_, context| context.get_mut(id).unwrap().is_prepared = true);
    reactor.turn(&mut (), SOON).unwrap();
    assert_eq!(notes.take_responses(), [Ready::NONE]);
}

/// Has as many pieces of work as it is told, does one when it responds, and says that the next is prepared once.
struct Pieces {
    socket: UnixStream,
    left: usize,
    is_prepared: bool,
}

impl Source for Pieces {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::NONE
    }

    fn settle(&mut self) -> bool {
        std::mem::take(&mut self.is_prepared)
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        self.left -= 1;
        self.is_prepared = self.left > 0;
        Fire::No
    }
}

pub fn a_source_that_prepares_more_as_it_responds_does_it_in_the_next_turn(case: Case) {
    let mut reactor = case.reactor();
    let (_near, socket) = pair();
    let pieces = Pieces { socket, left: 3, is_prepared: true };
    let id = reactor.context().add(pieces, |_: &mut (), _, _| ()).unwrap();
    for left in [2, 1, 0, 0] {
        reactor.turn(&mut (), ZERO).unwrap();
        assert_eq!(reactor.context().get(id).unwrap().left, left);
    }
}

pub fn a_source_is_not_asked_again_when_a_response_has_changed_nothing(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let probe = Probe { fire: Fire::No, ..Probe::draining(far) };
    let notes = probe.notes();
    reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    for asked in 2..5 {
        near.write_all(b"x").unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        reactor.turn(&mut (), ZERO).unwrap();
        let counts = (notes.response_count(), notes.settle_count.get(), notes.interest_count.get());
        assert_eq!(
            counts,
            (asked - 1, asked, asked + 1),
            "it is asked for its interest when it is added, too"
        );
    }
    assert_eq!(spy.take_changes().len(), 1);
}

pub fn a_source_at_rest_does_not_settle(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let probe = Probe { fire: Fire::AtRest, ..Probe::draining(far) };
    let notes = probe.notes();
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    for asked in 1..4 {
        near.write_all(b"x").unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        reactor.turn(&mut (), ZERO).unwrap();
        assert_eq!((notes.response_count(), notes.settle_count.get()), (asked, 1));
    }
    // It settles as ever once it is touched, and what it prepares is not lost.
    reactor.context().get_mut(id).unwrap().is_prepared = true;
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!((notes.response_count(), notes.settle_count.get()), (4, 2));
    assert_eq!(spy.take_changes().len(), 1);
}

pub fn a_source_whose_callback_has_run_settles(case: Case) {
    let mut reactor = case.reactor();
    let (_near, far) = pair();
    let probe = Probe::new(far);
    let notes = probe.notes();
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    for count in 1..4 {
        reactor.turn(&mut (), ZERO).unwrap();
        assert_eq!(notes.settle_count.get(), count);
        assert!(reactor.context().fire(id));
    }
}

/// Fires for what it reads, and not when it responds as prepared; then it may come to rest.
struct Answering {
    probe: Probe,
    rests: bool,
}

impl Source for Answering {
    fn fd(&self) -> BorrowedFd<'_> {
        self.probe.fd()
    }

    fn interest(&self) -> Interest {
        self.probe.interest()
    }

    fn settle(&mut self) -> bool {
        self.probe.settle()
    }

    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        self.probe.drains = ready.is_readable();
        self.probe.respond(ready, io);
        match self.probe.drains {
            true => Fire::Yes,
            false if self.rests => Fire::AtRest,
            false => Fire::No,
        }
    }
}

/// `run` keeps in hand, from a turn to the next, what a turn by itself has to write down.
pub fn run_does_what_turns_do(case: Case) {
    type Drive = fn(&mut Reactor<Log>, &mut Log);
    let run: Drive = |reactor, log| reactor.run(log).unwrap();
    let turn: Drive = |reactor, log| {
        while !reactor.take_stop() {
            reactor.turn(log, None).unwrap();
        }
    };
    let [by_run, by_turns] = [run, turn].map(|drive| {
        let mut reactor = case.reactor();
        let (mut near, far) = pair();
        let (_other_near, other_far) = pair();
        let other = Probe { fire: Fire::No, ..Probe::new(other_far) };
        let own = Answering { probe: Probe::draining(far), rests: false };
        let (notes, other_notes) = (own.probe.notes(), other.notes());
        near.write_all(b"x").unwrap();
        let mut context = reactor.context();
        let other = context.add(other, |_: &mut Log, _, _| ()).unwrap();
        let callback = move |log: &mut Log, context: &mut Context<'_, Log>, id: Id<Answering>| {
            log.push("callback");
            let count = log.len();
            let own = context.get_mut(id).unwrap();
            own.rests = count % 3 == 0;
            own.probe.is_prepared = count % 2 == 0;
            // Whatever may be left to do beside the source itself, each now and then.
            match count % 11 {
                3 => context.defer(|log, _| log.push("task")),
                5 => context.get_mut(other).unwrap().is_prepared = true,
                7 => assert!(context.fire(other)),
                9 => drop(context.set_timeout(Duration::ZERO, |log: &mut Log, _| log.push("timer"))),
                _ => {}
            }
            if count > 60 {
                context.stop();
            }
            near.write_all(b"x").unwrap(); // the next event
        };
        context.add(own, callback).unwrap();
        let mut log = Log::new();
        drive(&mut reactor, &mut log);
        (log, reactor.stats(), notes.take_responses(), notes.settle_count.get(), other_notes.take_responses())
    });
    assert_eq!(by_run, by_turns);
}

pub fn a_source_that_is_ready_and_prepared_responds_once(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe { fire: Fire::No, is_prepared: true, ..Probe::new(far) };
    let notes = probe.notes();
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), SOON).unwrap();
    reactor.context().get_mut(id).unwrap().is_prepared = true;
    reactor.turn(&mut (), SOON).unwrap();
    assert_eq!(spy.take_waits(), [ZERO], "the second turn asks the kernel");
    assert_eq!(notes.take_responses(), [Ready::NONE, Ready::READABLE]);
}

pub fn prepared_work_skips_the_wait_at_most_once_in_a_row(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_near, far) = pair();
    let (mut other_near, other_far) = pair();
    other_near.write_all(b"x").unwrap();
    let probe = Probe { is_prepared: true, ..Probe::new(far) };
    let ready = Probe::new(other_far);
    let notes = ready.notes();
    let mut context = reactor.context();
    let again = |_: &mut (), context: &mut Context<'_, ()>, id| {
        let probe: &mut Probe = context.get_mut(id).unwrap();
        probe.is_prepared = true;
    };
    context.add(probe, again).unwrap();
    context.add(ready, |_, _, _| ()).unwrap();
    for _ in 0..100 {
        reactor.turn(&mut (), SOON).unwrap();
    }
    assert_eq!(spy.take_waits(), [ZERO; 50]);
    assert_eq!(notes.response_count(), 50);
}

pub fn interest_is_asked_once_a_turn_and_only_changes_are_told(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_near, far) = pair();
    let probe = Probe { fire: Fire::No, ..Probe::new(far) };
    let (fd, notes) = (probe.raw_fd(), probe.notes());
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(spy.take_changes(), [Change::Add(fd, Interest::READABLE)]);

    notes.interest_count.set(0);
    reactor.context().defer(move |_, context| {
        for interest in [Interest::NONE, Interest::WRITABLE, Interest::READABLE] {
            context.get_mut(id).unwrap().interest = interest;
        }
    });
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!((notes.interest_count.get(), spy.take_changes()), (1, vec![]));

    reactor.context().get_mut(id).unwrap().interest = Interest::NONE;
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(spy.take_changes(), [Change::Modify(fd, Interest::NONE)]);
}

pub fn looking_at_a_source_does_not_touch_it(case: Case) {
    let mut reactor = case.reactor();
    let (_near, far) = pair();
    let probe = Probe::new(far);
    let notes = probe.notes();
    let id = reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(notes.settle_count.get(), 1);
    assert!(reactor.context().get(id).is_some());
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(notes.settle_count.get(), 1);
}

pub fn an_error_of_the_wait_is_told_and_loses_nothing(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let mut context = reactor.context();
    context.add(Probe::draining(far), |log: &mut Log, _, _| log.push("input")).unwrap();
    context.defer(|_, context| context.defer(|log, _| log.push("task")));
    spy.fail_next_wait(io::ErrorKind::OutOfMemory);

    let mut log = Log::new();
    let error = reactor.turn(&mut log, SOON).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, ["task", "input"]);
}

/// By the lists, straight, and straight with a timer pending: each way has a wait of its own.
pub fn a_wait_that_fails_is_counted_and_is_no_wake_up(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    let probe = Probe { fire: Fire::AtRest, ..Probe::draining(far) };
    reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap();
    spy.fail_next_wait(io::ErrorKind::OutOfMemory);
    reactor.turn(&mut (), SOON).unwrap_err();
    assert_eq!((reactor.stats().waits, reactor.stats().wake_ups), (1, 0));

    for _ in 0..2 {
        spy.forget();
        let before = reactor.stats();
        near.write_all(b"x").unwrap();
        spy.fail_second_wait(io::ErrorKind::OutOfMemory);
        reactor.run(&mut ()).unwrap_err();
        let (waits, after) = (spy.take_waits(), reactor.stats());
        assert!(waits.len() == 2 && !waits.contains(&ZERO), "{waits:?}");
        assert_eq!((after.waits - before.waits, after.wake_ups - before.wake_ups), (2, 1));
        reactor.context().set_timeout(Duration::from_secs(3600), |_, _| ());
    }
}

pub fn a_wait_that_may_not_sleep_is_no_wake_up(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    for (limit, counted) in [(ZERO, (1, 0)), (SOON, (2, 1)), (ZERO, (3, 1))] {
        reactor.turn(&mut (), limit).unwrap();
        assert_eq!((reactor.stats().waits, reactor.stats().wake_ups), counted);
    }
}

/// Two sources change; the kernel refuses the first change once. Both are told in the next turn.
pub fn an_error_of_a_change_is_told_and_the_next_turn_goes_on_there(case: Case) {
    let (mut reactor, spy) = case.spied();
    let ids = [pair(), pair()].map(|(_, far)| {
        let probe = Probe::new(far);
        let fd = probe.raw_fd();
        (reactor.context().add(probe, |_: &mut (), _, _| ()).unwrap(), fd)
    });
    let mut context = reactor.context();
    ids.iter().for_each(|(id, _)| context.get_mut(*id).unwrap().interest = Interest::NONE);
    spy.forget();
    spy.fail_next_modify(io::ErrorKind::OutOfMemory);

    assert!(reactor.turn(&mut (), ZERO).is_err());
    spy.forget();
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(spy.take_changes(), ids.map(|(_, fd)| Change::Modify(fd, Interest::NONE)));
}

pub fn a_loop_without_timers_reads_no_clock(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let mut context = reactor.context();
    context.add(Probe::new(far), |_: &mut (), _, _| ()).unwrap();
    context.defer(|_, _| ());
    for _ in 0..10 {
        reactor.turn(&mut (), SOON).unwrap();
    }
    assert_eq!(spy.take_clock_reads(), 0);
}

pub fn the_time_of_a_turn_is_read_once_and_forgotten_at_the_wait(case: Case) {
    let (mut reactor, spy) = case.clocked::<()>();
    let step = Duration::from_secs(1);
    let mut context = reactor.context();
    let before = context.now();
    spy.advance(step);
    assert_eq!(context.now(), before, "the same until the loop waits");
    assert_eq!(spy.take_clock_reads(), 1);
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(reactor.context().now(), before + step);
}

pub fn a_busy_turn_with_a_timer_pending_reads_the_clock_once(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    context.set_timeout(HOUR, |_: &mut (), _: &mut Context<'_, ()>| ());
    context.defer(|_, context| context.defer(|_, _| ()));
    spy.forget();
    reactor.turn(&mut (), SOON).unwrap();
    assert_eq!((spy.take_clock_reads(), spy.take_waits()), (1, vec![ZERO]));
}

/// What a source without work costs the kernel at steady state: one wait for each turn, and no change of interest.
pub fn a_source_that_is_served_over_and_over_changes_nothing_at_the_kernel(case: Case) {
    let (mut reactor, spy): (_, Spy) = case.spied();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    reactor
        .context()
        .add(Probe::new(far), |_: &mut (), context, id| assert!(context.get_mut(id).is_some()))
        .unwrap();
    reactor.turn(&mut (), SOON).unwrap();
    spy.forget();
    for _ in 0..100 {
        reactor.turn(&mut (), SOON).unwrap();
    }
    assert_eq!((spy.take_waits().len(), spy.take_changes()), (100, vec![]));
}

/// A turn in which one source was fired and nothing else is to be done goes by itself; this is what it must not leave out.
pub fn what_the_only_callback_of_a_turn_leaves_to_do_is_done_in_that_turn(case: Case) {
    type Leave = fn(&mut Context<'_, Log>, Id<Probe>, Id<Probe>);
    let nothing: Leave = |_, _, _| ();
    let its_own: Leave = prepare_own;
    let both: Leave = |context, own, other| {
        prepare_own(context, own, other);
        prepare_own(context, other, own);
    };
    let a_task: Leave = |context, own, other| {
        context.defer(|log, _| log.push("task"));
        prepare_own(context, own, other);
    };
    let silence: Leave = |context, own, _| context.get_mut(own).unwrap().interest = Interest::NONE;
    for (leave, own_count, other_count, change_count, wait_count, log_len) in [
        (nothing, 0, 0, 0, 1, 1),
        (its_own, 1, 0, 0, 0, 1),
        (both, 1, 1, 0, 0, 1),
        (a_task, 1, 0, 0, 0, 2),
        (silence, 0, 0, 1, 1, 1),
    ] {
        let (mut reactor, spy) = case.spied();
        let (mut near, far) = pair();
        let (_other_near, other_far) = pair();
        let (own, other) = (Probe::draining(far), Probe { fire: Fire::No, ..Probe::new(other_far) });
        let (notes, other_notes) = (own.notes(), other.notes());
        let mut context = reactor.context();
        let other = context.add(other, |_: &mut Log, _, _| ()).unwrap();
        let callback = move |log: &mut Log, context: &mut Context<'_, Log>, id: Id<Probe>| {
            log.push("callback");
            context.get_mut(id).unwrap().fire = Fire::No;
            leave(context, id, other);
        };
        context.add(own, callback).unwrap();
        let mut log = Log::new();
        reactor.turn(&mut log, ZERO).unwrap();
        near.write_all(b"x").unwrap();
        reactor.turn(&mut log, SOON).unwrap();
        assert_eq!((notes.take_responses(), log.len()), (vec![Ready::READABLE], 0));
        spy.take_waits();
        spy.take_changes();
        reactor.turn(&mut log, ZERO).unwrap();
        assert_eq!(log, ["callback"]);
        assert_eq!(notes.take_responses(), vec![Ready::NONE; own_count]);
        assert_eq!(other_notes.take_responses(), vec![Ready::NONE; other_count]);
        assert_eq!((spy.take_changes().len(), spy.take_waits().len()), (change_count, wait_count));
        reactor.turn(&mut log, ZERO).unwrap();
        assert_eq!(spy.take_waits().len(), 1, "the wait is passed over once at the most");
        assert_eq!((notes.response_count(), log.len()), (0, log_len));
    }
}

fn prepare_own(context: &mut Context<'_, Log>, own: Id<Probe>, _other: Id<Probe>) {
    context.get_mut(own).unwrap().is_prepared = true;
}
