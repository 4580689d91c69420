//! The two ends of a transfer: a server that sends every message back, and a client that sends them and compares what returns.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ringmq::codec::{LengthPrefix, LengthPrefixEncoder};
use ringmq::platform::{net, Backend};
use ringmq::{Builder, Context, Framed, Id, Listener, Outlet, Remote, SendError, State};

use crate::plan::{Cargo, Messages, MESSAGE_MAX};

/// The memory of each of the two reactors.
const MEMORY: usize = 16 << 20;

type Connection = Framed<LengthPrefix>;
type Failure = Box<dyn Error + Send + Sync>;

/// What became of one transfer.
pub struct Outcome {
    /// How many messages came back as they were sent.
    pub messages: u64,
    /// How many bytes were in them.
    pub bytes: u64,
    pub duration: Duration,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// Sends the cargo through a server and compares what comes back; the server spoils one byte if asked to.
pub fn transfer(backend: Backend, cargo: &Cargo, flip_byte: Option<u64>) -> Outcome {
    let start = Instant::now();
    let mut client = Client {
        outgoing: cargo.messages(),
        expected: cargo.messages(),
        is_waiting: false,
        messages: 0,
        bytes: 0,
        failure: None,
    };
    let result = run_both(backend, &mut client, flip_byte);
    // What the client saw comes first: that a server then lost its peer is only a consequence.
    let failure = client.failure.or_else(|| result.err());
    Outcome { messages: client.messages, bytes: client.bytes, duration: start.elapsed(), failure }
}

fn run_both(backend: Backend, client: &mut Client, flip_byte: Option<u64>) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel();
    let server = thread::spawn(move || serve(backend, flip_byte, sender));
    let result = match receiver.recv() {
        Ok((address, remote)) => {
            let result = run_client(backend, client, address);
            remote.stop();
            result.map_err(Failure::from)
        }
        // The server could not even start: its own result says why.
        Err(mpsc::RecvError) => Ok(()),
    };
    let served = server.join().unwrap_or_else(|_| Err("the server panicked".into()));
    result.and(served)
}

/// The server's state: the one byte that it is to spoil, counted from here on, and why it gave up.
struct Server {
    flip_in: Option<u64>,
    failure: Option<Failure>,
}

fn serve(
    backend: Backend,
    flip_byte: Option<u64>,
    started: mpsc::Sender<(SocketAddr, Remote<Server>)>,
) -> Result<(), Failure> {
    let mut reactor = Builder::new().backend(backend).memory(MEMORY).build()?;
    let listener = Listener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    reactor.context().listen(listener, |server: &mut Server, context, accepted| {
        if let Err(error) = accepted.and_then(|(stream, _)| welcome(context, stream)) {
            server.failure = Some(error.into());
            context.stop();
        }
    })?;
    started.send((address, reactor.remote()))?;
    let mut server = Server { flip_in: flip_byte, failure: None };
    reactor.run(&mut server)?;
    server.failure.map_or(Ok(()), Err)
}

fn welcome(context: &mut Context<'_, Server>, stream: TcpStream) -> io::Result<()> {
    let connection = Connection::new(LengthPrefix::new(MESSAGE_MAX), stream, &context.memory())?;
    context.add(connection, |server: &mut Server, context, id| {
        if let Err(error) = send_back(server, context, id) {
            server.failure = Some(error);
            context.stop();
        }
    })?;
    Ok(())
}

fn send_back(
    server: &mut Server,
    context: &mut Context<'_, Server>,
    id: Id<Connection>,
) -> Result<(), Failure> {
    let connection = context.get_mut(id).ok_or("the connection is gone")?;
    let (mut frames, mut outlet) = connection.split();
    while let Some(frame) = frames.next() {
        let body = frame?.body;
        let flipped = flip(body, server.flip_in);
        match outlet.send((), flipped.as_deref().unwrap_or(body)) {
            Ok(()) => server.flip_in = server.flip_in.and_then(|left| left.checked_sub(body.len() as u64)),
            Err(SendError::Full(_)) => {
                frames.put_back();
                break;
            }
            Err(SendError::Closed) => break, // the state says why
            Err(error) => return Err(error.into()),
        }
    }
    match (connection.state(), connection.take_error()) {
        (_, Some(error)) => return Err(error.into()),
        (State::Ended, None) => connection.finish(),
        (State::Closed, None) => drop(context.remove(id)),
        _ => {}
    }
    Ok(())
}

