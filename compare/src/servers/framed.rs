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
        let is_open = context.get_mut(id).is_some_and(|framed| {
            let (mut frames, mut outlet) = framed.split();
            while let Some(Ok(frame)) = frames.next() {
                if outlet.send((), frame.body).is_err() {
                    frames.put_back();
                    break;
                }
            }
            framed.state() == State::Open
        });
        if !is_open {
            context.stop();
        }
    })?;
    reactor.run(&mut ())
}
