//! How connections begin and end.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::io::{AsRawFd, OwnedFd};

use ringmq_platform::conformance::system;

use super::sockets::{send, take, until, Socket};
use super::Group;
use crate::notation::*;
use crate::replay::{Flavour, Lines};

/// Both filters on a new socket, with the news that it can be written to taken already.
fn both_on<S: Socket>(mode: u16) -> (Kq, S, S) {
    let (near, far) = S::pair();
    let kq = Kq::new();
    kq.set(&near, READ, ADD | mode);
    kq.set(&near, WRITE, ADD | mode);
    assert_eq!(kq.look(), "W(data>64)");
    (kq, near, far)
}

pub fn ends<S: Socket>(mode: u16, flavour: Flavour) -> Lines {
    let name = format!("{}{}: ", S::NAME, if mode == CLEAR { "+CLEAR" } else { "" });
    let mut group = Group::new(&name);
    let (kq, mut near, mut far) = both_on::<S>(mode);
    send(&mut far, &near, 3);
    far.shut(Shutdown::Write);
    until(&near, libc::POLLRDHUP);
    group.show("peer wrote and SHUT_WR", kq.look_twice());
    take(&mut near, 3);
    group.show("... data read, EOF not yet", kq.look());
    assert_eq!(near.read(&mut [0; 8]).expect("the end"), 0);
    group.show("... read()=0 seen", kq.look());
    drop(far);
    group.show("... then peer closes", kq.look_twice());

    let (kq, mut near, mut far) = both_on::<S>(mode);
    send(&mut far, &near, 3);
    drop(far);
    until(&near, libc::POLLRDHUP);
    group.show("peer wrote and closed", kq.look_twice());
    let wrote = match near.write(&[0; 9]) {
        Ok(len) => {
            // It comes back as a reset.
            until(&near, libc::POLLERR);
            format!("Ok({len})")
        }
        Err(error) => errno_written(&error, flavour),
    };
    group.show("... write to it; events", format!("{wrote} {}", kq.look()));

    let (kq, near, _far) = both_on::<S>(mode);
    near.shut(Shutdown::Read);
    group.show("own SHUT_RD", kq.look());
    near.shut(Shutdown::Write);
    group.show("then own SHUT_WR", kq.look());
    let kq = Kq::new();
    kq.set(&near, READ, ADD | mode);
    kq.set(&near, WRITE, ADD | mode);
    group.show("added after both", kq.look());
    if S::NAME == "tcp" {
        reset(mode, flavour, &mut group);
    }
    group.lines
}

fn reset(mode: u16, flavour: Flavour, group: &mut Group) {
    let (kq, mut near, far) = both_on::<TcpStream>(mode);
    system::reset_on_close(&far);
    drop(far);
    until(&near, libc::POLLERR);
    group.show("RST", kq.look_twice());
    let error = near.read(&mut [0; 8]).expect_err("it was reset");
    group.show(&format!("... read()={} then", errno_written(&error, flavour)), kq.look());
}

pub fn added_after_the_end<S: Socket>() -> Lines {
    let mut group = Group::new(&format!("{}: ", S::NAME));
    let (near, far) = S::pair();
    drop(far);
    until(&near, libc::POLLRDHUP);
    let kq = Kq::new();
    kq.set(&near, READ, ADD);
    kq.set(&near, WRITE, ADD);
    group.show("added after the peer closed", kq.look());
    let kq = Kq::new();
    kq.set(&near, WRITE, ADD);
    group.show("WRITE only, added after peer closed", kq.look());
    group.lines
}

pub fn connecting() -> Lines {
    let mut group = Group::new("");
    let fresh = fresh_socket();
    let kq = Kq::new();
    let added = kq.submit(&[change(&fresh, READ, ADD), change(&fresh, WRITE, ADD)]);
    group.show("fresh unconnected socket: READ, WRITE", format!("{added} / {}", kq.look()));

    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let connected = begin_to_connect(&fresh, &address);
    until(&fresh, libc::POLLOUT);
    group.show("connect()", format!("{connected} ({}: EINPROGRESS) {}", connected == "Err(true)", kq.look()));

    // Nobody listens on the port of a connection whose listener is gone.
    let (_near, far) = <TcpStream as Socket>::pair();
    let address = far.local_addr().expect("local_addr");
    let refused = fresh_socket();
    let connected = begin_to_connect(&refused, &address);
    until(&refused, libc::POLLERR);
    let kq = Kq::new();
    let added = kq.submit(&[change(&refused, READ, ADD), change(&refused, WRITE, ADD)]);
    group.show("refused connect(), added after", format!("{connected} {added} / {}", kq.look()));

    let refused = fresh_socket();
    let kq = Kq::new();
    kq.submit(&[change(&refused, READ, ADD), change(&refused, WRITE, ADD)]);
    let connected = begin_to_connect(&refused, &address);
    until(&refused, libc::POLLERR);
    group.show("refused connect(), added before", format!("{connected} {}", kq.look()));
    group.lines
}

fn fresh_socket() -> OwnedFd {
    let socket = system::fresh_socket();
    system::set_nonblocking(&socket);
    socket
}

/// Begins to connect; answers whether that is told by the error that it is under way.
fn begin_to_connect(fd: &OwnedFd, address: &SocketAddr) -> String {
    let SocketAddr::V4(v4) = address else { unreachable!("the address is of IPv4") };
    // SAFETY: a sockaddr_in is integers, for which zero is a value.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_port = v4.port().to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
    let len = std::mem::size_of_val(&address) as libc::socklen_t;
    // SAFETY: the pointer is to an address of this length.
    match unsafe { libc::connect(fd.as_raw_fd(), (&address as *const libc::sockaddr_in).cast(), len) } {
        -1 => format!("Err({})", io::Error::last_os_error().raw_os_error() == Some(libc::EINPROGRESS)),
        _ => "Ok(())".to_owned(),
    }
}

/// An error by its number, as the program on that kernel saw it: FreeBSD's was asked through a shim that has Linux's numbers.
fn errno_written(error: &io::Error, flavour: Flavour) -> String {
    let errno = error.raw_os_error().expect("it is the kernel's");
    let errno = if flavour == Flavour::NetBsd { number_of_the_bsds(errno) } else { errno };
    format!("Err(\"errno{errno}\")")
}
