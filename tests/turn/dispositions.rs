//! What signals are set to: before they are caught and after, in a fork's child, and SIGPIPE.
//!
//! They are the whole process's, so each test has one of its own.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::Signal::{SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use nix::sys::signal::{raise, SigHandler};
use ringmq::platform::signal::ignore_sigpipe;
use ringmq::{Signal, Signals, State, Stream};

use crate::support::{
    catching, counting, descriptor_count, forked, handled_count, in_child, pair, set, tcp_pair, told,
    turn_until_idle, Case,
};

pub fn what_a_signal_was_set_to_is_restored_after_the_last_of_its_listeners(case: Case) {
    in_child(case, || {
        assert_eq!(set(SIGUSR1, counting()), SigHandler::SigDfl);
        let (mut first, id) = catching(case, [Signal::USR1, Signal::USR2]);
        let (second, _) = catching(case, [Signal::USR1]);
        drop(second);
        raise(SIGUSR1).unwrap();
        assert_eq!(told(&mut first), [Signal::USR1]);
        assert_eq!(handled_count(), 0, "while it is caught it has no other effect");
        drop(first.context().remove(id).unwrap());
        raise(SIGUSR1).unwrap();
        assert_eq!(handled_count(), 1);
        assert_eq!(set(SIGUSR2, SigHandler::SigIgn), SigHandler::SigDfl);
        // And once more, from the place that was left.
        let (mut third, _) = catching(case, [Signal::USR1]);
        raise(SIGUSR1).unwrap();
        assert_eq!((told(&mut third), handled_count()), (vec![Signal::USR1], 1));
        drop(third);
        assert_eq!(set(SIGUSR1, SigHandler::SigDfl), counting());
    });
}

pub fn what_somebody_has_set_meanwhile_is_left_alone(case: Case) {
    in_child(case, || {
        let (first, _) = catching(case, [Signal::USR1]);
        let ours = set(SIGUSR1, counting());
        drop(first);
        raise(SIGUSR1).unwrap();
        assert_eq!(handled_count(), 1);
        // Somebody who puts back what was there when he came does no harm, though nobody listens any more.
        set(SIGUSR1, ours);
        let (mut second, _) = catching(case, [Signal::USR1]);
        raise(SIGUSR1).unwrap();
        assert_eq!(told(&mut second), [Signal::USR1]);
        drop(second);
        assert_eq!(set(SIGUSR1, SigHandler::SigIgn), SigHandler::SigDfl);
        // Who comes while it is set otherwise has it caught again, for all.
        let (mut third, _) = catching(case, [Signal::USR1]);
        set(SIGUSR1, counting());
        let (mut fourth, _) = catching(case, [Signal::USR1]);
        raise(SIGUSR1).unwrap();
        assert_eq!((told(&mut third), told(&mut fourth)), (vec![Signal::USR1], vec![Signal::USR1]));
        drop((third, fourth));
        assert_eq!(set(SIGUSR1, SigHandler::SigDfl), counting());
    });
}

/// Somebody puts back our handler when nobody listens any more: a SIGTERM ends the process all the same, and a fork's child.
pub fn a_signal_that_nobody_listens_for_any_more_does_what_it_did_before(case: Case) {
    in_child(case, || {
        let (first, _) = catching(case, [Signal::TERM, Signal::WINCH]);
        let ours = [SIGTERM, SIGWINCH].map(|signal| (signal, set(signal, counting())));
        drop(first);
        for (signal, handler) in ours {
            set(signal, handler);
        }
        assert!(!forked(|| raise(SIGTERM).is_ok()), "found it deaf");
        raise(SIGWINCH).unwrap();
        assert_eq!(set(SIGWINCH, SigHandler::SigIgn), SigHandler::SigDfl);
        // Who listens again is told.
        let (mut second, _) = catching(case, [Signal::TERM]);
        raise(SIGTERM).unwrap();
        assert_eq!(told(&mut second), [Signal::TERM]);
    });
}

pub fn a_signal_refused_in_a_list_leaves_the_others_as_they_were(case: Case) {
    in_child(case, || {
        set(SIGUSR1, SigHandler::SigIgn);
        let before = descriptor_count();
        let refused = Signals::new([Signal::USR1, Signal::USR2, Signal::KILL]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(descriptor_count(), before);
        assert_eq!(set(SIGUSR1, SigHandler::SigDfl), SigHandler::SigIgn);
        assert_eq!(set(SIGUSR2, SigHandler::SigDfl), SigHandler::SigDfl);
    });
}

pub fn a_signal_that_comes_in_a_forked_child_is_told_to_nobody(case: Case) {
    in_child(case, || {
        let (mut reactor, _) = catching(case, [Signal::USR1]);
        let mut signals = Signals::new([Signal::USR1]).unwrap();
        assert!(forked(|| raise(SIGUSR1).is_ok()));
        assert_eq!(told(&mut reactor), []);
        let mut awaited = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut awaited, PollTimeout::ZERO), Ok(0), "the parent is not even woken");
        // Nor does the child take what is the parent's.
        raise(SIGUSR1).unwrap();
        assert!(forked(|| !signals.drain() && signals.take().is_none()));
        assert!(signals.drain());
        assert_eq!(told(&mut reactor), [Signal::USR1]);
    });
}

