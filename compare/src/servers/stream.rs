//! An echo server as a `Stream`: what has arrived is taken by way of a buffer of the application's, and sent back.

use std::io;
use std::net::TcpStream;

use ringmq::{Builder, State, Stream};

use super::Setting;

pub fn serve(setting: Setting, socket: TcpStream) -> io::Result<()> {
    let mut reactor = Builder::new().backend(setting.backend).build()?;
    let mut context = reactor.context();
    let stream = Stream::new(socket, &context.memory())?;
    context.add(stream, |message: &mut Vec<u8>, context, id| {
        let is_open = context.get_mut(id).is_some_and(|stream| {
            message.clear();
            message.extend_from_slice(stream.input());
            if stream.send(message).is_ok() {
                stream.consume(message.len());
            }
            stream.state() == State::Open
        });
        if !is_open {
            context.stop();
        }
    })?;
    reactor.run(&mut Vec::new())
}
