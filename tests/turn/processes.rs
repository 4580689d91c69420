//! Children that exit, in every way that there is, watched or not.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{kill, Signal};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use ringmq::{Context, Id, Process, Reactor};

use crate::support::{descriptor_count, in_child, limit_descriptors, turn_until, turn_until_idle, Case};

const ZERO: Option<Duration> = Some(Duration::ZERO);

type Exits = Vec<io::Result<ExitStatus>>;

/// Exits with this code by itself.
fn exits(code: i32) -> Child {
    Command::new("sh").args(["-c", &format!("exit {code}")]).spawn().expect("start a shell")
}

/// Exits with this code once it is written a line, or its input ends.
fn waits(code: i32) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("read line; exit {code}")]).stdin(Stdio::piped());
    command.spawn().expect("start a shell")
}

/// Puts a child on the loop, which notes how it exits.
fn add(reactor: &mut Reactor<Exits>, child: Child) -> Id<Process> {
    let process = Process::new(child).expect("watch it");
    let note = |exits: &mut Exits, _: &mut Context<'_, Exits>, exited| exits.push(exited);
    reactor.context().reap(process, note).expect("add it")
}

fn codes(exits: &Exits) -> Vec<Option<i32>> {
    exits.iter().map(|exited| exited.as_ref().expect("it is known").code()).collect()
}

pub fn an_exit_is_told_with_its_code(case: Case) {
    let mut reactor = case.reactor();
    let mut child = waits(7);
    let mut input = child.stdin.take().unwrap();
    let id = add(&mut reactor, child);
    let mut exits = Exits::new();
    reactor.turn(&mut exits, ZERO).unwrap();
    reactor.turn(&mut exits, ZERO).unwrap();
    assert!(exits.is_empty());
    input.write_all(b"\n").unwrap();
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    assert_eq!(codes(&exits), [Some(7)]);
    assert!(reactor.context().get(id).is_none(), "it is off the loop");
}

pub fn a_child_killed_by_a_signal_is_told_as_that(case: Case) {
    let mut reactor = case.reactor();
    let id = add(&mut reactor, waits(0));
    reactor.context().get_mut(id).unwrap().child_mut().kill().unwrap();
    let mut exits = Exits::new();
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    assert_eq!(exits.remove(0).unwrap().signal(), Some(Signal::SIGKILL as i32));
}

pub fn a_child_that_has_exited_before_is_told(case: Case) {
    let mut reactor = case.reactor();
    let mut child =
        Command::new("sh").args(["-c", "exit 3"]).stdout(Stdio::piped()).spawn().expect("start a shell");
    // To the end of its output, which comes with its own: it has exited, or is about to.
    child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    add(&mut reactor, child);
    let mut exits = Exits::new();
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    assert_eq!(codes(&exits), [Some(3)]);
}

pub fn a_child_that_was_waited_for_before_is_told(case: Case) {
    let (mut reactor, spy) = case.spied();
    let mut child = exits(3);
    child.wait().unwrap();
    add(&mut reactor, child);
    let mut exits = Exits::new();
    turn_until_idle(&mut reactor, &spy, &mut exits);
    assert_eq!(codes(&exits), [Some(3)]);
}

pub fn fifty_children_are_each_told_as_their_own(case: Case) {
    let mut reactor = case.reactor();
    let mut inputs = Vec::new();
    for code in 1..=50 {
        let mut child = waits(code);
        inputs.push(child.stdin.take());
        let note = move |exits: &mut Exits, _: &mut Context<'_, Exits>, exited| {
            exits.push(exited);
            assert_eq!(codes(exits).last(), Some(&Some(code)));
        };
        reactor.context().reap(Process::new(child).unwrap(), note).unwrap();
    }
    drop(inputs);
    let mut exits = Exits::new();
    turn_until(&mut reactor, &mut exits, |exits| exits.len() == 50);
    let mut codes = codes(&exits);
    codes.sort_unstable();
    assert_eq!(codes, (1..=50).map(Some).collect::<Vec<_>>());
}

pub fn another_child_is_not_waited_for(case: Case) {
    let mut reactor = case.reactor();
    let mut other = waits(5);
    drop(other.stdin.take());
    add(&mut reactor, exits(7));
    let mut exits = Exits::new();
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    assert_eq!(codes(&exits), [Some(7)]);
    assert_eq!(other.wait().unwrap().code(), Some(5));
}

pub fn a_child_that_lives_is_not_told_though_it_was_fired(case: Case) {
    let mut reactor = case.reactor();
    let mut child = waits(7);
    let input = child.stdin.take();
    let id = add(&mut reactor, child);
    let mut exits = Exits::new();
    assert!(reactor.context().fire(id));
    reactor.turn(&mut exits, ZERO).unwrap();
    assert!(exits.is_empty());
    drop(input);
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    assert_eq!(codes(&exits), [Some(7)]);
}

