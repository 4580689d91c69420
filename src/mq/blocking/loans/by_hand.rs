//! Peers of which a test says every byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::codec::zmtp::{Greeting, Mechanism};

/// A peer that is played by hand.
pub(super) struct ByHand {
    pub stream: TcpStream,
    pub dialect: Dialect,
}

impl ByHand {
    /// Connects to a REP.
    pub fn requester(address: &str, dialect: Dialect) -> ByHand {
        let stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
        ByHand::begin(stream, dialect, b"REQ")
    }

    /// Accepts a REQ that connects.
    pub fn replier(io: &IoThread, dialect: Dialect) -> (BlockingSocket, ByHand) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let req = io.socket_with(SocketType::Req, Options::new().dialect(dialect)).unwrap();
        req.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        (req, ByHand::begin(listener.accept().unwrap().0, dialect, b"REP"))
    }

    /// At the other end of a connection that is there: with a handshake, where there is one.
    pub fn begin(stream: TcpStream, dialect: Dialect, socket_type: &[u8; 3]) -> ByHand {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut peer = ByHand { stream, dialect };
        if dialect == Dialect::Zmtp {
            peer.write(&Greeting::new(Mechanism::NULL, false).encode());
            peer.stream.read_exact(&mut [0; 64]).unwrap();
            peer.write(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03");
            peer.write(socket_type);
            assert_eq!(peer.frame().0, 4, "READY");
        }
        peer
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The flags of the next frame, without that of a long one, and its body.
    pub fn try_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut flags = [0];
        self.stream.read_exact(&mut flags)?;
        let mut size = [0; 8];
        let (size_len, header_len) = match self.dialect {
            Dialect::Ring => (4, 5),
            _ if flags[0] & 2 == 0 => (1, 0),
            _ => (8, 0),
        };
        self.stream.read_exact(&mut size[8 - size_len..])?;
        let mut body = vec![0; u64::from_be_bytes(size) as usize - header_len];
        self.stream.read_exact(&mut body)?;
        Ok((flags[0] & !2, body))
    }

    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        self.try_frame().unwrap()
    }

    /// The parts of the request or reply that begins with this frame.
    pub fn try_parts(&mut self, first: (u8, Vec<u8>)) -> io::Result<Vec<Vec<u8>>> {
        let mut frames = vec![first];
        while frames[frames.len() - 1].0 == 1 {
            frames.push(self.try_frame()?);
        }
        assert_eq!(frames[frames.len() - 1].0, 0, "no flags but one");
        let mut bodies: Vec<_> = frames.into_iter().map(|(_, body)| body).collect();
        Ok(match self.dialect {
            Dialect::Ring => vec![bodies.concat()],
            Dialect::Zmtp | Dialect::Any => {
                assert_eq!(bodies.remove(0), b"", "an empty part before the others");
                bodies
            }
        })
    }

    /// The body of the next request or reply.
    pub fn hear(&mut self) -> Vec<u8> {
        let first = self.frame();
        let mut parts = self.try_parts(first).unwrap();
        assert_eq!(parts.len(), 1);
        parts.remove(0)
    }

    pub fn say(&mut self, body: &[u8]) {
        self.write(&framed(self.dialect, body));
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

/// A request or a reply of one part, which is short, as it is written.
pub(super) fn framed(dialect: Dialect, body: &[u8]) -> Vec<u8> {
    match dialect {
        Dialect::Ring => [&[0, 0, 0, 0, 5 + body.len() as u8][..], body].concat(),
        Dialect::Zmtp | Dialect::Any => [&[1, 0, 0, body.len() as u8][..], body].concat(),
    }
}
