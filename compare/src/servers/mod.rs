//! Echo servers to be counted, one a file, each for one connection; and the command that runs one of them in a process of its own.

mod called;
pub mod framed;
mod raw;
mod stream;
mod timed;

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::str::FromStr;

use lexopt::prelude::*;
use ringmq::platform::Backend;

#[cfg(target_os = "linux")]
use crate::peers::{hand, Contestant};

/// The longest message: what one read takes at once, so that a round trip is the same work each time.
pub const LEN_MAX: usize = 16 * 1024;

/// How a server is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Bare,
    Raw,
    Called,
    Stream,
    Framed,
    Timed,
}

/// A server as it is to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub kind: Kind,
    pub backend: Backend,
    /// How long a message is.
    pub len: usize,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Bare, Kind::Raw, Kind::Called, Kind::Stream, Kind::Framed, Kind::Timed];

    fn name(self) -> &'static str {
        match self {
            Kind::Bare => "bare",
            Kind::Raw => "raw",
            Kind::Called => "called",
            Kind::Stream => "stream",
            Kind::Framed => "framed",
            Kind::Timed => "timed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Kind, String> {
        let names = Kind::ALL.map(Kind::name).join(", ");
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(format!("no row {name}: there are {names}"))
    }
}

impl Setting {
    /// What this program is to be told so that it runs that server.
    pub fn arguments(self) -> Vec<OsString> {
        let words = ["serve", self.kind.name(), &self.backend.to_string(), &self.len.to_string()];
        words.map(OsString::from).to_vec()
    }

    /// A message as the server takes it.
    pub fn request(self) -> Vec<u8> {
        let body = (0..self.len).map(|at| at as u8);
        match self.kind {
            Kind::Framed | Kind::Timed => (self.len as u32).to_be_bytes().into_iter().chain(body).collect(),
            Kind::Bare | Kind::Raw | Kind::Called | Kind::Stream => body.collect(),
        }
    }
}

/// `serve KIND BACKEND LEN`: tells its address in a line, serves one connection until the peer hangs up, and ends.
pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let kind = arguments.value()?.parse()?;
    let backend = arguments.value()?.parse()?;
    let len = arguments.value()?.parse()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    serve(Setting { kind, backend, len }, stream)?;
    Ok(ExitCode::SUCCESS)
}

fn serve(setting: Setting, stream: TcpStream) -> io::Result<()> {
    match setting.kind {
        #[cfg(target_os = "linux")]
        Kind::Bare => hand::Hand.echo(vec![stream]).map_err(|error| io::Error::other(error.to_string())),
        #[cfg(not(target_os = "linux"))]
        Kind::Bare => Err(io::Error::new(io::ErrorKind::Unsupported, "the loop by hand is for epoll")),
        Kind::Raw => raw::serve(setting, stream),
        Kind::Called => called::serve(setting, stream),
        Kind::Stream => stream::serve(setting, stream),
        Kind::Framed => framed::serve(setting, stream),
        Kind::Timed => timed::serve(setting, stream),
    }
}
