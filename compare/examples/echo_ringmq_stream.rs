//! An echo server on ringmq, as a `Stream`, which queues what the peer is slow to take: what `compare size` builds.

use std::io;
use std::net::{SocketAddr, TcpStream};

use ringmq::{Listener, Reactor, State, Stream};

fn main() -> io::Result<()> {
    let mut reactor = Reactor::new()?;
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    reactor.context().listen(listener, |_: &mut Vec<u8>, context, accepted| {
        let stream = Stream::new(accepted?.0, &context.memory())?;
        context.add(stream, |message, context, id| {
            if context.get_mut(id).is_some_and(|stream| echo(stream, message) != State::Open) {
                context.remove(id);
            }
        })?;
        Ok::<_, io::Error>(())
    })?;
    reactor.run(&mut Vec::new())
}

fn echo(stream: &mut Stream<TcpStream>, message: &mut Vec<u8>) -> State {
    message.clear();
    message.extend_from_slice(stream.input());
    // Otherwise there is no room: it is called again when there is.
    if stream.send(message).is_ok() {
        stream.consume(message.len());
    }
    stream.state()
}
