//! The examples do what their first lines say, on every backend of the system, and explain what is wrong with what they are given.

#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use ringmq::platform::{pty, Backend};

/// An example as cargo has built it. `cargo test` builds all of them, into a folder beside that of the tests, but
/// `cargo test --test examples` does not: then what lies there may be missing or old, and is not to be tested.
fn example(name: &str) -> Command {
    let this_test = std::env::current_exe().expect("a test knows its own path");
    let profile = this_test.ancestors().nth(2).expect("tests lie in <profile>/deps");
    let path = profile.join("examples").join(name);
    assert!(is_current(&path), "{} is missing or old: run `cargo build --examples`", path.display());
    Command::new(path)
}

/// Whether a program is newer than all that it was made from, which cargo has noted beside it in the form of a makefile.
fn is_current(program: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    let rule = fs::read_to_string(program.with_extension("d")).unwrap_or_default().replace("\\ ", "\0");
    let mut sources = rule.split_whitespace().skip(1).map(|source| PathBuf::from(source.replace('\0', " ")));
    let built = modified(program);
    built.is_some() && sources.all(|source| modified(&source) <= built)
}

fn transfer<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Output {
    example("transfer").args(arguments).stdin(Stdio::null()).output().expect("start transfer")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path for this test's own use; whatever an earlier run left there is gone.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

/// The row of a backend in the table that `transfer` prints.
fn row(table: &str, backend: Backend) -> &str {
    let row = table.lines().find(|line| line.split_whitespace().next() == Some(backend.name()));
    row.unwrap_or_else(|| panic!("no row for {backend} in:\n{table}"))
}

/// The figure in front of "MiB" in the last line.
fn peak_mebibytes(table: &str) -> f64 {
    let figure = table.split_whitespace().rev().nth(1).and_then(|figure| figure.parse().ok());
    figure.unwrap_or_else(|| panic!("no peak memory in:\n{table}"))
}

#[test]
fn transfer_compares_every_byte_on_every_backend() {
    let output = transfer::<&str>(&[]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    for backend in Backend::ALL {
        let expected = if backend.is_available() { "PASS" } else { "absent from this system" };
        assert!(row(&table, *backend).ends_with(expected), "{table}");
    }
}

#[test]
fn transfer_tells_a_single_spoilt_bit() {
    let file = scratch("spoilt");
    fs::write(&file, vec![7; 3 << 20]).expect("write a file");
    let offset = (2 << 20) + 12_345;
    let output = transfer(
        &["--flip-byte".as_ref(), offset.to_string().as_ref(), file.as_os_str()] as &[&std::ffi::OsStr]
    );
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}");
    for backend in Backend::AVAILABLE {
        let verdict = format!("FAIL: byte {offset} was sent as 0x07 and came back as 0x06");
        assert!(row(&table, *backend).ends_with(&verdict), "{table}");
    }
}

#[test]
fn transfer_sends_a_file_much_longer_than_its_memory() {
    let file = scratch("long");
    File::create(&file).and_then(|file| file.set_len(256 << 20)).expect("make a file with nothing in it");
    let output = transfer(&[&file]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    assert!(row(&table, Backend::default()).contains(" 268435456 "), "{table}");
    assert!(peak_mebibytes(&table) < 64.0, "{table}");
}

#[test]
fn transfer_takes_an_empty_file_for_one_empty_message() {
    let file = scratch("empty");
    File::create(&file).expect("make an empty file");
    let output = transfer(&[&file]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    let figures: Vec<&str> = row(&table, Backend::default()).split_whitespace().skip(1).take(2).collect();
    assert_eq!(figures, ["1", "0"], "{table}");
}

#[test]
fn transfer_explains_what_it_cannot_send() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let missing = scratch("no such file");
    let cases = [
        (vec![missing.display().to_string()], "no such file: No such file or directory"),
        (vec![folder.to_owned()], "it is a directory, and a file is expected"),
        (vec!["/dev/null".to_owned()], "cannot send /dev/null: it is not a regular file"),
        (vec!["--backend".to_owned(), "iocp".to_owned()], "unknown backend `iocp`: this system has "),
        (vec!["--no-such-option".to_owned()], "invalid option '--no-such-option'"),
        (vec!["--flip-byte".to_owned(), "9000000000000".to_owned()], "cannot flip byte 9000000000000"),
    ];
    for (arguments, expected) in cases {
        let output = transfer(&arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.starts_with("transfer: ") && message.contains(expected), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", text(&output.stdout));
    }
}

/// The echo server, on a port that the system chose; it ends with the test.
struct Echo {
    process: Child,
    address: String,
}

impl Echo {
    fn start(backend: Backend) -> Echo {
        let mut process = example("echo")
            .arg("127.0.0.1:0")
            .env("RINGMQ_BACKEND", backend.name())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start echo");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().expect("its output is a pipe"))
            .read_line(&mut line)
            .expect("read");
        let address = line.split_whitespace().nth(2).expect("it says where it listens").to_owned();
        assert_eq!(line, format!("listening on {address} with {backend}\n"));
        Echo { process, address }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("connect to echo")
    }

    /// Ends it and answers with what it had to complain of.
    fn end(mut self) -> String {
        self.process.kill().expect("end echo");
        let mut complaints = String::new();
        let mut stderr = self.process.stderr.take().expect("its errors go into a pipe");
        stderr.read_to_string(&mut complaints).expect("read what it complained of");
        complaints
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have been ended already; what matters is that it is gone, and waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn echo_sends_back_messages_of_every_length() {
    for backend in Backend::AVAILABLE {
        let echo = Echo::start(*backend);
        let mut sent = Vec::new();
        for len in [0_u32, 1, 5, 65_532, 65_536, 1 << 20, 0] {
            sent.extend_from_slice(&len.to_be_bytes());
            sent.extend((0..len).map(|at| (at % 251) as u8));
        }
        let stream = echo.connect();
        let mut reader = stream.try_clone().expect("a second handle");
        let received = std::thread::spawn(move || {
            let mut received = Vec::new();
            reader.read_to_end(&mut received).map(|_| received)
        });
        (&stream).write_all(&sent).expect("send");
        stream.shutdown(Shutdown::Write).expect("finish");
        let received = received.join().expect("the reader does not panic").expect("read until echo finishes");
        assert!(received == sent, "{backend}: {} bytes of {} came back", received.len(), sent.len());
        assert_eq!(echo.end(), "", "{backend}");
    }
}

#[test]
fn echo_drops_who_breaks_the_protocol_and_serves_the_others() {
    let echo = Echo::start(Backend::default());
    let (mut good, mut bad, mut cut) = (echo.connect(), echo.connect(), echo.connect());
    bad.write_all(&u32::MAX.to_be_bytes()).expect("send a header");
    cut.write_all(b"\0\0\0\x09abc").expect("send part of a message");
    cut.shutdown(Shutdown::Write).expect("finish too early");
    for dropped in [&mut bad, &mut cut] {
        assert_eq!(dropped.read(&mut [0; 16]).expect("echo hangs up"), 0);
    }
    good.write_all(b"\0\0\0\x02hi").expect("send");
    let mut answer = [0; 6];
    good.read_exact(&mut answer).expect("receive");
    assert_eq!(&answer, b"\0\0\0\x02hi");
    let complaints = echo.end();
    assert!(
        complaints.contains("expected a frame of at most 1048576 bytes, found one of 4294967295"),
        "{complaints}"
    );
    assert!(complaints.contains("expected at least 13 bytes of a frame, found the end"), "{complaints}");
}

#[test]
fn echo_explains_why_it_cannot_start() {
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address.to_string()))
    });
    let (_listener, address) = taken.expect("occupy a port");
    let cases =
        [(address.as_str(), "", "Address already in use"), ("127.0.0.1:0", "iocp", "unknown backend `iocp`")];
    for (address, backend, expected) in cases {
        let output =
            example("echo").arg(address).env("RINGMQ_BACKEND", backend).output().expect("start echo");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.starts_with("echo: ") && message.contains(expected), "{message}");
    }
}

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
fn cat_without_an_input_or_an_output_ends_well() {
    // The model of a kqueue opens descriptors of its own before Rust's runtime has opened /dev/null in the place of what is closed.
    let closed = if cfg!(ringmq_kqueue = "model") { &[][..] } else { &["<&-", "<&- >&-"][..] };
    for cat in cats() {
        for redirection in closed.iter().chain(&["</dev/null >/dev/null"]) {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("exec \"$0\" {redirection}")).arg(cat.get_program());
            let output = shell.envs(cat.get_envs().filter_map(|(key, value)| Some((key, value?)))).output();
            let output = output.expect("run cat");
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

/// What a program prints, line by line, as soon as it does. A line that does not come is the end of the test.
#[cfg(target_os = "linux")]
fn lines(child: &mut Child) -> impl FnMut() -> Option<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    move || match receiver.recv_timeout(std::time::Duration::from_secs(60)) {
        Ok(line) => Some(line),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("nothing more in a minute"),
    }
}

/// One after the other, so that each line is seen before the next thing is done.
#[test]
#[cfg(target_os = "linux")]
fn inotify_says_what_comes_into_a_folder_and_what_goes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("watched");
    let within = |name: &str| folder.join(name);
    for backend in Backend::AVAILABLE {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("make a folder");
        let mut program = example("inotify");
        program.arg(&folder).env("RINGMQ_BACKEND", backend.name()).stdout(Stdio::piped());
        let mut child = program.spawn().expect("start inotify");
        let mut next = lines(&mut child);
        assert_eq!(next(), Some(format!("watching {} with {backend}", folder.display())));
        fs::write(within("first"), "").expect("make a file");
        assert_eq!(next().as_deref(), Some("+ first"), "{backend}");
        fs::rename(within("first"), within("second")).expect("give it another name");
        assert_eq!((next().as_deref(), next().as_deref()), (Some("- first"), Some("+ second")), "{backend}");
        fs::remove_dir_all(&folder).expect("remove the folder");
        assert_eq!((next().as_deref(), next()), (Some("- second"), None), "{backend}");
        assert!(child.wait().expect("wait for inotify").success(), "{backend}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn inotify_drains_a_burst_that_is_longer_than_its_buffer() {
    // An event with a name of 200 bytes has 16 + 208: a buffer of 64 KiB holds less than 300 of them.
    const COUNT: usize = 1000;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flooded");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("make a folder");
    let mut child = example("inotify").arg(&folder).stdout(Stdio::piped()).spawn().expect("start inotify");
    let mut next = lines(&mut child);
    next().expect("it says that it watches");
    for number in 0..COUNT {
        fs::write(folder.join(format!("{number:0200}")), "").expect("make a file");
    }
    for number in 0..COUNT {
        assert_eq!(next(), Some(format!("+ {number:0200}")));
    }
    fs::remove_dir_all(&folder).expect("remove the folder");
    assert_eq!(std::iter::from_fn(next).count(), COUNT, "each of them goes");
    assert!(child.wait().expect("wait for inotify").success());
}
