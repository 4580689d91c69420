//! What a descriptor is ready for, as a BSD's filters would put it, told from what Linux says of it.

use std::mem;
use std::os::raw::{c_int, c_short};
use std::os::unix::io::RawFd;

use crate::flavour::Flavour;
use crate::EV_EOF;

/// One of the two filters that there are here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Filter {
    Read,
    Write,
}

/// What a number names, as far as the filters treat it differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Tcp,
    UnixStream,
    Datagram,
    /// Of a FIFO too.
    PipeReader,
    PipeWriter,
    FifoWriter,
    File,
    Other,
}

/// What an event says beside whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Report {
    pub flags: u16,
    pub fflags: u32,
    pub data: isize,
}

/// What can be seen of a descriptor at one time: two of these tell what happened between.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// Nothing more comes in.
    pub read_end: bool,
    /// Nothing more goes out.
    pub write_end: bool,
    pub error: bool,
    /// How many bytes the peer of a TCP connection has acknowledged.
    pub acked: u64,
}

/// What the number names; nothing when it is closed.
pub fn kind_of(fd: RawFd) -> Option<Kind> {
    let mut stat = mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the pointer is to memory of the size of a `stat`, which the kernel fills when it answers with 0.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: fstat succeeded.
    let mode = unsafe { stat.assume_init() }.st_mode;
    Some(match mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Kind::File,
        libc::S_IFSOCK => kind_of_socket(fd),
        libc::S_IFIFO => {
            // SAFETY: F_GETFL takes no pointer and only looks.
            match unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_ACCMODE {
                libc::O_RDONLY => Kind::PipeReader,
                libc::O_WRONLY if is_pipe(fd) => Kind::PipeWriter,
                libc::O_WRONLY => Kind::FifoWriter,
                _ => Kind::Other,
            }
        }
        _ => Kind::Other,
    })
}

/// Whether it is a pipe without a name, and no FIFO.
pub fn is_pipe(fd: RawFd) -> bool {
    // SAFETY: a statfs is integers, for which zero is a value.
    let mut stat: libc::statfs = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a statfs.
    let result = unsafe { libc::fstatfs(fd, &mut stat) };
    result == 0 && stat.f_type as i64 == PIPEFS
}

/// Where Linux keeps its pipes (statfs(2), PIPEFS_MAGIC).
const PIPEFS: i64 = 0x5049_5045;

fn kind_of_socket(fd: RawFd) -> Kind {
    let family = option(fd, libc::SOL_SOCKET, libc::SO_DOMAIN);
    match (family, option(fd, libc::SOL_SOCKET, libc::SO_TYPE)) {
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM) => Kind::Tcp,
        (libc::AF_UNIX, libc::SOCK_STREAM) => Kind::UnixStream,
        (_, libc::SOCK_DGRAM) => Kind::Datagram,
        _ => Kind::Other,
    }
}

/// What a filter has to report, if the descriptor is ready for it.
pub fn report(fd: RawFd, kind: Kind, filter: Filter, flavour: Flavour) -> Option<Report> {
    let bits = polled(fd);
    match (kind, filter) {
        (Kind::PipeReader, Filter::Write) | (Kind::PipeWriter | Kind::FifoWriter, Filter::Read) => None,
        (Kind::Tcp | Kind::UnixStream, _) => report_of_stream(fd, kind, filter, bits),
        (Kind::Datagram, Filter::Read) => {
            let is_ready = bits & (libc::POLLIN | libc::POLLERR) != 0;
            is_ready.then(|| Report { data: datagram_len(fd, flavour), ..Report::default() })
        }
        (Kind::File, Filter::Read) => {
            let rest = rest_of_file(fd);
            (rest != 0).then(|| Report { data: rest, ..Report::default() })
        }
        (_, Filter::Read) => {
            let flags = if bits & libc::POLLHUP != 0 { EV_EOF } else { 0 };
            let is_ready = bits & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0;
            is_ready.then(|| Report { flags, data: readable_len(fd), ..Report::default() })
        }
        (Kind::PipeWriter | Kind::FifoWriter, Filter::Write) if bits & libc::POLLERR != 0 => {
            Some(Report { flags: EV_EOF, ..Report::default() })
        }
        (_, Filter::Write) => {
            let flags = if bits & libc::POLLHUP != 0 { EV_EOF } else { 0 };
            let is_ready = bits & (libc::POLLOUT | libc::POLLHUP | libc::POLLERR) != 0;
            is_ready.then(|| Report { flags, data: room(fd, kind), ..Report::default() })
        }
    }
}

