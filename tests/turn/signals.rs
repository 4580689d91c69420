//! Signals as sources, and several loops that catch the same.
//!
//! They are the whole process's, so each test has one of its own.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal::{SIGCHLD, SIGUSR1, SIGUSR2};
use nix::sys::signal::{kill, raise};
use nix::unistd::getpid;
use ringmq::{Context, Id, Signal, Signals};

use crate::support::{
    catching, counting, descriptor_count, handled_count, in_child, pair, set, told, turn_until, Case, Probe,
    Told,
};

const ZERO: Option<Duration> = Some(Duration::ZERO);

pub fn a_signal_is_told_in_the_turn_after_it_has_come(case: Case) {
    in_child(case, || {
        let (mut reactor, _) = catching(case, [Signal::USR1]);
        let mut told = Told::new();
        raise(SIGUSR1).unwrap();
        assert_eq!(told, [], "what runs when it comes tells nobody yet");
        reactor.turn(&mut told, ZERO).unwrap();
        assert_eq!(told, []);
        reactor.turn(&mut told, ZERO).unwrap();
        assert_eq!(told, [Signal::USR1]);
        raise(SIGUSR1).unwrap();
        assert_eq!(crate::support::told(&mut reactor), [Signal::USR1], "and again");
    });
}

pub fn a_signal_ends_a_wait_and_is_told(case: Case) {
    in_child(case, || {
        let (mut reactor, spy) = case.spied();
        let signals = Signals::new([Signal::USR1]).unwrap();
        let note = |told: &mut Told, context: &mut Context<'_, Told>, signal| {
            told.push(signal);
            context.stop();
        };
        reactor.context().catch_signals(signals, note).unwrap();
        // By a thread that sends it when the loop is about to sleep, to whichever thread the kernel likes.
        let mut is_sent = false;
        spy.before_wait(move || {
            if !std::mem::replace(&mut is_sent, true) {
                thread::spawn(|| kill(getpid(), SIGUSR1).unwrap());
            }
        });
        let mut told = Told::new();
        reactor.run(&mut told).unwrap();
        assert_eq!(told, [Signal::USR1]);
    });
}

pub fn a_signal_that_another_thread_gets_is_told_on_the_loops(case: Case) {
    in_child(case, || {
        let mut reactor = case.reactor();
        let signals = Signals::new([Signal::USR1]).unwrap();
        let loops = thread::current().id();
        let note = move |told: &mut Told, context: &mut Context<'_, Told>, signal| {
            assert_eq!(thread::current().id(), loops);
            told.push(signal);
            context.stop();
        };
        reactor.context().catch_signals(signals, note).unwrap();
        let other = thread::spawn(|| raise(SIGUSR1).unwrap());
        let mut told = Told::new();
        reactor.run(&mut told).unwrap();
        assert_eq!(told, [Signal::USR1]);
        other.join().unwrap();
    });
}

pub fn a_signal_and_a_ready_source_both_have_their_callbacks_in_one_turn(case: Case) {
    in_child(case, || {
        let (mut reactor, _) = catching(case, [Signal::USR1]);
        let (mut near, far) = pair();
        let note = |told: &mut Told, _: &mut Context<'_, Told>, _| told.push(Signal::CONT);
        reactor.context().add(Probe::draining(far), note).unwrap();
        near.write_all(b"x").unwrap();
        raise(SIGUSR1).unwrap();
        let mut told = told(&mut reactor);
        told.sort_unstable();
        let mut both = [Signal::CONT, Signal::USR1];
        both.sort_unstable();
        assert_eq!(told, both);
    });
}

pub fn a_burst_of_one_signal_is_told_once(case: Case) {
    in_child(case, || {
        let (mut reactor, _) = catching(case, [Signal::CHLD]);
        for _ in 0..10_000 {
            raise(SIGCHLD).unwrap();
        }
        assert_eq!(told(&mut reactor), [Signal::CHLD]);
        assert_eq!(told(&mut reactor), []);
    });
}

pub fn signals_that_come_together_are_all_told(case: Case) {
    in_child(case, || {
        let all = [Signal::HUP, Signal::USR1, Signal::USR2, Signal::TERM, Signal::WINCH];
        let (mut reactor, _) = catching(case, all);
        for signal in all.iter().rev().chain(&all) {
            raise(nix::sys::signal::Signal::try_from(signal.as_raw()).unwrap()).unwrap();
        }
        let mut in_order = all;
        in_order.sort_unstable();
        assert_eq!(told(&mut reactor), in_order);
    });
}

pub fn every_loop_that_catches_a_signal_is_told_of_it(case: Case) {
    in_child(case, || {
        let (mut first, _) = catching(case, [Signal::USR1, Signal::USR2]);
        let (mut second, _) = catching(case, [Signal::USR1]);
        let mut third = Signals::new([Signal::USR1]).unwrap();
        raise(SIGUSR1).unwrap();
        raise(SIGUSR2).unwrap();
        let mut in_order = [Signal::USR1, Signal::USR2];
        in_order.sort_unstable();
        assert_eq!(told(&mut first), in_order);
        assert_eq!(told(&mut second), [Signal::USR1]);
        assert!(third.drain());
        assert_eq!((third.take(), third.take()), (Some(Signal::USR1), None));

        drop(first);
        raise(SIGUSR1).unwrap();
        assert_eq!(told(&mut second), [Signal::USR1], "those that are left are told as before");
        assert!(third.drain());
        // Who comes in the place of one that has left is told of nothing that only that one wanted.
        let (mut fourth, _) = catching(case, [Signal::USR2]);
        raise(SIGUSR1).unwrap();
        assert_eq!(told(&mut fourth), []);
        raise(SIGUSR2).unwrap();
        assert_eq!(told(&mut fourth), [Signal::USR2]);
    });
}

