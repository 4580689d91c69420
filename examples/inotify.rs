//! Try, on Linux: `cargo run --example inotify /tmp`, and beside it `touch /tmp/a; rm /tmp/a`.
//!
//! Says what comes into a folder and what goes, by a source of its own, which `ringmq::guide::sources` explains.
#![cfg_attr(not(target_os = "linux"), allow(unused))]
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::error::Error;
use std::{fs::File, io, io::Read, os::fd::AsFd, os::fd::BorrowedFd, os::fd::OwnedFd};

use ringmq::platform::{Backend, Interest, Ready};
use ringmq::{Buf, Builder, Fire, Io, Source};

const HELP: &str = "\
usage: inotify [FOLDER]

Says what comes into the folder (default: .) and what goes. Ends when the folder itself has gone, or when it is interrupted.

  -h, --help        this text

RINGMQ_BACKEND      epoll, poll or select; without it the best of this system
";

struct Watch {
    inotify: File,
    events: Option<Buf>,
}

impl Source for Watch {
    fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
    fn interest(&self) -> Interest {
        // None before the callback has taken what is there; until then the kernel keeps the rest.
        self.events.as_ref().map_or(Interest::READABLE, |_| Interest::NONE)
    }
    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        let Some(mut buf) = io.lend() else { return Fire::No }; // called again when there is memory
        let Ok(len) = self.inotify.read(buf.spare()) else { return Fire::No }; // nothing there after all
        io.count_read(len);
        buf.advance(len);
        self.events = Some(buf);
        Fire::Yes
    }
}

#[cfg(target_os = "linux")]
fn main() {
    if let Err(error) = run() {
        eprintln!("inotify: {error}");
        std::process::exit(1);
    }
}

#[cfg(target_os = "linux")]
fn run() -> Result<(), Box<dyn Error>> {
    use nix::sys::inotify::{AddWatchFlags as Mask, InitFlags, Inotify};
    let Some(folder) = parse(lexopt::Parser::from_env())? else {
        print!("{HELP}");
        return Ok(());
    };
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let mask = Mask::IN_CREATE | Mask::IN_DELETE | Mask::IN_MOVE | Mask::IN_ONLYDIR;
    inotify
        .add_watch(&*folder, mask)
        .map_err(|errno| format!("cannot watch {folder}: {}", io::Error::from(errno)))?;
    let mut reactor = Builder::new().backend(Backend::from_env("RINGMQ_BACKEND")?).build()?;
    let watch = Watch { inotify: OwnedFd::from(inotify).into(), events: None };
    reactor.context().add(watch, |_: &mut (), context, id| {
        let events = context.get_mut(id).and_then(|watch| watch.events.take());
        let mut rest = events.as_ref().map_or(&[][..], Buf::filled);
        while let Some(header) = rest.get(..16) {
            // Four numbers: the second is the mask, the fourth the length of the name that follows and its padding.
            let number = |at| u32::from_ne_bytes(header[at..at + 4].try_into().expect("it is 4 bytes"));
            let (mask, end) = (Mask::from_bits_retain(number(4)), 16 + number(12) as usize);
            match String::from_utf8_lossy(&rest[16..end]).trim_end_matches('\0') {
                _ if mask.contains(Mask::IN_Q_OVERFLOW) => println!("? the kernel has dropped some"),
                _ if mask.contains(Mask::IN_IGNORED) => context.stop(), // the folder itself has gone
                name if mask.intersects(Mask::IN_CREATE | Mask::IN_MOVED_TO) => println!("+ {name}"),
                name => println!("- {name}"),
            }
            rest = &rest[end..];
        }
    })?;
    println!("watching {folder} with {}", reactor.backend());
    Ok(reactor.run(&mut ())?)
}

/// The folder; none when only the help text is wanted.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<String>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut folder = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(word) if folder.is_none() => folder = Some(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(folder.unwrap_or_else(|| ".".to_owned())))
}

#[cfg(not(target_os = "linux"))]
fn main() {} // this system has no inotify
