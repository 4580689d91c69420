//! Pipes, FIFOs, devices and files as streams: the same on every backend, whatever the kernel can wait for.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::sys::signal::{signal, SigHandler, Signal};

use ringmq::platform::Interest;
use ringmq::{Descriptor, State, Stream};

use crate::support::{
    add_taking, in_child, pattern, read_all, turn_until, turn_until_idle, Case, Change, Seen, SOON,
};

const ZERO: Option<std::time::Duration> = Some(std::time::Duration::ZERO);

/// The reading and the writing end.
fn pipe() -> (File, File) {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    (File::from(reader), File::from(writer))
}

pub fn is_nonblocking(fd: BorrowedFd<'_>) -> bool {
    fcntl(fd, FcntlArg::F_GETFL).unwrap() & OFlag::O_NONBLOCK.bits() != 0
}

/// A path of this test's own.
fn scratch(case: Case) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(case.name.replace("::", "-"));
    let _ = fs::remove_file(&path);
    path
}

pub fn a_pipe_is_read_to_its_end_and_the_loop_sleeps_after_it(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (reader, mut writer) = pipe();
    add_taking(&mut reactor, Descriptor::new(reader));
    let mut seen = Seen::default();
    writer.write_all(b"hello").unwrap();
    turn_until(&mut reactor, &mut seen, |seen| seen.bytes == b"hello");
    drop(writer);
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Ended));
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors, seen.call_count), (vec![State::Open, State::Ended], vec![], 2));
}

pub fn a_reader_that_is_finished_is_closed_at_its_end(case: Case) {
    let mut reactor = case.reactor();
    let (reader, mut writer) = pipe();
    let id = add_taking(&mut reactor, Descriptor::new(reader));
    writer.write_all(b"last").unwrap();
    drop(writer);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Ended));
    reactor.context().get_mut(id).unwrap().finish();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Closed));
    assert_eq!((seen.bytes, seen.errors), (b"last".to_vec(), vec![]));
}

/// More than a pipe holds; the reader sees the end when the writer is removed.
pub fn a_pipe_is_written_to_the_last_byte_and_closed_when_removed(case: Case) {
    const LEN: usize = 900_000;
    let mut reactor = case.reactor();
    let (reader, writer) = pipe();
    let id = add_taking(&mut reactor, Descriptor::writer(writer));
    let stream = reactor.context().get_mut(id).map(|stream| {
        stream.send(&pattern(LEN)).unwrap();
        stream.finish();
        stream.state()
    });
    assert_eq!(stream, Some(State::Open));
    let reader = read_all(reader);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Closed));
    assert!(!reader.is_finished());
    drop(reactor.context().remove(id));
    assert!(reader.join().unwrap() == pattern(LEN));
    assert_eq!((seen.states, seen.errors, seen.call_count), (vec![State::Closed], vec![], 1));
}

/// Where the system tells of it, it is told at once: Linux does, to whoever waits for anything at all.
#[cfg(target_os = "linux")]
pub fn a_writer_is_told_when_its_reader_has_left(case: Case) {
    if case.backend == ringmq::platform::Backend::Kqueue {
        return; // a model of a system that may not tell
    }
    let (mut reactor, spy) = case.spied();
    let (reader, writer) = pipe();
    add_taking(&mut reactor, Descriptor::writer(writer));
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.call_count, 0);
    drop(reader);
    turn_until(&mut reactor, &mut seen, |seen| seen.call_count > 0);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::BrokenPipe]));
}

#[cfg(not(target_os = "linux"))]
pub fn a_writer_is_told_when_its_reader_has_left(_: Case) {}

pub fn a_writer_without_a_reader_learns_of_it_by_writing(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (reader, writer) = pipe();
    drop(reader);
    let id = add_taking(&mut reactor, Descriptor::writer(writer));
    reactor.context().get_mut(id).unwrap().send(b"anybody there?").unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::BrokenPipe]));
    assert_eq!(reactor.context().memory().used(), 0);
}

/// A process whose main is not Rust's: SIGPIPE would end it.
pub fn sigpipe_at_its_default_does_not_end_a_process_that_writes_to_nobody(case: Case) {
    in_child(case, || {
        // SAFETY: the default action runs no code of ours.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
        a_writer_without_a_reader_learns_of_it_by_writing(case);
    });
}

