//! Victims whose registrations the kernel refuses, or knows nothing of.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::platform::{Interest, Poller, Token, Trigger};

use super::{ready_pair, wait, Setting};

const ZERO: Option<Duration> = Some(Duration::ZERO);
/// Long enough for a registration that ought to be silent to be heard.
const SHORT: Option<Duration> = Some(Duration::from_millis(20));

fn add(poller: &mut dyn Poller, socket: &UnixStream, token: u64, interest: Interest) -> io::Result<()> {
    poller.add(socket.as_fd(), Token(token), interest, Trigger::Level)
}

fn modify(poller: &mut dyn Poller, socket: &UnixStream, token: u64, interest: Interest) -> io::Result<()> {
    poller.modify(socket.as_fd(), Token(token), interest, Trigger::Level)
}

fn assert_reports(poller: &mut dyn Poller, tokens: &[u64]) {
    let mut found: Vec<u64> = wait(poller, ZERO).expect("wait").iter().map(|token| token.0).collect();
    found.sort_unstable();
    assert_eq!(found, tokens);
}

fn assert_is_stranger(poller: &mut dyn Poller, socket: &UnixStream) {
    let error = modify(poller, socket, 9, Interest::READABLE).expect_err("it was never registered");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

pub fn an_add_is_refused(setting: &Setting<'_>) {
    let ((first, _far), (second, _other_far)) = (ready_pair(), ready_pair());
    let mut poller = setting.open();
    add(&mut *poller, &first, 1, Interest::READABLE).expect("add the first");
    setting.assert_told(add(&mut *poller, &second, 2, Interest::READABLE));
    assert_reports(&mut *poller, &[1]);
    assert_is_stranger(&mut *poller, &second);
    add(&mut *poller, &second, 3, Interest::READABLE).expect("add the second, when there is room");
    assert_reports(&mut *poller, &[1, 3]);
}

/// What the kernel says of a replacement that is none: ENOENT, and the caller is told.
pub fn an_add_meets_a_stranger(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    let error = add(&mut *poller, &near, 1, Interest::READABLE).expect_err("there is nothing to replace");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_is_stranger(&mut *poller, &near);
    add(&mut *poller, &near, 2, Interest::READABLE).expect("add");
    assert_reports(&mut *poller, &[2]);
}

/// A descriptor without interest goes in and out of epoll's set, and either may be refused.
pub fn an_add_without_interest_is_refused(setting: &Setting<'_>) {
    let (near, far) = ready_pair();
    drop(far); // a hang-up, which epoll reports unasked
    let mut poller = setting.open();
    setting.assert_told(add(&mut *poller, &near, 1, Interest::NONE));
    assert_is_stranger(&mut *poller, &near);
    assert_eq!(wait(&mut *poller, SHORT).expect("wait"), []);
    add(&mut *poller, &near, 2, Interest::NONE).expect("add");
    assert_eq!(wait(&mut *poller, SHORT).expect("wait"), []);
}

pub fn a_modify_is_refused(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    add(&mut *poller, &near, 1, Interest::READABLE).expect("add");
    setting.assert_told(modify(&mut *poller, &near, 2, Interest::WRITABLE));
    assert_reports(&mut *poller, &[1]);
    modify(&mut *poller, &near, 3, Interest::WRITABLE).expect("modify");
    assert_reports(&mut *poller, &[3]);
}

/// The kernel has it after all, so to add it is refused.
pub fn a_modify_finds_nothing(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    add(&mut *poller, &near, 1, Interest::READABLE).expect("add");
    let error = modify(&mut *poller, &near, 2, Interest::READABLE).expect_err("it is in the set");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_reports(&mut *poller, &[1]);
    modify(&mut *poller, &near, 3, Interest::READABLE).expect("modify");
    assert_reports(&mut *poller, &[3]);
}

pub fn a_modify_to_silence_is_refused(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    add(&mut *poller, &near, 1, Interest::READABLE).expect("add");
    setting.assert_told(modify(&mut *poller, &near, 2, Interest::NONE));
    assert_reports(&mut *poller, &[1]);
    modify(&mut *poller, &near, 3, Interest::NONE).expect("modify");
    assert_reports(&mut *poller, &[]);
}

pub fn a_modify_out_of_silence_is_refused(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    add(&mut *poller, &near, 1, Interest::NONE).expect("add");
    setting.assert_told(modify(&mut *poller, &near, 2, Interest::READABLE));
    assert_reports(&mut *poller, &[]);
    modify(&mut *poller, &near, 3, Interest::READABLE).expect("modify");
    assert_reports(&mut *poller, &[3]);
}

pub fn a_delete_is_refused(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    add(&mut *poller, &near, 1, Interest::READABLE).expect("add");
    setting.assert_told(poller.delete(near.as_fd()));
    assert_reports(&mut *poller, &[1]);
    poller.delete(near.as_fd()).expect("delete");
    assert_reports(&mut *poller, &[]);
    assert_is_stranger(&mut *poller, &near);
}

/// In truth the kernel still has it, and would report it at every wait.
pub fn a_delete_finds_nothing(setting: &Setting<'_>) {
    let (near, _far) = ready_pair();
    let mut poller = setting.open();
    add(&mut *poller, &near, 1, Interest::READABLE).expect("add");
    poller.delete(near.as_fd()).expect("forgotten is as good as deleted");
    assert_is_stranger(&mut *poller, &near);
    assert_eq!(wait(&mut *poller, SHORT).expect("wait"), []);
    assert_eq!(poller.stale_count(), 1);
    add(&mut *poller, &near, 2, Interest::READABLE).expect("add it again");
    assert_reports(&mut *poller, &[2]);
}

/// A poller with a live registration that is silent, and with one in the kernel's set that was deleted only after its number had
/// passed to another file: it is ready, and the kernel reports it until the set is built anew. The descriptors are to be kept.
fn with_a_leftover(setting: &Setting<'_>) -> (Box<dyn Poller>, UnixStream, UnixStream, [OwnedFd; 3]) {
    let (near, far) = ready_pair();
    let kept = near.try_clone().expect("duplicate");
    let (live, live_far) = UnixStream::pair().expect("make a pair");
    let mut poller = setting.open();
    add(&mut *poller, &live, 1, Interest::READABLE).expect("add");
    add(&mut *poller, &near, 2, Interest::READABLE).expect("add");
    let mut number = OwnedFd::from(near);
    nix::unistd::dup2(&far, &mut number).expect("give the number to another file");
    poller.delete(number.as_fd()).expect("delete");
    (poller, live, live_far, [number, kept.into(), far.into()])
}

pub fn a_set_cannot_be_mended(setting: &Setting<'_>) {
    let (mut poller, _live, mut live_far, _kept) = with_a_leftover(setting);
    setting.assert_told(wait(&mut *poller, SHORT));
    assert_eq!(wait(&mut *poller, SHORT).expect("mended by now"), []);
    live_far.write_all(b"x").expect("write to the pair");
    assert_reports(&mut *poller, &[1]);
}

pub fn a_set_is_mended(setting: &Setting<'_>) {
    let (mut poller, _live, mut live_far, _kept) = with_a_leftover(setting);
    assert_eq!(wait(&mut *poller, SHORT).expect("what is stale is told to nobody"), []);
    live_far.write_all(b"x").expect("write to the pair");
    assert_reports(&mut *poller, &[1]);
}

pub fn events_in_hand_are_told(setting: &Setting<'_>) {
    let (mut poller, live, mut live_far, _kept) = with_a_leftover(setting);
    poller.modify(live.as_fd(), Token(1), Interest::READABLE, Trigger::OneShot).expect("modify");
    live_far.write_all(b"x").expect("write to the pair");
    assert_reports(&mut *poller, &[1]);
    assert_eq!(wait(&mut *poller, SHORT).expect("mended by now"), []);
    poller.modify(live.as_fd(), Token(3), Interest::READABLE, Trigger::OneShot).expect("modify");
    assert_reports(&mut *poller, &[3]);
}
