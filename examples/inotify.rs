//! Try, on Linux: `cargo run --example inotify /tmp`, and beside it `touch /tmp/a; rm /tmp/a`.
//!
//! Says what comes into a folder and what goes, by a source of its own, which `ringmq::guide::sources` explains.
#![cfg_attr(not(target_os = "linux"), allow(unused))]
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::{fs::File, io, io::Read, os::fd::AsFd, os::fd::BorrowedFd, os::fd::OwnedFd};

use ringmq::platform::{Backend, Interest, Ready};
use ringmq::{Buf, Builder, Fire, Io, Source};

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
fn main() -> io::Result<()> {
    use nix::sys::inotify::{AddWatchFlags as Mask, InitFlags, Inotify};
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    inotify.add_watch(&*folder, Mask::IN_CREATE | Mask::IN_DELETE | Mask::IN_MOVE)?;
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
    reactor.run(&mut ())
}

#[cfg(not(target_os = "linux"))]
fn main() {} // this system has no inotify
