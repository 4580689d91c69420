//! Numbers, duplicates, turns, and descriptors other than connections.

use std::net::{TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq_platform::conformance::system;

use super::sockets::{send, take, until, Socket};
use super::Group;
use crate::notation::*;
use crate::replay::Lines;

/// Duplicates, and numbers that are closed and come back. This closes a number and counts on being given it again: no other test runs
/// at the same time.
pub fn numbers() -> Lines {
    let mut group = Group::new("");
    let (near, mut far) = UnixStream::pair().expect("socketpair");
    send(&mut far, &near, 1);
    let (kq, other) = (Kq::new(), Kq::new());
    kq.set(&near, READ, ADD);
    other.set(&near, READ, ADD);
    group.show("one fd in two kqueues", format!("{} / {}", kq.look(), other.look()));
    let duplicate = near.try_clone().expect("dup");
    let count = |kq: &Kq| kq.ask(&[], 16, Some(Duration::ZERO)).expect("kevent").len().to_string();
    group.show("dup not added by itself, events", count(&kq));
    kq.submit(&[change(&duplicate, READ, ADD).with_udata(8)]);
    group.show("dup added too (own ident)", kq.look());
    let number = near.as_raw_fd();
    drop(near);
    group.show("original closed, dup open: events", kq.look());
    group.show("EV_DELETE after close", kq.submit(&[change_of(number, READ, DELETE)]));
    let (new, mut peer) = UnixStream::pair().expect("socketpair");
    group.show("new fd has the old number", (new.as_raw_fd() == number).to_string());
    send(&mut peer, &new, 1);
    let events = kq.ask(&[], 16, Some(Duration::ZERO)).expect("kevent");
    let of_number = events.iter().filter(|event| event.ident == number as usize).count();
    group.show("events for the reused number w/o ADD", of_number.to_string());
    let added = kq.submit(&[change(&new, READ, ADD).with_udata(55)]);
    group.show("ADD of the reused number", format!("{added} / {}", kq.look()));
    group.lines
}

pub fn turns() -> Lines {
    let mut group = Group::new("");
    let mut pairs: Vec<(UnixStream, UnixStream)> = (0..4).map(|_| <UnixStream as Socket>::pair()).collect();
    let kq = Kq::new();
    for (index, (near, far)) in pairs.iter_mut().enumerate() {
        send(far, near, 1);
        kq.submit(&[change(near, READ, ADD).with_udata(index)]);
    }
    let one = || kq.ask(&[], 1, Some(Duration::ZERO)).expect("kevent")[0].udata as usize;
    let order: Vec<usize> = (0..8).map(|_| one()).collect();
    group.show("4 level-ready, nevents=1, 8 waits", format!("{order:?}"));
    let two = kq.ask(&[], 2, Some(Duration::ZERO)).expect("kevent");
    group.show("nevents=2 of 4", two.len().to_string());

    let outer = Kq::new();
    let name = "kqueue in a kqueue (READ)";
    outer.set(&kq.0, READ, ADD);
    group.show(name, outer.look_twice());
    pairs.iter_mut().for_each(|(near, _)| take(near, 1));
    group.show(&format!("{name} ... inner drained"), outer.look());
    drop(kq);
    group.show(&format!("{name} ... inner closed"), outer.look());
    group.lines
}

pub fn listener() -> Lines {
    let mut group = Group::new("listener");
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let kq = Kq::new();
    kq.set(&listener, READ, ADD | CLEAR);
    let _first = TcpStream::connect(address).expect("connect");
    until(&listener, libc::POLLIN);
    group.show(" CLEAR: 1 pending, 1st / 2nd", kq.look_twice());
    let _second = TcpStream::connect(address).expect("connect");
    group.show(" CLEAR: 2nd connection, none accepted", kq.look());
    let _accepted = listener.accept().expect("accept");
    group.show(" CLEAR: one accepted", kq.look());
    let kq = Kq::new();
    let added = kq.submit(&[change(&listener, WRITE, ADD)]);
    group.show(": WRITE filter", format!("{added} / {}", kq.look()));
    group.lines
}

pub fn pipes() -> Lines {
    let mut group = Group::new("pipe: ");
    let (reader, writer) = system::pipe();
    let (mut reader, mut writer) = (std::fs::File::from(reader), std::fs::File::from(writer));
    let kq = Kq::new();
    kq.set(&reader, READ, ADD);
    kq.set(&writer, WRITE, ADD | CLEAR);
    group.show("idle", kq.look());
    send(&mut writer, &reader, 3);
    group.show("3 bytes", kq.look());
    drop(writer);
    group.show("write end closed, 3 bytes left, x2", kq.look_twice());
    take(&mut reader, 3);
    group.show("write end closed, drained", kq.look());

    let (reader, writer) = system::pipe();
    let kq = Kq::new();
    kq.set(&writer, WRITE, ADD | CLEAR);
    assert_eq!(kq.look(), "W(data>64)");
    drop(reader);
    group.show("read end closed (WRITE knote), x2", kq.look_twice());
    let kq = Kq::new();
    let added = kq.submit(&[change(&writer, WRITE, ADD)]);
    group.show("WRITE added after read end closed", format!("{added} / {}", kq.look()));

    let (reader, writer) = system::pipe();
    let kq = Kq::new();
    let added = kq.submit(&[change(&reader, WRITE, ADD)]);
    group.show("WRITE filter on the read end", format!("{added} / {}", kq.look()));
    let kq = Kq::new();
    let added = kq.submit(&[change(&writer, READ, ADD)]);
    group.show("READ filter on the write end", format!("{added} / {}", kq.look()));

    let mut writer = std::fs::File::from(writer);
    let kq = Kq::new();
    kq.set(&reader, READ, ADD | CLEAR);
    send(&mut writer, &reader, 2);
    let first = kq.look();
    send(&mut writer, &reader, 2);
    group.show("CLEAR, write, report, write, report", format!("{first} / {}", kq.look_twice()));
    drop(writer);
    group.show("CLEAR, then write end closed, x2", kq.look_twice());
    group.lines
}

pub fn files() -> Lines {
    let mut group = Group::new("");
    let path = std::env::temp_dir().join(format!("ringmq-observed-{}", std::process::id()));
    let mut options = std::fs::File::options();
    let mut file =
        options.read(true).write(true).create(true).truncate(true).open(&path).expect("make a file");
    std::fs::remove_file(&path).expect("unlink it");
    let kq = Kq::new();
    let added = kq.submit(&[change(&file, READ, ADD)]);
    group.show("empty file: READ", format!("{added} / {}", kq.look()));
    std::os::unix::fs::FileExt::write_all_at(&file, b"hello", 0).expect("write");
    group.show("file: READ at offset 0 of 5", kq.look());
    take(&mut file, 5);
    group.show("file: READ at end", kq.look());
    let kq = Kq::new();
    let added = kq.submit(&[change(&file, WRITE, ADD)]);
    group.show("file: WRITE", format!("{added} / {}", kq.look()));
    group.lines
}
