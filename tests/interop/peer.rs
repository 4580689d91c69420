//! `peer.py`, from this side.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use ringmq::mq::Message;

use crate::program::Program;
use crate::words::{message_of, word, words};

/// A process with sockets of pyzmq. It is killed when it is dropped.
pub struct Peer(Program);

impl Peer {
    pub fn start(python: &OsStr) -> Peer {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/peer.py");
        Peer(Program::start(Command::new(python).arg(script)))
    }

    /// Gives a command, whose answer is to be taken later.
    pub fn tell(&mut self, command: &str) {
        self.0.say(command);
    }

    /// The answer to the oldest command without one.
    #[track_caller]
    pub fn answer(&mut self) -> String {
        let line = self.0.line();
        match line.strip_prefix("ok") {
            Some(rest) => rest.trim().to_string(),
            None => panic!("the peer says: {line}"),
        }
    }

    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.answer()
    }

    /// Opens a socket, with options such as `ROUTING_ID=name`.
    #[track_caller]
    pub fn open(&mut self, socket: &str, kind: &str, options: &str) {
        self.ask(&format!("open {socket} {kind} {options}"));
    }

    /// Answers with the address, with the port that was chosen if none was given.
    #[track_caller]
    pub fn bind(&mut self, socket: &str, address: &str) -> String {
        self.ask(&format!("bind {socket} {address}"))
    }

    #[track_caller]
    pub fn connect(&mut self, socket: &str, address: &str) {
        self.ask(&format!("connect {socket} {address}"));
    }

    #[track_caller]
    pub fn send(&mut self, socket: &str, message: &Message) {
        self.ask(&format!("send {socket} {}", words(message)));
    }

    #[track_caller]
    pub fn recv(&mut self, socket: &str) -> Message {
        self.tell(&format!("recv {socket}"));
        self.received()
    }

    /// The answer to a `recv` that was told.
    #[track_caller]
    pub fn received(&mut self) -> Message {
        message_of(&self.answer())
    }

    #[track_caller]
    pub fn subscribe(&mut self, socket: &str, prefix: &str) {
        self.ask(&format!("subscribe {socket} {}", word(prefix.as_bytes())));
    }

    #[track_caller]
    pub fn unsubscribe(&mut self, socket: &str, prefix: &str) {
        self.ask(&format!("unsubscribe {socket} {}", word(prefix.as_bytes())));
    }

    /// Whether something is there to be received, now or very soon.
    #[track_caller]
    pub fn has_some(&mut self, socket: &str) -> bool {
        self.ask(&format!("poll {socket} 5")) != "0"
    }

    pub fn program(&self) -> &Program {
        &self.0
    }
}
