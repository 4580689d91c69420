//! An echo server on epoll and nothing else, written by hand: what no library can go below.

use std::io;
use std::net::TcpStream;
use std::os::unix::io::AsRawFd;

const BUFFER_LEN: usize = 64 * 1024;

pub fn serve(stream: TcpStream) -> io::Result<()> {
    let fd = stream.as_raw_fd();
    // SAFETY: takes no pointer. The process ends with it, so nobody closes it.
    let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } as isize)? as i32;
    let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: fd as u64 };
    // SAFETY: `event` lives through the call, and both descriptors are open.
    check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) } as isize)?;
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
    let mut buffer = vec![0_u8; BUFFER_LEN];
    loop {
        // SAFETY: `events` has as many slots as are announced.
        let count = check(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), 256, -1) } as isize)?;
        for event in &events[..count as usize] {
            let fd = event.u64 as i32;
            // SAFETY: `buffer` is as long as is announced.
            let len = check(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), BUFFER_LEN) })?;
            if len == 0 {
                return Ok(());
            }
            // SAFETY: so much of `buffer` was just filled.
            check(unsafe { libc::write(fd, buffer.as_ptr().cast(), len as usize) })?;
        }
    }
}

fn check(result: isize) -> io::Result<isize> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