pub fn a_signal_that_has_come_is_not_told_once_its_source_is_removed(case: Case) {
    in_child(case, || {
        let (mut reactor, id) = catching(case, [Signal::USR1]);
        let before = descriptor_count();
        raise(SIGUSR1).unwrap();
        reactor.turn(&mut Told::new(), ZERO).unwrap(); // its callback is queued
        raise(SIGUSR1).unwrap(); // and another one has come, which nobody has looked at
        drop(reactor.context().remove(id).unwrap());
        assert_eq!(told(&mut reactor), []);
        assert!(descriptor_count() < before);
        // A new one has nothing of the old one's.
        let (mut reactor, _) = catching(case, [Signal::USR1, Signal::USR2]);
        assert_eq!(told(&mut reactor), []);
        raise(SIGUSR2).unwrap();
        assert_eq!(told(&mut reactor), [Signal::USR2]);
    });
}

pub fn a_callback_may_remove_its_own_signals_while_more_have_come(case: Case) {
    in_child(case, || {
        let kept = Signals::new([Signal::USR1, Signal::USR2]).unwrap();
        let mut reactor = case.reactor();
        let signals = Signals::new([Signal::USR1, Signal::USR2]).unwrap();
        let id: Rc<Cell<Option<Id<Signals>>>> = Rc::default();
        let own = Rc::clone(&id);
        let remove = move |told: &mut Told, context: &mut Context<'_, Told>, signal| {
            told.push(signal);
            drop(context.remove(own.get().unwrap()).unwrap());
        };
        id.set(Some(reactor.context().catch_signals(signals, remove).unwrap()));
        raise(SIGUSR1).unwrap();
        raise(SIGUSR2).unwrap();
        assert_eq!(told(&mut reactor).len(), 1);
        raise(SIGUSR1).unwrap();
        assert_eq!(told(&mut reactor), []);
        drop(kept);
    });
}

pub fn an_error_of_the_callback_is_told_and_the_signals_are_let_go(case: Case) {
    in_child(case, || {
        set(SIGUSR1, counting());
        let mut reactor = case.reactor();
        let mut context = reactor.context();
        context.on_failure(|log: &mut Vec<String>, _, failure| log.push(failure.to_string()));
        let signals = Signals::new([Signal::USR1, Signal::USR2]).unwrap();
        let fail = |_: &mut Vec<String>, _: &mut Context<'_, _>, signal: Signal| -> Result<(), String> {
            Err(format!("no use for {signal}"))
        };
        context.catch_signals(signals, fail).unwrap();
        raise(SIGUSR1).unwrap();
        let mut log = Vec::new();
        turn_until(&mut reactor, &mut log, |log| !log.is_empty());
        assert!(log[0].ends_with("failed: no use for SIGUSR1"), "{log:?}");
        raise(SIGUSR1).unwrap();
        assert_eq!((handled_count(), log.len()), (1, 1));
    });
}

pub fn signals_come_and_go_while_they_are_sent(case: Case) {
    in_child(case, || {
        let (mut reactor, _) = catching(case, [Signal::USR1]);
        let is_over = Arc::new(AtomicBool::new(false));
        let senders = [(); 2].map(|()| {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    raise(SIGUSR1).unwrap();
                }
            })
        });
        let mut sum = 0;
        for round in 0..300 {
            let (mut first, _) = catching(case, [Signal::USR1]);
            let mut second = Signals::new([Signal::USR1, Signal::USR2]).unwrap();
            sum += usize::from(second.drain()) + told(&mut first).len();
            if round % 2 == 0 {
                drop(first);
                sum += usize::from(second.drain());
            }
        }
        // Each of the last is told of some that come from here on.
        let (mut last, _) = catching(case, [Signal::USR1]);
        let mut told = Told::new();
        turn_until(&mut last, &mut told, |told| told.len() >= 10);
        turn_until(&mut reactor, &mut told, |told| told.len() >= 20);
        is_over.store(true, Ordering::SeqCst);
        for sender in senders {
            sender.join().unwrap();
        }
        assert!(sum <= 300 * 3, "no more was told than was looked for");
    });
}

pub fn signals_that_are_dropped_leave_no_descriptor(case: Case) {
    in_child(case, || {
        let before = descriptor_count();
        for _ in 0..10 {
            let (mut reactor, id) = catching(case, [Signal::USR1]);
            let second = Signals::new([Signal::USR1]).unwrap();
            assert!(descriptor_count() >= before + 2);
            raise(SIGUSR1).unwrap();
            let first = reactor.context().remove(id).unwrap();
            drop((reactor, first, second));
            assert_eq!(descriptor_count(), before);
        }
    });
}
