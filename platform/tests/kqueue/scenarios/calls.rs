//! `kevent` itself: errors, receipts, timeouts, and threads that wait.

use std::io::Write;
use std::os::unix::io::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::sockets::send;
use super::Group;
use crate::notation::*;
use crate::replay::Lines;

/// A number that is not open, and beyond those that are.
const BAD: RawFd = 900;

pub fn errors() -> Lines {
    let mut group = Group::new("");
    let (near, mut far) = UnixStream::pair().expect("socketpair");
    send(&mut far, &near, 1);
    let kq = Kq::new();
    let (bad, good) = (change_of(BAD, READ, ADD), change(&near, READ, ADD));
    group.show("bad fd in changelist, nevents=0", kq.submit(&[bad]));
    group.show("bad fd in changelist, nevents=4", kq.submit_and_look(&[bad], 4));
    let answer = kq.submit(&[bad, good]);
    group.show("[bad, good], nevents=0; is good added?", format!("{answer} / {}", kq.look()));
    let answer = kq.submit(&[good, bad]);
    group.show("[good, bad], nevents=0; is good added?", format!("{answer} / {}", kq.look()));
    kq.set(&near, READ, DELETE);
    group.show("[bad, good readable], nevents=4", kq.submit_and_look(&[bad, good], 4));
    group.show("[bad, good readable], nevents=4 ... next wait", kq.look());
    kq.set(&near, READ, DELETE);
    group.show("[bad, bad, good], nevents=1", kq.submit_and_look(&[bad, bad, good], 1));
    group.show("[bad, bad, good], nevents=1 ... next wait: was good added?", kq.look());

    for (name, wrong) in [
        ("EV_DELETE of what was never added", change(&near, READ, DELETE)),
        ("EV_DELETE of a closed fd", change_of(BAD, READ, DELETE)),
        ("EV_ENABLE of what was never added", change(&near, READ, ENABLE)),
        ("flags=0 on what was never added", change(&near, READ, 0)),
        ("unknown filter", change(&near, -99, ADD)),
        ("ident = -1 as fd", Kevent { ident: usize::MAX, ..good }),
    ] {
        group.show(name, kq.submit(&[wrong]));
    }
    let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    group.show("kevent on a bad kq", written(ask(BAD, &[], 1, Some(zero))));
    group.show("kevent on a non-kqueue fd", written(ask(near.as_raw_fd(), &[], 1, Some(zero))));
    let without = written(kq.ask(&[], 0, None));
    assert_eq!(without, written(kq.ask(&[], 0, Some(Duration::ZERO))));
    group.show("nevents=0, no changes, timeout NULL/0", without);
    for (name, tv_sec, tv_nsec) in [("tv_nsec=1e9", 0, 1_000_000_000), ("tv_sec=-1", -1, 0)] {
        let answer = ask(kq.0.as_raw_fd(), &[], 1, Some(libc::timespec { tv_sec, tv_nsec }));
        group.show(&format!("timeout {name}"), written(answer));
    }
    group.lines
}

pub fn receipts() -> Lines {
    let mut group = Group::new("RECEIPT");
    let (near, mut far) = UnixStream::pair().expect("socketpair");
    send(&mut far, &near, 1);
    let kq = Kq::new();
    let good = change(&near, READ, ADD | RECEIPT);
    group.show(": [good readable]", kq.submit_and_look(&[good], 4));
    let list = [good, change_of(BAD, READ, ADD | RECEIPT), change(&near, WRITE, ADD | RECEIPT)];
    group.show(": [good, bad, good]", kq.submit_and_look(&list, 4));
    group.show(": [good, bad, good] ... next wait", kq.look());
    let again = kq.submit_and_look(&[change(&near, READ, ADD)], 4);
    group.show(" sticks? EV_ADD again w/o RECEIPT", again);
    group.show(": [good] with nevents=0", kq.submit(&[good]));
    group.show(": [good, good] with nevents=1", kq.submit_and_look(&[good, good], 1));
    let delete = change(&near, READ, DELETE | RECEIPT);
    group.show(": EV_DELETE twice in one list", kq.submit_and_look(&[delete, delete], 4));
    let timeout = Duration::from_secs(60);
    let start = Instant::now();
    let answer = written(kq.ask(&[good], 4, Some(timeout)));
    let is_at_once = start.elapsed() < timeout;
    group.show(" with a 300 ms timeout returns", answer + if is_at_once { " at once" } else { " late" });

    group.prefix.clear();
    let kq = Kq::new();
    let both = [change(&near, READ, ADD), change(&near, READ, DELETE)];
    group.show("ADD and DELETE in one changelist", kq.submit_and_look(&both, 4));
    let both = [change(&near, READ, DELETE | RECEIPT), change(&near, READ, ADD)];
    let name = "DELETE and ADD in one changelist (none before)";
    group.show(name, kq.submit_and_look(&both, 4));
    group.show(&format!("{name} ... next wait"), kq.look());
    group.lines
}

pub fn timeouts() -> Lines {
    let mut group = Group::new("");
    let kq = Kq::new();
    for milliseconds in [0, 1, 20, 150] {
        let timeout = Duration::from_millis(milliseconds);
        let start = Instant::now();
        let answer = written(kq.ask(&[], 4, Some(timeout)));
        let when = if start.elapsed() >= timeout { "in [t, ...)" } else { "early" };
        group.show(&format!("timeout {milliseconds} ms"), format!("{answer} {when}"));
    }
    let timeout = Duration::from_secs(60);
    let start = Instant::now();
    let answer = written(kq.ask(&[], 0, Some(timeout)));
    let when = if start.elapsed() < timeout { "at once" } else { "late" };
    group.show("nevents=0 with a 200 ms timeout", format!("{answer} {when}"));
    group.lines
}

/// How long the one thread leaves the other time to begin its wait. If that was not enough, the same is seen.
const HEAD_START: Duration = Duration::from_millis(60);

pub fn threads() -> Lines {
    let mut group = Group::new("");
    let (near, far) = UnixStream::pair().expect("socketpair");
    let kq = Kq::new();
    kq.set(&near, READ, ADD);
    let start = Instant::now();
    let answer = while_waiting(&kq, None, || (&far).write_all(&[0; 1]).expect("write"));
    let when = if start.elapsed() >= HEAD_START { "ok" } else { "early" };
    group.show("woken by data from another thread (60 ms)", format!("{answer} {when}"));

    let kq = Kq::new();
    (&far).write_all(&[0; 6]).expect("write");
    let answer = while_waiting(&kq, None, || kq.set(&near, READ, ADD));
    group.show("ADD of a ready fd while another thread waits", format!("{answer} woken"));

    let (near, _far) = UnixStream::pair().expect("socketpair");
    let kq = Kq::new();
    kq.set(&near, READ, ADD);
    let (start, timeout) = (Instant::now(), HEAD_START * 3);
    let answer = while_waiting(&kq, Some(timeout), || drop(near));
    let when = if start.elapsed() >= timeout { "after the timeout" } else { "early" };
    group.show("fd closed while another thread waits", format!("{answer} {when}"));
    group.lines
}

/// The answer to another thread that waits while this one does something.
fn while_waiting(kq: &Kq, timeout: Option<Duration>, act: impl FnOnce()) -> String {
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| written(kq.ask(&[], 4, timeout)));
        std::thread::sleep(HEAD_START);
        act();
        waiter.join().expect("the waiter does not panic")
    })
}