pub fn a_child_that_somebody_else_waited_for_is_told_as_unknown_and_the_loop_sleeps(case: Case) {
    let (mut reactor, spy) = case.spied();
    let mut child = waits(7);
    let input = child.stdin.take();
    let number = Pid::from_raw(child.id() as i32);
    add(&mut reactor, child);
    drop(input);
    waitpid(number, None).unwrap();
    let mut exits = Exits::new();
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    turn_until_idle(&mut reactor, &spy, &mut exits);
    let errors: Vec<_> = exits.iter().map(|exited| exited.as_ref().unwrap_err().raw_os_error()).collect();
    assert_eq!(errors, [Some(nix::libc::ECHILD)]);
}

/// By `get_mut` while it is on the loop, or before it was put there.
pub fn an_exit_that_somebody_has_seen_before_the_loop_is_told_all_the_same(case: Case) {
    fn see_end(process: &mut Process) {
        while process.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
    }
    let (mut reactor, spy) = case.spied();
    let id = add(&mut reactor, exits(7));
    see_end(reactor.context().get_mut(id).unwrap());
    let mut process = Process::new(exits(8)).unwrap();
    see_end(&mut process);
    let note = |exits: &mut Exits, _: &mut Context<'_, Exits>, exited| exits.push(exited);
    reactor.context().reap(process, note).unwrap();
    let mut exits = Exits::new();
    turn_until_idle(&mut reactor, &spy, &mut exits);
    assert_eq!(codes(&exits), [Some(7), Some(8)]);
    assert!(reactor.context().get(id).is_none());
}

pub fn a_child_removed_before_it_exits_is_told_to_nobody_and_can_be_waited_for(case: Case) {
    let (mut reactor, spy) = case.spied();
    let mut child = waits(9);
    let input = child.stdin.take();
    let id = add(&mut reactor, child);
    let mut exits = Exits::new();
    reactor.turn(&mut exits, ZERO).unwrap();
    let mut child = reactor.context().remove(id).unwrap().into_child();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(9));
    turn_until_idle(&mut reactor, &spy, &mut exits);
    assert!(exits.is_empty());
}

pub fn a_loop_that_is_dropped_leaves_its_child_running(case: Case) {
    let mut reactor = case.reactor();
    let mut child = waits(7);
    let input = child.stdin.take();
    let number = Pid::from_raw(child.id() as i32);
    add(&mut reactor, child);
    reactor.turn(&mut Exits::new(), ZERO).unwrap();
    drop(reactor);
    kill(number, None).expect("it is there, and was not waited for");
    drop(input);
    let status = waitpid(number, None).unwrap();
    assert_eq!(status, nix::sys::wait::WaitStatus::Exited(number, 7));
}

pub fn a_callback_of_ones_own_runs_once_and_the_loop_sleeps_after_it(case: Case) {
    let (mut reactor, spy) = case.spied();
    let note = |exits: &mut Exits, context: &mut Context<'_, Exits>, id: Id<Process>| {
        exits.extend(context.get_mut(id).unwrap().try_wait().transpose());
    };
    let process = Process::new(exits(7)).unwrap();
    let id = reactor.context().add(process, note).unwrap();
    let mut exits = Exits::new();
    turn_until(&mut reactor, &mut exits, |exits| !exits.is_empty());
    turn_until_idle(&mut reactor, &spy, &mut exits);
    assert_eq!(codes(&exits), [Some(7)]);
    let process = reactor.context().remove(id).unwrap();
    assert!(process.is_over());
}

/// Without a descriptor to be had, one runs on and one has been waited for: neither is lost.
pub fn a_child_that_cannot_be_watched_is_given_back(case: Case) {
    in_child(case, || {
        let mut children = [waits(7), exits(8)];
        children[1].wait().unwrap();
        limit_descriptors(descriptor_count() + 20);
        let mut ballast = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            ballast.push(file);
        }
        let refused = children.map(|child| Process::new(child).unwrap_err());
        drop(ballast);
        for refused in &refused {
            assert_eq!(refused.error().raw_os_error(), Some(nix::libc::EMFILE));
            assert!(refused.to_string().contains("cannot be watched"), "{refused}");
        }
        let [runs, over] = refused.map(|refused| refused.into_child());
        let mut reactor = case.reactor();
        let id = add(&mut reactor, runs);
        drop(reactor.context().get_mut(id).unwrap().child_mut().stdin.take());
        add(&mut reactor, over);
        let mut exits = Exits::new();
        turn_until(&mut reactor, &mut exits, |exits| exits.len() == 2);
        let mut codes = codes(&exits);
        codes.sort_unstable();
        assert_eq!(codes, [Some(7), Some(8)]);
    });
}

/// In a process of its own, where no other test opens any.
pub fn children_that_have_exited_leave_no_descriptor(case: Case) {
    in_child(case, || {
        let mut reactor = case.reactor();
        let before = descriptor_count();
        for code in 0..10 {
            add(&mut reactor, exits(code));
            assert!(descriptor_count() > before);
        }
        let mut exits = Exits::new();
        turn_until(&mut reactor, &mut exits, |exits| exits.len() == 10);
        assert_eq!(descriptor_count(), before);
    });
}
