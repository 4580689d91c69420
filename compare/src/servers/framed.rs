//! An echo server as a `Framed` with a length prefix of four bytes: each frame goes back from where it lies.

use std::io;
use std::net::TcpStream;

use ringmq::codec::LengthPrefix;
use ringmq::{Builder, Framed, State};

use super::{Setting, LEN_MAX};

pub fn serve(setting: Setting, socket: TcpStream) -> io::Result<()> {
    let mut reactor = Builder::new().backend(setting.backend).build()?;
    let mut context = reactor.context();
    let framed = Framed::new(LengthPrefix::new(LEN_MAX), socket, &context.memory())?;
    context.add(framed, |_: &mut (), context, id| {
        if !context.get_mut(id).is_some_and(echo) {
            context.stop();
        }
    })?;
    reactor.run(&mut ())
}

/// Sends back what has arrived; answers whether more may come.
#[inline(always)] // as if it were written where it is called
pub fn echo(framed: &mut Framed<LengthPrefix>) -> bool {
    let (mut frames, mut outlet) = framed.split();
    while let Some(Ok(frame)) = frames.next() {
        if outlet.send((), frame.body).is_err() {
            frames.put_back();
            break;
        }
    }
    framed.state() == State::Open
}
