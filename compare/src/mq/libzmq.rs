//! libzmq, as its own programs for measuring use it, with its defaults: 1000 messages may wait on either side.

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::io;

use super::case::Role;
use super::threads::{Library, Socket};

const REQ: c_int = 3;
const REP: c_int = 4;
const PULL: c_int = 7;
const PUSH: c_int = 8;
const LAST_ENDPOINT: c_int = 32;

/// `zmq_msg_t`.
#[repr(C, align(8))]
struct Msg([u8; 64]);

#[link(name = "zmq")]
extern "C" {
    fn zmq_ctx_new() -> *mut c_void;
    fn zmq_ctx_term(context: *mut c_void) -> c_int;
    fn zmq_errno() -> c_int;
    fn zmq_socket(context: *mut c_void, kind: c_int) -> *mut c_void;
    fn zmq_close(socket: *mut c_void) -> c_int;
    fn zmq_bind(socket: *mut c_void, address: *const c_char) -> c_int;
    fn zmq_connect(socket: *mut c_void, address: *const c_char) -> c_int;
    fn zmq_getsockopt(socket: *mut c_void, option: c_int, value: *mut c_void, len: *mut usize) -> c_int;
    fn zmq_send(socket: *mut c_void, bytes: *const c_void, len: usize, flags: c_int) -> c_int;
    fn zmq_msg_init(message: *mut Msg) -> c_int;
    fn zmq_msg_recv(message: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int;
    fn zmq_msg_send(message: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int;
    fn zmq_msg_close(message: *mut Msg) -> c_int;
}

/// A context.
pub struct Libzmq(*mut c_void);

pub struct ZmqSocket(*mut c_void);

// SAFETY: a socket may be used by another thread than made it, by one at a time.
unsafe impl Send for ZmqSocket {}

impl Libzmq {
    pub fn new() -> io::Result<Libzmq> {
        // SAFETY: takes nothing.
        check_pointer(unsafe { zmq_ctx_new() }).map(Libzmq)
    }
}

impl Library for Libzmq {
    type Socket = ZmqSocket;

    fn open(&self, role: Role) -> io::Result<ZmqSocket> {
        let kind = match role {
            Role::Push => PUSH,
            Role::Pull => PULL,
            Role::Req => REQ,
            Role::Rep => REP,
        };
        // SAFETY: the context is open.
        check_pointer(unsafe { zmq_socket(self.0, kind) }).map(ZmqSocket)
    }

    /// The context ends when all is sent: that is the default of 4.3.
    fn close(self, sockets: Vec<ZmqSocket>) -> io::Result<()> {
        for socket in sockets {
            // SAFETY: the socket is open, and nobody has it any more.
            check(unsafe { zmq_close(socket.0) })?;
        }
        // SAFETY: the context is open, and nobody has it any more.
        check(unsafe { zmq_ctx_term(self.0) }).map(drop)
    }
}

impl Socket for ZmqSocket {
    fn bind(&self) -> io::Result<String> {
        let any = CString::new("tcp://127.0.0.1:*").expect("it has no zero");
        // SAFETY: the socket is open, and `any` lives through the call.
        check(unsafe { zmq_bind(self.0, any.as_ptr()) })?;
        let mut bytes = [0_u8; 64];
        let mut len = bytes.len();
        // SAFETY: `bytes` is as long as is announced.
        check(unsafe { zmq_getsockopt(self.0, LAST_ENDPOINT, bytes.as_mut_ptr().cast(), &mut len) })?;
        let address = CStr::from_bytes_until_nul(&bytes).expect("libzmq ends it with a zero");
        Ok(address.to_string_lossy().into_owned())
    }

    fn connect(&self, address: &str) -> io::Result<()> {
        let address = CString::new(address)?;
        // SAFETY: the socket is open, and `address` lives through the call.
        check(unsafe { zmq_connect(self.0, address.as_ptr()) }).map(drop)
    }

    fn send(&self, body: &[u8]) -> io::Result<()> {
        // SAFETY: `body` is as long as is announced.
        check(unsafe { zmq_send(self.0, body.as_ptr().cast(), body.len(), 0) }).map(drop)
    }

    fn recv(&self) -> io::Result<usize> {
        let mut message = self.recv_message()?;
        // SAFETY: it was initialised.
        check(unsafe { zmq_msg_close(&mut message.0) })?;
        Ok(message.1)
    }

    fn echo(&self) -> io::Result<usize> {
        let mut message = self.recv_message()?;
        // SAFETY: it was initialised; when it is sent it is empty, and need not be closed.
        check(unsafe { zmq_msg_send(&mut message.0, self.0, 0) })?;
        Ok(message.1)
    }
}

impl ZmqSocket {
    fn recv_message(&self) -> io::Result<(Msg, usize)> {
        let mut message = Msg([0; 64]);
        // SAFETY: `message` has the size and alignment of a zmq_msg_t.
        check(unsafe { zmq_msg_init(&mut message) })?;
        // SAFETY: it was initialised, and is moved afterwards as C programs move it: it has no address in it that is its own.
        let len = check(unsafe { zmq_msg_recv(&mut message, self.0, 0) })?;
        Ok((message, len as usize))
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    match result {
        // SAFETY: takes nothing.
        -1 => Err(io::Error::from_raw_os_error(unsafe { zmq_errno() })),
        result => Ok(result),
    }
}

fn check_pointer(pointer: *mut c_void) -> io::Result<*mut c_void> {
    match pointer.is_null() {
        true => check(-1).map(|_| pointer),
        false => Ok(pointer),
    }
}
