//! Peers of which a test says every byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::codec::zmtp::{Greeting, Mechanism};

/// A peer that is played by hand.
pub(super) struct ByHand(pub TcpStream);

impl ByHand {
    /// Connects to a REP.
    pub fn requester(address: &str) -> ByHand {
        let stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
        ByHand(stream).shake_hands(b"REQ")
    }

    /// Accepts a REQ that connects.
    pub fn replier(io: &IoThread) -> (BlockingSocket, ByHand) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let req = io.socket(SocketType::Req).unwrap();
        req.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        (req, ByHand(listener.accept().unwrap().0).shake_hands(b"REP"))
    }

    pub fn shake_hands(mut self, socket_type: &[u8; 3]) -> ByHand {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        self.0.set_nodelay(true).unwrap();
        self.0.write_all(&Greeting::new(Mechanism::NULL, false).encode()).unwrap();
        self.0.read_exact(&mut [0; 64]).unwrap();
        self.0.write_all(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03").unwrap();
        self.0.write_all(socket_type).unwrap();
        assert_eq!(self.frame().0, 4, "READY");
        self
    }

    /// The flags of the next frame, without that of a long one, and its body.
    pub fn try_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut flags = [0];
        self.0.read_exact(&mut flags)?;
        let mut size = [0; 8];
        let size_len = if flags[0] & 2 == 0 { 1 } else { 8 };
        self.0.read_exact(&mut size[8 - size_len..])?;
        let mut body = vec![0; u64::from_be_bytes(size) as usize];
        self.0.read_exact(&mut body)?;
        Ok((flags[0] & !2, body))
    }

    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        self.try_frame().unwrap()
    }

    /// The body of the next request or reply.
    pub fn hear(&mut self) -> Vec<u8> {
        assert_eq!(self.frame(), (1, Vec::new()));
        let (flags, body) = self.frame();
        assert_eq!(flags, 0);
        body
    }

    pub fn say(&mut self, body: &[u8]) {
        self.0.write_all(&framed(body)).unwrap();
    }

    /// Answers the requests of a REQ until it is lent the connection.
    pub fn answer_until_lent(&mut self, io: &IoThread, req: &BlockingSocket) {
        for _ in 0..MANY {
            req.send("how much?").unwrap();
            assert_eq!(self.hear(), b"how much?");
            self.say(b"nothing");
            assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"nothing");
            if has_lent(io, req) {
                return;
            }
        }
        panic!("it is never lent");
    }

    /// Asks a REP until it is lent the connection, and has the last request received but not answered.
    pub fn ask_until_lent(&mut self, io: &IoThread, rep: &BlockingSocket) {
        for _ in 0..MANY {
            self.say(b"how much?");
            assert_eq!(rep.recv_timeout(PATIENCE).unwrap().into_vec(), b"how much?");
            if has_lent(io, rep) {
                return;
            }
            rep.send("nothing").unwrap();
            assert_eq!(self.hear(), b"nothing");
        }
        panic!("it is never lent");
    }
}

/// A request or a reply as it is written.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, body.len() as u8][..], body].concat()
}
