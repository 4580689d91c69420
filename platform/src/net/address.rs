//! Socket addresses, as std has them and as the kernel does.

use std::ffi::OsStr;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::raw::c_int;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net as unix;
use std::path::Path;

use crate::sys::Numbered;

/// Room for the address of either family, aligned for both.
#[repr(C)]
pub(super) union Storage {
    any: libc::sockaddr,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Storage {
    pub(super) fn empty() -> Storage {
        // SAFETY: socket addresses are plain integers, for all of which zero is a value.
        unsafe { mem::zeroed() }
    }
}

pub(super) fn encode(address: &SocketAddr) -> (Storage, libc::socklen_t) {
    let mut storage = Storage::empty();
    let len = match address {
        SocketAddr::V4(address) => {
            // SAFETY: a zeroed sockaddr_in, in which every field is plain integers.
            let v4 = unsafe { &mut storage.v4 };
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = address.port().to_be();
            v4.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
            mem::size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            // SAFETY: as above, of sockaddr_in6.
            let v6 = unsafe { &mut storage.v6 };
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = address.port().to_be();
            v6.sin6_addr.s6_addr = address.ip().octets();
            v6.sin6_flowinfo = address.flowinfo();
            v6.sin6_scope_id = address.scope_id();
            mem::size_of::<libc::sockaddr_in6>()
        }
    };
    // The BSDs' sin_len need not be set: the kernel takes the length that is passed beside the address.
    (storage, len as libc::socklen_t)
}

pub(super) fn decode(storage: &Storage) -> io::Result<SocketAddr> {
    // SAFETY: every member begins with the family (and, on the BSDs, the length), and all of it was initialised.
    let family = c_int::from(unsafe { storage.any.sa_family });
    match family {
        libc::AF_INET => {
            // SAFETY: the family says which member it is.
            let v4 = unsafe { storage.v4 };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Ok(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says which member it is.
            let v6 = unsafe { storage.v6 };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Ok(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)))
        }
        // FreeBSD and macOS hand out a connection that was reset in the queue without an address.
        number => {
            let before = "accepted a connection with an address of family ";
            let message = Numbered { before, number, after: ", not of IPv4 or IPv6" };
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, message))
        }
    }
}

/// Room for the address of a UNIX socket.
pub(super) fn empty_path() -> libc::sockaddr_un {
    // SAFETY: socket addresses are plain integers, for all of which zero is a value.
    unsafe { mem::zeroed() }
}

/// As the kernel takes it, with the zero byte behind it that not all of them need.
pub(super) fn encode_path(path: &Path) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    let mut address = empty_path();
    let bytes = path.as_os_str().as_bytes();
    let room = address.sun_path.len() - 1;
    if bytes.is_empty() || bytes.len() > room || bytes.contains(&0) {
        let message = format!("expected a path of 1 to {room} bytes, none of them zero, found {path:?}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as _;
    }
    let len = path_offset(&address) + bytes.len() + 1;
    Ok((address, len as libc::socklen_t))
}

/// What the kernel wrote, `len` bytes of it by its own account; `None` for a name that cannot be told from here: one of Linux's that is
/// no path, or one that fills all of the room.
pub(super) fn decode_path(address: &libc::sockaddr_un, len: libc::socklen_t) -> Option<unix::SocketAddr> {
    let len = (len as usize).saturating_sub(path_offset(address)).min(address.sun_path.len());
    #[allow(clippy::unnecessary_cast)] // a `char` of C is signed on some machines, and not on others
    let name: Vec<u8> = address.sun_path[..len].iter().map(|byte| *byte as u8).collect();
    let path = name.split(|byte| *byte == 0).next().unwrap_or(&[]);
    // The BSDs' kernels count zeroes for a peer without a name (FreeBSD and macOS: 16 bytes, whatever there is in them).
    let has_other_name = cfg!(any(target_os = "linux", target_os = "android")) && !name.is_empty();
    if path.is_empty() && has_other_name {
        return None;
    }
    unix::SocketAddr::from_pathname(OsStr::from_bytes(path)).ok()
}

/// The address of a socket that was never bound: what an empty path becomes.
pub(super) fn unnamed() -> io::Result<unix::SocketAddr> {
    unix::SocketAddr::from_pathname("")
}

fn path_offset(address: &libc::sockaddr_un) -> usize {
    std::ptr::addr_of!(address.sun_path) as usize - address as *const libc::sockaddr_un as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_way_through_the_kernels_form() {
        for text in ["127.0.0.1:80", "255.254.253.252:65535", "[::1]:1", "[fe80::1%3]:443"] {
            let address: SocketAddr = text.parse().expect("the address is well formed");
            let (storage, _) = encode(&address);
            assert_eq!(decode(&storage).expect("the family is known"), address);
        }
    }

    #[test]
    fn a_family_that_is_no_internet_is_an_aborted_connection() {
        let error = decode(&Storage::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[test]
    fn a_path_survives_the_way_through_the_kernels_form() {
        let longest = "p".repeat(empty_path().sun_path.len() - 1);
        for path in ["/run/a socket", "x", &longest] {
            let (address, len) = encode_path(Path::new(path)).expect("the path fits");
            let decoded = decode_path(&address, len).expect("the name is a path");
            assert_eq!(decoded.as_pathname(), Some(Path::new(path)));
        }
    }

    #[test]
    fn a_path_that_the_kernel_would_cut_or_read_otherwise_is_refused() {
        let too_long = "p".repeat(empty_path().sun_path.len());
        for path in ["", "a\0b", "\0abstract", &too_long] {
            let error = encode_path(Path::new(path)).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_peer_without_a_name_has_an_address_without_one() {
        let address = empty_path();
        for len in [0, path_offset(&address)] {
            let decoded = decode_path(&address, len as libc::socklen_t).expect("no name is to be told");
            assert!(decoded.is_unnamed());
        }
    }
}