fn report_of_stream(fd: RawFd, kind: Kind, filter: Filter, bits: c_short) -> Option<Report> {
    let seen = seen_of_stream(fd, kind, bits);
    // Never connected, or not yet: Linux calls that a hang-up, and BSDs say nothing.
    if bits & libc::POLLHUP != 0 && bits & (libc::POLLRDHUP | libc::POLLERR) == 0 {
        return None;
    }
    let (is_over, is_ready, data) = match filter {
        Filter::Read => (seen.read_end, bits & libc::POLLIN != 0, read_data(fd, kind)),
        Filter::Write => (seen.write_end, bits & libc::POLLOUT != 0, room(fd, kind)),
    };
    if is_over {
        let fflags = if seen.error { error_of_stream(fd, kind) as u32 } else { 0 };
        return Some(Report { flags: EV_EOF, fflags, data });
    }
    (is_ready || seen.error).then_some(Report { flags: 0, fflags: 0, data })
}

/// What there is to see, for those whose changes of state are told from the coming and going of bytes.
pub fn observe(fd: RawFd, kind: Kind) -> Seen {
    match kind {
        Kind::Tcp | Kind::UnixStream => seen_of_stream(fd, kind, polled(fd)),
        _ => Seen::default(),
    }
}

fn seen_of_stream(fd: RawFd, kind: Kind, bits: c_short) -> Seen {
    let read_end = bits & libc::POLLRDHUP != 0;
    let error = bits & libc::POLLERR != 0;
    if kind == Kind::UnixStream {
        let write_end = bits & libc::POLLHUP != 0 || is_shut_for_writing(fd);
        return Seen { read_end, write_end, error, acked: 0 };
    }
    let info = tcp_info(fd);
    // FIN_WAIT1, FIN_WAIT2, TIME_WAIT, LAST_ACK, CLOSING, and CLOSE after a connection.
    let write_end =
        matches!(info.state, 4 | 5 | 6 | 9 | 11) || info.state == TCP_CLOSE && (read_end || error);
    Seen { read_end, write_end, error, acked: info.bytes_acked }
}

/// A quantity whose every change is news to a BSD, while Linux tells of its growth alone, or of nothing: the connections that wait to be
/// accepted, the bytes in a pipe as its writer sees them, what is left of a file.
pub fn level(fd: RawFd, kind: Kind) -> Option<isize> {
    match kind {
        Kind::Tcp if is_listening(fd) => Some(tcp_info(fd).unacked as isize),
        Kind::PipeWriter | Kind::FifoWriter => Some(unread(fd) as isize),
        Kind::File => Some(rest_of_file(fd)),
        _ => None,
    }
}

/// How many bytes wait to be read.
pub fn unread(fd: RawFd) -> c_int {
    number(fd, libc::FIONREAD).unwrap_or(0)
}

fn polled(fd: RawFd) -> c_short {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP;
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: the pointer is to one pollfd; the call does not sleep.
    unsafe { libc::poll(&mut poll, 1, 0) };
    poll.revents
}

fn read_data(fd: RawFd, kind: Kind) -> isize {
    match level(fd, kind) {
        Some(count) => count,
        None if is_listening(fd) => 1, // of UNIX listeners Linux does not say how many wait
        None => unread(fd) as isize,
    }
}