/// A copy of the body with one byte spoilt, if that byte is in it.
fn flip(body: &[u8], flip_in: Option<u64>) -> Option<Vec<u8>> {
    let offset = usize::try_from(flip_in?).ok()?;
    let mut copy = body.get(offset).map(|_| body.to_vec())?;
    copy[offset] ^= 1;
    Some(copy)
}

/// The client's state.
struct Client {
    outgoing: Messages,
    /// Whether a message was read that there was no room for yet.
    is_waiting: bool,
    expected: Messages,
    messages: u64,
    bytes: u64,
    failure: Option<Failure>,
}

fn run_client(backend: Backend, client: &mut Client, address: SocketAddr) -> io::Result<()> {
    let mut reactor = Builder::new().backend(backend).memory(MEMORY).build()?;
    let mut context = reactor.context();
    let socket = net::connect(&address)?;
    let connection = Connection::connecting(LengthPrefix::new(MESSAGE_MAX), socket, &context.memory())?;
    context.add(connection, |client: &mut Client, context, id| match client.talk(context, id) {
        Ok(State::Closed) => context.stop(),
        Ok(_) => {}
        Err(error) => {
            client.failure = Some(error);
            context.stop();
        }
    })?;
    reactor.run(client)
}

impl Client {
    /// Compares what has come back, and sends what there is room for.
    fn talk(&mut self, context: &mut Context<'_, Client>, id: Id<Connection>) -> Result<State, Failure> {
        let connection = context.get_mut(id).ok_or("the connection is gone")?;
        let (frames, mut outlet) = connection.split();
        for frame in frames {
            self.compare(frame?.body)?;
        }
        if self.send(&mut outlet)? {
            connection.finish();
        }
        if let Some(error) = connection.take_error() {
            return Err(error.into());
        }
        let state = connection.state();
        if matches!(state, State::Ended | State::Closed) && self.expected.advance()? {
            return Err(format!("the server hung up after {} messages", self.messages).into());
        }
        Ok(state)
    }

    /// Sends messages until there is no room; answers whether the last one was among them.
    fn send(&mut self, outlet: &mut Outlet<'_, LengthPrefixEncoder>) -> Result<bool, Failure> {
        loop {
            if !self.is_waiting && !self.outgoing.advance()? {
                return Ok(true);
            }
            self.is_waiting = match outlet.send((), self.outgoing.message()) {
                Ok(()) => false,
                Err(SendError::Full(_)) => true,
                // The connection is gone, and its state says why.
                Err(SendError::Closed) => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            if self.is_waiting {
                return Ok(false);
            }
        }
    }

    fn compare(&mut self, body: &[u8]) -> Result<(), Failure> {
        let number = self.messages;
        if !self.expected.advance()? {
            return Err(format!("message {number} came back, and no such message was sent").into());
        }
        let expected = self.expected.message();
        if body.len() != expected.len() {
            let (sent, received) = (expected.len(), body.len());
            return Err(
                format!("message {number} was sent with {sent} bytes and came back with {received}").into()
            );
        }
        if body != expected {
            let at = body.iter().zip(expected).take_while(|(received, sent)| received == sent).count();
            let (offset, sent, received) = (self.bytes + at as u64, expected[at], body[at]);
            return Err(
                format!("byte {offset} was sent as {sent:#04x} and came back as {received:#04x}").into()
            );
        }
        self.messages += 1;
        self.bytes += body.len() as u64;
        Ok(())
    }
}
