//! Victims that watch children.

use std::io;
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::Pid;
use ringmq::platform::process::Process;
use ringmq::platform::{Interest, Token, Trigger};

use super::{wait, Setting};

/// A child that exits with this code when its input ends, and its input.
fn start(code: i32) -> (Child, Option<ChildStdin>) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("read line; exit {code}")]).stdin(Stdio::piped());
    let mut child = command.spawn().expect("start a shell");
    let input = child.stdin.take();
    (child, input)
}

pub fn each_is_told_as_its_own(setting: &Setting<'_>) {
    let mut poller = setting.open();
    let (mut children, inputs): (Vec<_>, Vec<_>) = (0..4).map(start).unzip();
    let mut inputs = inputs.into_iter();
    // The last has exited, and been waited for, before it is watched; the others go one by one.
    drop(inputs.next_back());
    children[3].wait().expect("wait for the last");
    let mut processes: Vec<Process> =
        children.into_iter().map(|child| Process::new(child).expect("watch it")).collect();
    for (number, process) in (0..).zip(&processes) {
        poller.add(process.as_fd(), Token(number), Interest::READABLE, Trigger::Level).expect("add");
    }
    let mut told = Vec::new();
    while told.len() < processes.len() {
        for token in wait(&mut *poller, None).expect("wait") {
            let process = &mut processes[token.0 as usize];
            if let Some(status) = process.try_wait().expect("it is known") {
                assert_eq!(status.code(), Some(token.0 as i32));
                poller.delete(process.as_fd()).expect("delete");
                told.push(token.0);
                drop(inputs.next());
            }
        }
    }
    told.sort_unstable();
    assert_eq!(told, [0, 1, 2, 3]);
}

pub fn one_is_not_watched(setting: &Setting<'_>) {
    let (child, input) = start(5);
    let number = Pid::from_raw(child.id() as i32);
    setting.assert_told(Process::new(child).map_err(io::Error::from));
    // It runs on.
    drop(input);
    assert_eq!(waitpid(number, None).expect("it is there"), WaitStatus::Exited(number, 5));

    let (child, input) = start(6);
    let mut process = Process::new(child).expect("the second attempt is not tampered with");
    drop(input);
    let mut poller = setting.open();
    poller.add(process.as_fd(), Token(1), Interest::READABLE, Trigger::Level).expect("add");
    while process.try_wait().expect("it is known").is_none() {
        wait(&mut *poller, None).expect("wait");
    }
    assert_eq!(process.try_wait().expect("still").and_then(|status| status.code()), Some(6));
}