pub fn sigpipe_that_somebody_has_set_is_left_alone(case: Case) {
    extern "C" fn nothing(_: nix::libc::c_int) {}
    in_child(case, || {
        let handler = SigHandler::Handler(nothing);
        // SAFETY: the handler does nothing.
        unsafe { signal(Signal::SIGPIPE, handler) }.unwrap();
        a_writer_without_a_reader_learns_of_it_by_writing(case);
        // SAFETY: the default action runs no code of ours.
        assert_eq!(unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap(), handler);
    });
}

pub fn a_child_is_written_to_and_read_from(case: Case) {
    let mut reactor = case.reactor();
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = add_taking(&mut reactor, Descriptor::writer(child.stdin.take().unwrap()));
    add_taking(&mut reactor, Descriptor::new(child.stdout.take().unwrap()));
    let mut context = reactor.context();
    let stream = context.get_mut(stdin).unwrap();
    stream.send(&pattern(300_000)).unwrap();
    stream.finish();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.states.contains(&State::Closed));
    assert!(reactor.context().remove(stdin).is_some());
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Ended));
    assert!(seen.bytes == pattern(300_000));
    assert!(child.wait().unwrap().success());
}

pub fn a_fifo_open_both_ways_reads_on_whoever_comes_and_goes(case: Case) {
    let (mut reactor, spy) = case.spied();
    let path = scratch(case);
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fifo = File::options().read(true).write(true).open(&path).unwrap();
    add_taking(&mut reactor, Descriptor::new(fifo));
    let mut seen = Seen::default();
    for _ in 0..3 {
        File::options().write(true).open(&path).unwrap().write_all(b"hello ").unwrap();
        turn_until_idle(&mut reactor, &spy, &mut seen);
    }
    assert_eq!((seen.bytes, seen.states), (b"hello hello hello ".to_vec(), vec![State::Open]));
}

pub fn a_file_is_read_to_its_end_and_the_loop_sleeps_after_it(case: Case) {
    let (mut reactor, spy) = case.spied();
    let path = scratch(case);
    fs::write(&path, pattern(1_000_000)).unwrap();
    let id = add_taking(&mut reactor, Descriptor::new(File::open(&path).unwrap()));
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert!(seen.bytes == pattern(1_000_000));
    assert_eq!((seen.states, seen.errors), (vec![State::Open, State::Ended], vec![]));
    assert_eq!((reactor.context().memory().used(), spy.take_changes()), (0, vec![]));
    assert!(reactor.context().remove(id).is_some());
}

pub fn an_empty_file_and_dev_null_and_a_file_of_proc_are_read_to_their_ends(case: Case) {
    let empty = scratch(case);
    File::create(&empty).unwrap();
    let mut paths = vec![empty, "/dev/null".into()];
    paths.extend(Some("/proc/self/status".into()).filter(|path: &PathBuf| path.exists()));
    for path in paths {
        let (mut reactor, spy) = case.spied();
        add_taking(&mut reactor, Descriptor::new(File::open(&path).unwrap()));
        let mut seen = Seen::default();
        turn_until_idle(&mut reactor, &spy, &mut seen);
        assert_eq!(seen.last_state(), Some(State::Ended), "{}", path.display());
        assert_eq!(seen.bytes.starts_with(b"Name:"), path.starts_with("/proc"), "{}", path.display());
    }
}

pub fn a_file_is_written_to_the_last_byte(case: Case) {
    let (mut reactor, spy) = case.spied();
    let path = scratch(case);
    let id = add_taking(&mut reactor, Descriptor::writer(File::create(&path).unwrap()));
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.call_count, 0);
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.send(&pattern(1 << 20)).unwrap();
    stream.finish();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors, seen.call_count), (vec![State::Closed], vec![], 1));
    assert!(fs::read(&path).unwrap() == pattern(1 << 20));
}

/// `/dev/zero` has always more: it reads its part in every turn, and so does a pipe beside it.
pub fn a_device_without_end_leaves_the_others_their_turn(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let zeros = Stream::new(Descriptor::new(File::open("/dev/zero").unwrap()), &context.memory()).unwrap();
    let zeros = context
        .add(zeros, |counts: &mut Vec<usize>, context, id| {
            let stream = context.get_mut(id).unwrap();
            counts[0] += stream.input().len();
            stream.consume(stream.input().len());
        })
        .unwrap();
    let (reader, mut writer) = pipe();
    let stream = Stream::new(Descriptor::new(reader), &context.memory()).unwrap();
    context
        .add(stream, |counts: &mut Vec<usize>, context, id| {
            let stream = context.get_mut(id).unwrap();
            counts[1] += stream.input().len();
            stream.consume(stream.input().len());
        })
        .unwrap();
    let mut counts = vec![0; 2];
    for round in 1..100 {
        writer.write_all(b"x").unwrap();
        // One turn reads, and the next one runs the callbacks.
        reactor.turn(&mut counts, SOON).unwrap();
        assert_eq!(counts[1], round - 1);
        reactor.turn(&mut counts, SOON).unwrap();
        assert_eq!(counts[1], round);
    }
    assert!(counts[0] >= 99 * 4096, "{counts:?}");
    assert!(reactor.context().remove(zeros).is_some());
}

