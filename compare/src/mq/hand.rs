//! Requests and replies by a loop on epoll that is written by hand, with nothing but a length of four bytes before each: what no library can
//! go below.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::case::Role;
use super::node::{self, Job, Report, Start};
use crate::peers::hand::Epoll;

const HEAD_LEN: usize = 4;
/// The rows have frames of 64 bytes, and no more than one of each client is under way.
const BUFFER_LEN: usize = 4096;

pub fn run(job: &Job) -> Result<Report, Box<dyn Error>> {
    match job.role {
        Role::Rep => reply(job),
        Role::Req => ask_all(job),
        Role::Push | Role::Pull => Err("the loop by hand has requests and replies alone".into()),
    }
}

fn reply(job: &Job) -> Result<Report, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    node::tell_address(&listener.local_addr()?.to_string())?;
    let mut epoll = Epoll::new()?;
    let mut connections = Vec::new();
    for token in 0..job.client_count {
        connections.push(Connection::add(listener.accept()?.0, &epoll, token)?);
    }
    let mut start = None;
    // One more of each: the first is not timed.
    let mut left = job.total() + job.client_count as u64;
    while left > 0 {
        for at in 0..epoll.wait(-1)? {
            left -= connections[epoll.token(at)].echo()?;
            if start.is_none() && left <= job.total() {
                start = Some(Start::now()?);
            }
        }
    }
    Ok(start.ok_or("there was no request")?.report(Vec::new())?)
}

/// A requester.
struct Client {
    connection: Connection,
    asked_at: Instant,
    left: u64,
}

impl Client {
    fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.asked_at = Instant::now();
        self.connection.write(request)
    }
}

fn ask_all(job: &Job) -> Result<Report, Box<dyn Error>> {
    let mut epoll = Epoll::new()?;
    let mut clients = Vec::new();
    for token in 0..job.client_count {
        let connection = Connection::add(TcpStream::connect(job.peer()?)?, &epoll, token)?;
        clients.push(Client { connection, asked_at: Instant::now(), left: job.count });
    }
    let request = frame(job.body_len);
    clients.iter_mut().try_for_each(|client| client.ask(&request))?;
    let (mut start, mut warm_count) = (None, 0);
    let (mut left, mut latencies) = (job.total(), Vec::new());
    while left > 0 {
        for at in 0..epoll.wait(-1)? {
            let client = &mut clients[epoll.token(at)];
            if !client.connection.has_reply(&request)? {
                continue;
            }
            if start.is_none() {
                // The first reply of each is not timed. The clock starts when all have had one.
                warm_count += 1;
                if warm_count == job.client_count {
                    start = Some(Start::now()?);
                    clients.iter_mut().try_for_each(|client| client.ask(&request))?;
                }
                continue;
            }
            latencies.push(client.asked_at.elapsed());
            client.left -= 1;
            left -= 1;
            match client.left {
                // A replier that has replied to all hangs up, which is not waited for.
                0 => epoll.remove(client.connection.socket.as_raw_fd())?,
                _ => client.ask(&request)?,
            }
        }
    }
    end(start, latencies)
}

fn end(start: Option<Start>, latencies: Vec<Duration>) -> Result<Report, Box<dyn Error>> {
    Ok(start.ok_or("there was no reply")?.report(latencies)?)
}

/// A connection, and what has arrived of frames that are not whole yet.
struct Connection {
    socket: TcpStream,
    buffer: [u8; BUFFER_LEN],
    len: usize,
}

impl Connection {
    fn add(socket: TcpStream, epoll: &Epoll, token: usize) -> io::Result<Connection> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        epoll.add(socket.as_raw_fd(), token)?;
        Ok(Connection { socket, buffer: [0; BUFFER_LEN], len: 0 })
    }

    /// Sends whole frames back as they came, by a read and a write; answers how many they were.
    fn echo(&mut self) -> io::Result<u64> {
        self.fill()?;
        let (count, len) = whole(&self.buffer[..self.len]);
        if count > 0 {
            (&self.socket).write_all(&self.buffer[..len])?;
            self.discard(len);
        }
        Ok(count)
    }

    /// Whether a reply is there, which it is an error for to be other than the request.
    fn has_reply(&mut self, request: &[u8]) -> io::Result<bool> {
        self.fill()?;
        let (count, len) = whole(&self.buffer[..self.len]);
        if count > 0 && self.buffer[..len] != *request {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the reply is not the request"));
        }
        self.discard(len);
        Ok(count > 0)
    }

    /// So short a frame fits the socket's buffer whole.
    fn write(&self, frame: &[u8]) -> io::Result<()> {
        (&self.socket).write_all(frame)
    }

    fn fill(&mut self) -> io::Result<()> {
        match (&self.socket).read(&mut self.buffer[self.len..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()), // the peer is gone, or a frame has no room
            len => {
                self.len += len;
                Ok(())
            }
        }
    }

    fn discard(&mut self, len: usize) {
        self.buffer.copy_within(len..self.len, 0);
        self.len -= len;
    }
}

fn frame(body_len: usize) -> Vec<u8> {
    let mut frame = (body_len as u32).to_be_bytes().to_vec();
    frame.resize(HEAD_LEN + body_len, b'x');
    frame
}

/// How many whole frames are at the front, and how many bytes they are together.
fn whole(bytes: &[u8]) -> (u64, usize) {
    let (mut count, mut len) = (0, 0);
    while let Some(head) = bytes.get(len..len + HEAD_LEN) {
        let body_len = u32::from_be_bytes(head.try_into().expect("a head has four bytes")) as usize;
        let end = len + HEAD_LEN + body_len;
        if end > bytes.len() {
            break;
        }
        (count, len) = (count + 1, end);
    }
    (count, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_are_not_whole_wait() {
        let three = [frame(5), frame(0), frame(7)].concat();
        assert_eq!(whole(&three), (3, 24));
        assert_eq!(whole(&three[..23]), (2, 13));
        assert_eq!(whole(&three[..12]), (1, 9));
        assert_eq!(whole(&three[..3]), (0, 0));
    }
}
