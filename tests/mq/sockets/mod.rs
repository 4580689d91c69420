//! The sockets on a loop, with one another and with peers that are played by hand. Every test runs on every backend of the system.

mod closing;
mod crowd;
mod dialects;
mod ends;
mod flow;
mod greed;
mod patterns;
mod pieces;
mod retries;
mod room;
mod signals;
mod strangers;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ringmq::mq::{Event, Message, NotReceived, Options, Socket, SocketType};
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Id, Reactor};

const MOMENT: Option<Duration> = Some(Duration::from_millis(1));

/// After so long something is awaited in vain. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state of the loop: how often each socket's callback ran.
type World = Vec<Id<Socket>>;

/// A loop with sockets on it.
struct Net {
    reactor: Reactor<World>,
    called: World,
}

/// Runs a test on every backend.
fn on_every_backend(test: fn(&mut Net)) {
    for &backend in Backend::ALL.iter().filter(|backend| backend.is_available()) {
        println!("{backend}");
        let reactor = Builder::new().backend(backend).build().unwrap();
        test(&mut Net { reactor, called: World::new() });
    }
}

impl Net {
    fn context(&mut self) -> Context<'_, World> {
        self.reactor.context()
    }

    fn open(&mut self, socket_type: SocketType) -> Id<Socket> {
        self.open_with(socket_type, Options::new())
    }

    fn open_with(&mut self, socket_type: SocketType, options: Options) -> Id<Socket> {
        let options = options.events(true);
        Socket::open_with(&mut self.context(), socket_type, options, |called: &mut World, _, id| {
            called.push(id)
        })
        .unwrap()
    }

    fn bind(&mut self, socket: Id<Socket>) -> String {
        socket.bind(&mut self.context(), "tcp://127.0.0.1:*").unwrap().to_string()
    }

    fn connect(&mut self, socket: Id<Socket>, address: &str) {
        socket.connect(&mut self.context(), address).unwrap();
    }

    /// A socket that is bound, and one that is connected to it, who know each other.
    fn pair(&mut self, bound: SocketType, connected: SocketType) -> (Id<Socket>, Id<Socket>) {
        let (bound, connected) = (self.open(bound), self.open(connected));
        let address = self.bind(bound);
        self.connect(connected, &address);
        self.await_peers(bound, 1);
        self.await_peers(connected, 1);
        (bound, connected)
    }

    /// Turns the loop until something is there.
    fn until<T>(&mut self, what: &str, mut is_there: impl FnMut(&mut Net) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(there) = is_there(self) {
                return there;
            }
            assert!(began.elapsed() < PATIENCE, "awaited in vain: {what}");
            self.reactor.turn(&mut self.called, MOMENT).unwrap();
        }
    }

    fn await_peers(&mut self, socket: Id<Socket>, count: usize) {
        self.until("peers", |net| (net.peers(socket) == count).then_some(()));
    }

    fn peers(&mut self, socket: Id<Socket>) -> usize {
        self.context().get(socket).map_or(0, Socket::peer_count)
    }

    fn send(&mut self, socket: Id<Socket>, message: impl Into<Message>) {
        socket.send(&mut self.context(), message).unwrap();
    }

    /// As a message of parts.
    fn send_parts(&mut self, socket: Id<Socket>, parts: &[&str]) {
        self.send(socket, Message::from_parts(parts.iter().copied()).unwrap());
    }

    fn recv(&mut self, socket: Id<Socket>) -> Message {
        self.until("a message", |net| net.try_recv(socket).ok())
    }

    fn try_recv(&mut self, socket: Id<Socket>) -> Result<Message, NotReceived> {
        socket.recv(&mut self.context())
    }

    /// What has been received, as text.
    fn heard(&mut self, socket: Id<Socket>) -> String {
        String::from_utf8(self.recv(socket).into_vec()).unwrap()
    }

    /// The next event that is like this.
    fn await_event<T>(&mut self, socket: Id<Socket>, mut is_it: impl FnMut(&Event) -> Option<T>) -> T {
        self.until("an event", |net| {
            while let Some(event) = socket.take_event(&mut net.context()) {
                if let Some(found) = is_it(&event) {
                    return Some(found);
                }
            }
            None
        })
    }

    /// Turns for a while in which nothing is to happen: as often as would show it.
    fn turn_often(&mut self) {
        for _ in 0..50 {
            self.reactor.turn(&mut self.called, Some(Duration::ZERO)).unwrap();
        }
    }

    /// A peer that is played by hand: connects without blocking the loop for long.
    fn stranger(&mut self, address: &str) -> TcpStream {
        let address = address.strip_prefix("tcp://").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(MOMENT).unwrap();
        stream
    }

    /// Reads so many bytes, or to the end if it comes first, and turns the loop meanwhile.
    fn read(&mut self, stream: &mut TcpStream, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut done = 0;
        self.until("bytes", |_| {
            match stream.read(&mut bytes[done..]) {
                Ok(0) => return Some(()),
                Ok(count) => done += count,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Some(()),
                Err(error) => assert!(
                    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
                    "{error}"
                ),
            }
            (done == len).then_some(())
        });
        bytes.truncate(done);
        bytes
    }

    /// The peer has closed the connection, whatever it said before.
    fn await_end(&mut self, stream: &mut TcpStream) {
        while !self.read(stream, 1).is_empty() {}
    }
}

/// A greeting of ZMTP 3.1 with the mechanism NULL.
const GREETING: &[u8; 64] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A READY of a type of socket.
fn ready(socket_type: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type".to_vec();
    body.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
    body.extend_from_slice(socket_type.as_bytes());
    let mut frame = vec![4, body.len() as u8];
    frame.append(&mut body);
    frame
}

/// A stranger that has done its handshake as this type.
fn joined(net: &mut Net, address: &str, socket_type: &str) -> TcpStream {
    let mut stream = net.stranger(address);
    stream.write_all(GREETING).unwrap();
    stream.write_all(&ready(socket_type)).unwrap();
    let answer = net.read(&mut stream, 64 + 2);
    let rest = usize::from(answer[65]);
    net.read(&mut stream, rest);
    stream
}
