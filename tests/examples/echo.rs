//! `echo` sends messages back, drops who breaks its protocol, and says why it cannot start; so does `multicore`, on several threads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};

use ringmq::platform::Backend;

use crate::{example, text};

/// The echo server, on a port that the system chose; it ends with the test.
struct Echo {
    process: Child,
    address: String,
}

impl Echo {
    fn start(backend: Backend) -> Echo {
        let (echo, line) = Echo::start_as("echo", &[], backend);
        assert_eq!(line, format!("listening on {} with {backend}\n", echo.address));
        echo
    }

    /// One of the examples that do the same; answers with what it says first, too.
    fn start_as(name: &str, arguments: &[&str], backend: Backend) -> (Echo, String) {
        let mut process = example(name)
            .arg("127.0.0.1:0")
            .args(arguments)
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
        (Echo { process, address }, line)
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
fn multicore_serves_more_connections_than_threads_on_every_backend() {
    for backend in Backend::AVAILABLE {
        let (echo, line) = Echo::start_as("multicore", &["3"], *backend);
        assert_eq!(line, format!("listening on {} with 3 threads of {backend}\n", echo.address));
        let mut streams: Vec<TcpStream> = (0..7).map(|_| echo.connect()).collect();
        // All are there before the first is answered, so no thread serves one after the other.
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&[0, 0, 0, 2, b'#', number as u8]).expect("send");
        }
        for (number, stream) in streams.iter_mut().enumerate().rev() {
            let mut answer = [0; 6];
            stream.read_exact(&mut answer).expect("receive");
            assert_eq!(answer, [0, 0, 0, 2, b'#', number as u8], "{backend}");
        }
        for stream in &mut streams {
            stream.shutdown(Shutdown::Write).expect("finish");
            assert_eq!(stream.read(&mut [0; 16]).expect("it finishes too"), 0, "{backend}");
        }
        assert_eq!(echo.end(), "", "{backend}");
    }
}

#[test]
fn multicore_explains_which_number_of_threads_it_takes() {
    for count in ["0", "many", "1025"] {
        let output = example("multicore").args(["127.0.0.1:0", count]).output().expect("start multicore");
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("multicore: expected a number of threads from 1 to 1024, found `{count}`\n");
        assert_eq!(text(&output.stderr), expected);
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
fn echo_and_multicore_explain_why_they_cannot_start() {
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address.to_string()))
    });
    let (_listener, address) = taken.expect("occupy a port");
    let cases = [
        (&[address.as_str()][..], "", format!("cannot listen on {address}: Address already in use")),
        (&["127.0.0.1:0"], "iocp", "unknown backend `iocp`".to_owned()),
        (&["here"], "", "expected HOST:PORT to listen on, found `here`: ".to_owned()),
        (&["127.0.0.1:0", "2", "3"], "", "unexpected argument \"".to_owned()),
        (&["--no-such-option"], "", "invalid option '--no-such-option'".to_owned()),
    ];
    for name in ["echo", "multicore"] {
        for (arguments, backend, expected) in &cases {
            let output = example(name).args(*arguments).env("RINGMQ_BACKEND", backend).output();
            let output = output.expect("start it");
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{message}");
            assert!(message.starts_with(&format!("{name}: {expected}")), "{message}");
            assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
        }
    }
}
