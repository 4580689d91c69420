//! Victims that catch signals.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::signal::{raise, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal as Raised};
use ringmq::platform::signal::{Signal, Signals};
use ringmq::platform::{Interest, Token, Trigger};

use super::{wait, Setting};

/// Sets a signal to its default, and answers what it was set to.
fn reset(signal: Raised) -> SigHandler {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is set.
    unsafe { sigaction(signal, &action) }.expect("set a signal").handler()
}

pub fn none_is_caught(setting: &Setting<'_>) {
    let both = [Signal::USR1, Signal::USR2];
    match Signals::new(both) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            assert_eq!(setting.errno(), Errno::EINVAL)
        }
        result => setting.assert_told(result),
    }
    assert_eq!([Raised::SIGUSR1, Raised::SIGUSR2].map(reset), [SigHandler::SigDfl; 2]);
    let mut signals = Signals::new(both).expect("the second attempt is not tampered with");
    raise(Raised::SIGUSR1).expect("raise");
    assert!(signals.drain());
}

pub fn a_signal_is_told(setting: &Setting<'_>) {
    let mut signals = Signals::new([Signal::USR1]).expect("catch it");
    let mut poller = setting.open();
    poller.add(signals.as_fd(), Token(1), Interest::READABLE, Trigger::Level).expect("add");
    for _ in 0..3 {
        raise(Raised::SIGUSR1).expect("raise");
        raise(Raised::SIGUSR1).expect("raise");
        assert_eq!(wait(&mut *poller, None).expect("wait"), [Token(1)]);
        assert!(signals.drain());
        assert_eq!((signals.take(), signals.take()), (Some(Signal::USR1), None));
        assert!(!signals.drain());
    }
}

pub fn errno_is_left_alone(_: &Setting<'_>) {
    let mut signals = Signals::new([Signal::USR1]).expect("catch it");
    Errno::set_raw(4711);
    raise(Raised::SIGUSR1).expect("raise");
    assert_eq!(Errno::last_raw(), 4711);
    // Whoever looks finds it; and the next one wakes him.
    assert!(signals.drain());
    assert_eq!(signals.take(), Some(Signal::USR1));
    raise(Raised::SIGUSR1).expect("raise");
    assert!(signals.drain());
}
