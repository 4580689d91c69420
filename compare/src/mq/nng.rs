//! nng, with as many messages that may wait on either side as the others take.

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::io::{self, Read};
use std::ptr;

use super::case::Role;
use super::threads::{Library, Socket};

/// What the others have by themselves. A REQ and a REP have none of it: one message is under way.
const HIGH_WATER: c_int = 1000;
/// It takes messages of a megabyte only when it is told to.
const MESSAGE_MAX: usize = 16 << 20;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NngSocket {
    id: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Listener {
    id: u32,
}

#[link(name = "nng")]
extern "C" {
    fn nng_push0_open(socket: *mut NngSocket) -> c_int;
    fn nng_pull0_open(socket: *mut NngSocket) -> c_int;
    fn nng_req0_open(socket: *mut NngSocket) -> c_int;
    fn nng_rep0_open(socket: *mut NngSocket) -> c_int;
    fn nng_close(socket: NngSocket) -> c_int;
    fn nng_listen(socket: NngSocket, url: *const c_char, listener: *mut Listener, flags: c_int) -> c_int;
    fn nng_listener_get_int(listener: Listener, option: *const c_char, value: *mut c_int) -> c_int;
    fn nng_dial(socket: NngSocket, url: *const c_char, dialer: *mut c_void, flags: c_int) -> c_int;
    fn nng_socket_set_int(socket: NngSocket, option: *const c_char, value: c_int) -> c_int;
    fn nng_socket_set_size(socket: NngSocket, option: *const c_char, value: usize) -> c_int;
    fn nng_send(socket: NngSocket, bytes: *mut c_void, len: usize, flags: c_int) -> c_int;
    fn nng_recvmsg(socket: NngSocket, message: *mut *mut c_void, flags: c_int) -> c_int;
    fn nng_sendmsg(socket: NngSocket, message: *mut c_void, flags: c_int) -> c_int;
    fn nng_msg_len(message: *const c_void) -> usize;
    fn nng_msg_free(message: *mut c_void);
    fn nng_strerror(error: c_int) -> *const c_char;
}

/// It has no context: its threads are the process's.
pub struct Nng;

impl Library for Nng {
    type Socket = NngSocket;

    fn open(&self, role: Role) -> io::Result<NngSocket> {
        let (open, buffer): (unsafe extern "C" fn(*mut NngSocket) -> c_int, _) = match role {
            Role::Push => (nng_push0_open, Some("send-buffer")),
            Role::Pull => (nng_pull0_open, Some("recv-buffer")),
            Role::Req => (nng_req0_open, None),
            Role::Rep => (nng_rep0_open, None),
        };
        let mut socket = NngSocket { id: 0 };
        // SAFETY: `socket` lives through the call.
        check(unsafe { open(&mut socket) })?;
        let max = c_string("recv-size-max");
        // SAFETY: `max` lives through the call.
        check(unsafe { nng_socket_set_size(socket, max.as_ptr(), MESSAGE_MAX) })?;
        if let Some(name) = buffer.map(c_string) {
            // SAFETY: `name` lives through the call.
            match check(unsafe { nng_socket_set_int(socket, name.as_ptr(), HIGH_WATER) }) {
                // A PULL of 1.5 has none: it keeps one message of each peer.
                Err(_) if role == Role::Pull => {}
                result => result?,
            }
        }
        Ok(socket)
    }

    /// What waits is lost when a socket is closed, so that is done when the other process has had everything.
    fn close(self, sockets: Vec<NngSocket>) -> io::Result<()> {
        wait_for_end()?;
        // SAFETY: takes no pointer.
        sockets.into_iter().try_for_each(|socket| check(unsafe { nng_close(socket) }))
    }
}

impl Socket for NngSocket {
    fn bind(&self) -> io::Result<String> {
        let (any, bound_port) = (c_string("tcp://127.0.0.1:0"), c_string("tcp-bound-port"));
        let (mut listener, mut port) = (Listener { id: 0 }, 0);
        // SAFETY: what is pointed to lives through the call.
        check(unsafe { nng_listen(*self, any.as_ptr(), &mut listener, 0) })?;
        // SAFETY: the same.
        check(unsafe { nng_listener_get_int(listener, bound_port.as_ptr(), &mut port) })?;
        Ok(format!("tcp://127.0.0.1:{port}"))
    }

    fn connect(&self, address: &str) -> io::Result<()> {
        let address = CString::new(address)?;
        // SAFETY: `address` lives through the call, and nobody wants to know the dialer.
        check(unsafe { nng_dial(*self, address.as_ptr(), ptr::null_mut(), 0) })
    }

    fn send(&self, body: &[u8]) -> io::Result<()> {
        // SAFETY: `body` is as long as is announced; without a flag it is copied, and not written to.
        check(unsafe { nng_send(*self, body.as_ptr().cast_mut().cast(), body.len(), 0) })
    }

    fn recv(&self) -> io::Result<usize> {
        let message = self.recv_message()?;
        // SAFETY: it is ours.
        let len = unsafe { nng_msg_len(message) };
        // SAFETY: it is ours, and nobody has it afterwards.
        unsafe { nng_msg_free(message) };
        Ok(len)
    }

    fn echo(&self) -> io::Result<usize> {
        let message = self.recv_message()?;
        // SAFETY: it is ours.
        let len = unsafe { nng_msg_len(message) };
        // SAFETY: it is ours, and nng's when it is sent.
        check(unsafe { nng_sendmsg(*self, message, 0) })?;
        Ok(len)
    }
}

impl NngSocket {
    fn recv_message(&self) -> io::Result<*mut c_void> {
        let mut message = ptr::null_mut();
        // SAFETY: `message` lives through the call.
        check(unsafe { nng_recvmsg(*self, &mut message, 0) })?;
        Ok(message)
    }
}

/// Waits until the other process has had everything.
fn wait_for_end() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("it has no zero")
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 {
        return Ok(());
    }
    // SAFETY: it answers with a string that stays.
    let text = unsafe { CStr::from_ptr(nng_strerror(result)) };
    Err(io::Error::other(text.to_string_lossy()))
}