fn readable_len(fd: RawFd) -> isize {
    number(fd, libc::FIONREAD).map_or(1, |len| len as isize)
}

/// NetBSD counts the sender's address along.
fn datagram_len(fd: RawFd, flavour: Flavour) -> isize {
    let address = match option(fd, libc::SOL_SOCKET, libc::SO_DOMAIN) {
        libc::AF_INET => mem::size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => mem::size_of::<libc::sockaddr_in6>(),
        _ => 0,
    };
    let extra = if flavour == Flavour::NetBsd { address as isize } else { 0 };
    unread(fd) as isize + extra
}

fn rest_of_file(fd: RawFd) -> isize {
    // SAFETY: lseek takes no pointer, and by zero from where it is moves nothing.
    let offset = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
    // SAFETY: a stat is integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a stat.
    unsafe { libc::fstat(fd, &mut stat) };
    (stat.st_size - offset) as isize
}

fn room(fd: RawFd, kind: Kind) -> isize {
    let (size, used) = match kind {
        // SAFETY: takes no pointer and only looks.
        Kind::PipeWriter | Kind::FifoWriter => (unsafe { libc::fcntl(fd, libc::F_GETPIPE_SZ) }, unread(fd)),
        _ => (option(fd, libc::SOL_SOCKET, libc::SO_SNDBUF), number(fd, libc::TIOCOUTQ).unwrap_or(0)),
    };
    (size - used).max(0) as isize
}

fn is_listening(fd: RawFd) -> bool {
    option(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) == 1
}

/// Which error waits to be read, told without reading it, which would take it away. A connection that was never made was refused.
/// (Linux has EPIPE for a reset that comes after the peer's end; BSDs have not.)
fn error_of_stream(fd: RawFd, kind: Kind) -> c_int {
    if kind == Kind::Tcp && tcp_info(fd).options == 0 {
        libc::ECONNREFUSED
    } else {
        libc::ECONNRESET
    }
}

/// Sends nothing at all: that fails on a UNIX stream whose writing end is shut, and does nothing else.
fn is_shut_for_writing(fd: RawFd) -> bool {
    // SAFETY: no byte is read from the null pointer, since the length is zero.
    let sent = unsafe { libc::send(fd, std::ptr::null(), 0, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
    sent == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EPIPE)
}

const TCP_CLOSE: u8 = 7;

/// The beginning of the kernel's `struct tcp_info` (linux/tcp.h), which only ever grows at its end.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct TcpInfo {
    state: u8,
    passed_over: [u8; 4],
    /// What both sides agreed upon when the connection was made: timestamps, scaling and the like, at least one of which they do.
    options: u8,
    window_scales: [u8; 2],
    timers_and_segment_sizes: [u32; 4],
    /// For a listener, the connections that wait to be accepted.
    unacked: u32,
    counts_and_times: [u32; 19],
    pacing: [u64; 2],
    bytes_acked: u64,
}

fn tcp_info(fd: RawFd) -> TcpInfo {
    let mut info = TcpInfo::default();
    let mut len = mem::size_of::<TcpInfo>() as libc::socklen_t;
    // SAFETY: the pointer is to `len` bytes, all of which are integers.
    unsafe {
        let info = (&mut info as *mut TcpInfo).cast();
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info, &mut len);
    }
    info
}

/// An option of a socket that is an integer; -1 when it has none such.
fn option(fd: RawFd, level: c_int, name: c_int) -> c_int {
    let mut value: c_int = -1;
    let mut len = mem::size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to an integer of `len` bytes.
    unsafe { libc::getsockopt(fd, level, name, (&mut value as *mut c_int).cast(), &mut len) };
    value
}

/// What an ioctl that writes an integer answers.
fn number(fd: RawFd, request: libc::Ioctl) -> Option<c_int> {
    let mut value: c_int = 0;
    // SAFETY: both requests used here write one integer.
    let result = unsafe { libc::ioctl(fd, request, &mut value) };
    (result == 0).then_some(value)
}
