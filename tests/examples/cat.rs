//! `cat` copies its input to its output, whatever either is.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use ringmq::platform::{pty, Backend};

use crate::{example, scratch, text};

/// `cat` on every backend of the system, one after the other.
fn cats() -> impl Iterator<Item = Command> {
    Backend::AVAILABLE.iter().map(|backend| {
        let mut cat = example("cat");
        cat.env("RINGMQ_BACKEND", backend.name());
        cat
    })
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn cat_copies_whatever_its_input_is() {
    let file = scratch("cat input");
    fs::write(&file, bytes(1_234_567)).expect("write a file");
    for mut cat in cats() {
        let output = cat.stdin(File::open(&file).expect("open it")).output().expect("run cat");
        assert!(output.status.success() && output.stdout == bytes(1_234_567), "{cat:?} < file");

        let output = cat.stdin(Stdio::null()).output().expect("run cat");
        assert!(output.status.success() && output.stdout.is_empty(), "{cat:?} < /dev/null");

        let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("start cat");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        let writer = std::thread::spawn(move || stdin.write_all(&bytes(1_234_567)));
        let output = child.wait_with_output().expect("wait for cat");
        writer.join().expect("the writer does not panic").expect("write to cat");
        assert!(output.status.success() && output.stdout == bytes(1_234_567), "{cat:?} behind a pipe");
    }
}

#[test]
fn cat_from_nothing_to_nothing_ends_well() {
    for mut cat in cats() {
        let output = cat.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
        let output = output.expect("run cat");
        assert!(output.status.success() && output.stderr.is_empty(), "{cat:?}: {}", text(&output.stderr));
    }
}

/// Not over the model of a kqueue, which opens descriptors of its own before Rust's runtime has opened /dev/null in the place of what is
/// closed; nor on a machine that is emulated, whose programs the host's shell cannot start.
#[test]
#[cfg_attr(
    ringmq_kqueue = "model",
    ignore = "the model opens descriptors of its own in the place of what is closed"
)]
fn cat_without_an_input_or_an_output_ends_well() {
    for cat in cats() {
        for redirection in ["<&-", "<&- >&-"] {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("exec \"$0\" {redirection}")).arg(cat.get_program());
            let output = shell.envs(cat.get_envs().filter_map(|(key, value)| Some((key, value?)))).output();
            let output = output.expect("run cat");
            if text(&output.stderr).contains("Exec format error") {
                return println!("passed over: the shell cannot start a program of this machine");
            }
            assert!(output.status.success(), "{cat:?} {redirection}: {}", text(&output.stderr));
            assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{cat:?} {redirection}");
        }
    }
}

#[test]
fn cat_copies_to_a_file() {
    let (from, to) = (scratch("cat from"), scratch("cat to"));
    fs::write(&from, bytes(1_234_567)).expect("write a file");
    for mut cat in cats() {
        cat.stdin(File::open(&from).expect("open it")).stdout(File::create(&to).expect("create a file"));
        assert!(cat.status().expect("run cat").success());
        assert!(fs::read(&to).expect("read it") == bytes(1_234_567), "{cat:?} < from > to");
    }
}

/// As in `cat < /dev/zero | head -c 1`. No signal ends it.
#[test]
fn cat_says_so_when_nobody_reads_any_more() {
    for mut cat in cats() {
        cat.stdin(File::open("/dev/zero").expect("open it")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = cat.spawn().expect("start cat");
        child.stdout.take().expect("its output is a pipe").read_exact(&mut [1]).expect("read a byte");
        let output = child.wait_with_output().expect("wait for cat");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{cat:?}: {message}");
        assert!(
            message.to_lowercase().starts_with("cat: standard output: broken pipe"),
            "{cat:?}: {message}"
        );
    }
}

#[test]
fn cat_does_not_copy_a_directory() {
    for mut cat in cats() {
        let output = cat.stdin(File::open("/").expect("open it")).output().expect("run cat");
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).starts_with("cat: Is a directory"), "{}", text(&output.stderr));
    }
}

#[test]
fn cat_takes_no_arguments() {
    for (argument, expected) in [
        ("README.md", "cat: expected `cat < README.md`, found `cat README.md`\n"),
        ("--no-such-option", "cat: invalid option '--no-such-option'\n"),
    ] {
        let output = example("cat").arg(argument).stdin(Stdio::null()).output().expect("run cat");
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), expected));
    }
}

/// The terminal is input and output in one; who has it afterwards finds it as it was.
#[test]
fn cat_at_a_terminal_copies_line_by_line_until_an_end_is_typed() {
    for mut cat in cats() {
        let terminal = pty::open().expect("open a pseudo-terminal");
        let side = || terminal.slave.try_clone().expect("another handle on it");
        let mut child = cat.stdin(side()).stdout(side()).spawn().expect("start cat");
        let mut screen = File::from(terminal.master.try_clone().expect("another handle on it"));
        screen.write_all(b"meow\n").expect("type a line");
        let mut shown = [0; 12];
        screen.read_exact(&mut shown).expect("see it twice: typed, and copied");
        assert_eq!(&shown, b"meow\r\nmeow\r\n");
        screen.write_all(&[4]).expect("type control and D");
        assert!(child.wait().expect("wait for cat").success(), "{cat:?}");
        let flags = nix::fcntl::fcntl(&terminal.slave, nix::fcntl::FcntlArg::F_GETFL).expect("its flags");
        assert_eq!(flags & nix::fcntl::OFlag::O_NONBLOCK.bits(), 0, "{cat:?}");
    }
}