pub fn a_device_that_is_full_closes_its_writer_and_tells_why(case: Case) {
    let file = match File::options().write(true).open("/dev/full") {
        Ok(file) => file,
        Err(_) => return, // not every system has it
    };
    let (mut reactor, spy) = case.spied();
    let id = add_taking(&mut reactor, Descriptor::writer(file));
    reactor.context().get_mut(id).unwrap().send(b"x").unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors.len()), (vec![State::Closed], 1));
}

pub fn a_directory_is_refused_with_a_clear_error(case: Case) {
    let mut reactor = case.reactor::<Seen>();
    let directory = Descriptor::new(File::open("/").unwrap());
    let error = Stream::new(directory, &reactor.context().memory()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::EISDIR));
}

pub fn what_the_shell_shares_with_us_blocks_again_afterwards(case: Case) {
    let mut reactor = case.reactor();
    let (reader, writer) = pipe();
    let shells = [reader.try_clone().unwrap(), writer.try_clone().unwrap()];
    let flags = || [is_nonblocking(shells[0].as_fd()), is_nonblocking(shells[1].as_fd())];
    let first = add_taking(&mut reactor, Descriptor::new(reader));
    let second = add_taking(&mut reactor, Descriptor::writer(writer));
    assert_eq!(flags(), [true, true]);
    drop(reactor.context().remove(first));
    assert_eq!(flags(), [false, true]);
    let writer = reactor.context().remove(second).unwrap().into_transport().into_inner();
    assert_eq!(flags(), [false, false]);
    drop(writer);
}

pub fn a_child_that_drops_its_copy_leaves_the_flag_to_its_parent(case: Case) {
    use nix::sys::wait::{waitpid, WaitStatus};
    in_child(case, || {
        let mut reactor = case.reactor();
        let (reader, _writer) = pipe();
        let shells = reader.try_clone().unwrap();
        add_taking(&mut reactor, Descriptor::new(reader));
        // SAFETY: nothing else runs in this process that could hold a lock, and the child ends without returning.
        match unsafe { nix::unistd::fork() }.unwrap() {
            nix::unistd::ForkResult::Child => {
                drop(reactor);
                // SAFETY: to end the process, and nothing else.
                unsafe { nix::libc::_exit(0) }
            }
            nix::unistd::ForkResult::Parent { child } => {
                assert!(matches!(waitpid(child, None).unwrap(), WaitStatus::Exited(_, 0)));
                assert!(is_nonblocking(shells.as_fd()));
            }
        }
    });
}

/// A writer waits for room when there is none, and for nothing else: what it is not is readable.
pub fn a_pipe_waits_for_room_only_while_it_is_full(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut reader, writer) = pipe();
    let fd = writer.as_raw_fd();
    let id = add_taking(&mut reactor, Descriptor::writer(OwnedFd::from(writer)));
    let mut seen = Seen::default();
    reactor.turn(&mut seen, ZERO).unwrap();
    spy.forget();
    reactor.context().get_mut(id).unwrap().send(&[7; 1 << 20]).unwrap();
    for _ in 0..10 {
        reactor.turn(&mut seen, ZERO).unwrap();
    }
    assert_eq!(spy.take_changes(), [Change::Modify(fd, Interest::READABLE | Interest::WRITABLE)]);
    let reader = std::thread::spawn(move || reader.read_exact(&mut vec![0; 1 << 20]).map(|()| reader));
    while reactor.context().get(id).unwrap().unsent_len() > 0 {
        reactor.turn(&mut seen, SOON).unwrap();
    }
    let _reader = reader.join().unwrap().unwrap();
    reactor.turn(&mut seen, ZERO).unwrap();
    assert_eq!((spy.take_changes(), seen.call_count), (vec![Change::Modify(fd, Interest::READABLE)], 0));
}