pub fn a_forked_child_that_drops_its_copy_leaves_the_parents_alone(case: Case) {
    in_child(case, || {
        let (reactor, _) = catching(case, [Signal::USR1]);
        let mut reactor = Some(reactor);
        assert!(forked(|| {
            drop(reactor.take());
            set(SIGUSR1, SigHandler::SigDfl) == SigHandler::SigDfl
        }));
        raise(SIGUSR1).unwrap();
        assert_eq!(told(reactor.as_mut().unwrap()), [Signal::USR1]);
    });
}

pub fn a_forked_child_may_catch_signals_of_its_own(case: Case) {
    in_child(case, || {
        let (mut reactor, _) = catching(case, [Signal::USR1]);
        assert!(forked(|| {
            let (mut own, _) = catching(case, [Signal::USR1, Signal::USR2]);
            raise(SIGUSR1).unwrap();
            raise(SIGUSR2).unwrap();
            told(&mut own).len() == 2
        }));
        assert_eq!(told(&mut reactor), []);
    });
}

pub fn a_forked_child_does_not_wait_for_a_thread_that_was_making_signals_at_the_fork(case: Case) {
    in_child(case, || {
        let (reactor, _) = catching(case, [Signal::USR1]);
        let mut reactor = Some(reactor);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    drop(Signals::new([Signal::USR1, Signal::USR2]).unwrap());
                }
            });
            let works = (0..30).all(|_| {
                forked(|| {
                    nix::unistd::alarm::set(60);
                    let (mut own, _) = catching(case, [Signal::USR1]);
                    drop(reactor.take());
                    raise(SIGUSR1).unwrap();
                    told(&mut own) == [Signal::USR1]
                })
            });
            is_over.store(true, Ordering::Relaxed);
            assert!(works, "expected each child to be told");
        });
    });
}

pub fn a_pipe_that_nobody_reads_is_an_error_once_sigpipe_is_ignored(case: Case) {
    in_child(case, || {
        set(SIGPIPE, SigHandler::SigDfl);
        ignore_sigpipe().unwrap();
        let (reader, writer) = nix::unistd::pipe().unwrap();
        drop(reader);
        let error = File::from(writer).write_all(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}

pub fn a_sigpipe_that_was_caught_when_it_was_to_be_ignored_is_so_when_it_is_caught_no_more(case: Case) {
    in_child(case, || {
        set(SIGPIPE, SigHandler::SigDfl);
        let (mut reactor, _) = catching(case, [Signal::PIPE]);
        ignore_sigpipe().unwrap();
        raise(SIGPIPE).unwrap();
        assert_eq!(told(&mut reactor), [Signal::PIPE], "while it is caught it is told");
        drop(reactor);
        assert_eq!(set(SIGPIPE, SigHandler::SigDfl), SigHandler::SigIgn);
    });
}

pub fn a_sigpipe_that_somebody_has_set_is_left_alone(case: Case) {
    in_child(case, || {
        set(SIGPIPE, counting());
        ignore_sigpipe().unwrap();
        let (mut reactor, _) = catching(case, [Signal::PIPE]);
        ignore_sigpipe().unwrap();
        let (reader, writer) = nix::unistd::pipe().unwrap();
        drop(reader);
        let error = File::from(writer).write_all(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(told(&mut reactor), [Signal::PIPE]);
        drop(reactor);
        assert_eq!(set(SIGPIPE, SigHandler::SigIgn), counting());
    });
}

pub fn a_stream_whose_peer_is_gone_closes_though_sigpipe_is_at_its_default(case: Case) {
    in_child(case, || {
        set(SIGPIPE, SigHandler::SigDfl);
        let (mut reactor, spy) = case.spied::<()>();
        let (near, far) = tcp_pair();
        let (local, remote) = pair();
        let mut context = reactor.context();
        let memory = context.memory();
        let tcp = context.add(Stream::new(far, &memory).unwrap(), |_, _, _| ()).unwrap();
        let unix = context.add(Stream::new(remote, &memory).unwrap(), |_, _, _| ()).unwrap();
        drop((near, local));
        loop {
            let mut context = reactor.context();
            let tcp = context.get_mut(tcp).unwrap();
            let _ = tcp.send(b"x");
            let is_closed = tcp.state() == State::Closed;
            let unix = context.get_mut(unix).unwrap();
            let _ = unix.send(b"x");
            if is_closed && unix.state() == State::Closed {
                break;
            }
            turn_until_idle(&mut reactor, &spy, &mut ());
        }
    });
}
