//! An echo server on ringmq, of messages behind a length prefix, as a `Framed`: what `compare size` builds.

use std::io;
use std::net::SocketAddr;

use ringmq::codec::LengthPrefix;
use ringmq::{Framed, Listener, Reactor, State};

fn main() -> io::Result<()> {
    let mut reactor = Reactor::new()?;
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    reactor.context().listen(listener, |_: &mut (), context, accepted| {
        let framed = Framed::new(LengthPrefix::new(4096), accepted?.0, &context.memory())?;
        context.add(framed, |_, context, id| {
            if context.get_mut(id).is_some_and(|framed| echo(framed) != State::Open) {
                context.remove(id);
            }
        })?;
        Ok::<_, io::Error>(())
    })?;
    reactor.run(&mut ())
}

fn echo(framed: &mut Framed<LengthPrefix>) -> State {
    let (mut frames, mut outlet) = framed.split();
    while let Some(Ok(frame)) = frames.next() {
        // Otherwise there is no room: it is called again when there is.
        if outlet.send((), frame.body).is_err() {
            frames.put_back();
            break;
        }
    }
    framed.state()
}
