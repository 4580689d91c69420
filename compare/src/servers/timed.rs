//! As `framed.rs`, of a connection that is closed when nothing has come for half a minute: an idle timeout, which each message resets.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use ringmq::codec::LengthPrefix;
use ringmq::{Builder, Framed};

use super::framed::echo;
use super::{Setting, LEN_MAX};

const IDLE: Duration = Duration::from_secs(30);

pub fn serve(setting: Setting, socket: TcpStream) -> io::Result<()> {
    let mut reactor = Builder::new().backend(setting.backend).build()?;
    let mut context = reactor.context();
    let framed = Framed::new(LengthPrefix::new(LEN_MAX), socket, &context.memory())?;
    let idle = context.set_timeout(IDLE, |_: &mut (), context| context.stop());
    context.add(framed, move |_, context, id| {
        context.reset_timeout(idle, IDLE);
        if !context.get_mut(id).is_some_and(echo) {
            context.stop();
        }
    })?;
    reactor.run(&mut ())
}
