//! A peer that is played by hand: what it has still to write, and what is to be received of it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::io::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::codec::zmtp::{Command, Greeting, Mechanism, Properties};
use ringmq::mq::SocketType;
use ringmq::platform::net;

use super::MAX;

/// A message of no more parts than these is queued.
const MOST_PARTS: usize = 4;

/// A message that is to be received.
pub struct Queued {
    pub parts: Vec<Vec<u8>>,
    /// How many bytes of the stream are behind it, counted from the beginning of all.
    pub end: usize,
}

pub struct Peer {
    number: u8,
    /// Whether it speaks RingMQ's protocol, where a message of several parts is one in several pieces.
    is_ring: bool,
    /// None once it has gone.
    socket: Option<UnixStream>,
    pub unwritten: VecDeque<u8>,
    /// How many bytes it has written and has queued in all, and those of the messages that were received.
    pub written_len: usize,
    queued_len: usize,
    pub received_len: usize,
    /// Messages that are still to be received.
    pub expected: VecDeque<Queued>,
    /// The parts of one of which more is to be queued.
    begun: Vec<Vec<u8>>,
    part_count: u8,
    /// Nothing more is queued: it has finished, or what it says is refused from there on.
    pub has_ended: bool,
    /// It has left with what was said to it unread, and so what it has said may be lost.
    pub is_lost: bool,
}

impl Peer {
    /// One that has connected, and whose part of a handshake is to be written, if its protocol has one.
    pub fn new(number: usize, socket: UnixStream, socket_type: SocketType, is_ring: bool) -> Peer {
        socket.set_nonblocking(true).expect("non-blocking");
        let mut properties = Vec::new();
        Properties::write(&mut properties, b"Socket-Type", socket_type.name().as_bytes())
            .expect("it is short");
        let mut peer = Peer {
            number: number as u8,
            is_ring,
            socket: Some(socket),
            unwritten: VecDeque::new(),
            written_len: 0,
            queued_len: 0,
            received_len: 0,
            expected: VecDeque::new(),
            begun: Vec::new(),
            part_count: 0,
            has_ended: false,
            is_lost: false,
        };
        if is_ring {
            return peer;
        }
        peer.push(&Greeting::new(Mechanism::NULL, false).encode());
        let properties = Properties::parse(&properties).expect("it was written");
        peer.push_command(Command::Ready(properties));
        peer
    }

    fn push(&mut self, bytes: &[u8]) {
        self.unwritten.extend(bytes);
        self.queued_len += bytes.len();
    }

    fn push_command(&mut self, command: Command<'_>) {
        let mut body = Vec::new();
        command.write(&mut body).expect("it is in order");
        self.push(&[4, body.len() as u8]);
        self.push(&body);
    }

    /// A part more, of the message that is begun. The first of a message says whose it is, and no two are alike.
    pub fn queue(&mut self, len: usize, is_last: bool) {
        if self.has_ended {
            return;
        }
        self.part_count = self.part_count.wrapping_add(1);
        let mut body: Vec<u8> = (0..len).map(|at| (at ^ at >> 8) as u8 ^ self.part_count).collect();
        if self.begun.is_empty() {
            body.resize(len.max(1), 0);
            body[0] = self.number;
        }
        let is_last = is_last || self.begun.len() + 1 == MOST_PARTS;
        let flags = u8::from(!is_last);
        match body.len() {
            len if self.is_ring => {
                self.push(&[flags]);
                self.push(&(len as u32 + 5).to_be_bytes());
            }
            short @ 0..=255 => self.push(&[flags, short as u8]),
            long => {
                self.push(&[flags | 2]);
                self.push(&(long as u64).to_be_bytes());
            }
        }
        self.push(&body);
        self.begun.push(body);
        if is_last {
            let mut parts = std::mem::take(&mut self.begun);
            if self.is_ring {
                parts = vec![parts.concat()];
            }
            self.expected.push_back(Queued { parts, end: self.queued_len });
        }
    }

    /// It asks whether we live, between two messages or two parts of one.
    pub fn queue_ping(&mut self) {
        if !self.has_ended && !self.is_ring {
            self.push_command(Command::Ping { ttl: Duration::ZERO, context: b"well?" });
        }
    }

    /// It announces a part that is too long: it is let go, with nothing taken that is behind it.
    pub fn queue_too_long(&mut self) {
        if !self.has_ended {
            if self.is_ring {
                self.push(&[0]);
                self.push(&(MAX as u32 + 1 + 5).to_be_bytes());
            } else {
                self.push(&[2]);
                self.push(&(MAX as u64 + 1).to_be_bytes());
            }
            self.push(&[0; 9]);
            self.has_ended = true;
        }
    }

    /// Writes at most so many bytes, and reads what it is sent.
    pub fn write(&mut self, len: usize) {
        let Some(socket) = &mut self.socket else { return };
        let len = self.unwritten.len().min(len);
        let front = &self.unwritten.make_contiguous()[..len];
        let result = match front {
            [] => Ok(0),
            _ => net::send(socket.as_fd(), front), // not by std: a fuzzer does not ignore SIGPIPE
        };
        match result {
            Ok(len) => {
                self.unwritten.drain(..len);
                self.written_len += len;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // It was let go.
            Err(error) => {
                assert!(self.has_ended, "{error}");
                self.unwritten.clear();
            }
        }
        // What it is told, it has no use for.
        while matches!(socket.read(&mut [0; 1024]), Ok(1..)) {}
    }

    /// It finishes, perhaps within a message: what it has not written by now it never will.
    pub fn shut_down(&mut self) {
        if let Some(socket) = &self.socket {
            let _ = socket.shutdown(Shutdown::Write); // it fails where the other end has gone
            self.has_ended = true;
            self.unwritten.clear();
            self.expected.retain(|queued| queued.end <= self.written_len);
        }
    }

    /// It goes.
    pub fn leave(&mut self) {
        self.shut_down();
        self.is_lost = self.socket.take().is_some() || self.is_lost;
    }
}
