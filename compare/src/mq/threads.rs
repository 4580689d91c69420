//! The roles, by threads that block: the same for each library that has sockets of that kind.

use std::error::Error;
use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::blocking::Blocking;
use super::case::{Contestant, Role};
use super::node::{self, Job, Report, Start};

/// A library.
pub trait Library {
    type Socket: Socket;

    fn open(&self, role: Role) -> io::Result<Self::Socket>;

    /// Takes all sockets; answers when what they have is on its way, if the library can say that.
    fn close(self, sockets: Vec<Self::Socket>) -> io::Result<()>;
}

pub trait Socket: Send {
    /// At any port of 127.0.0.1; answers with the address.
    fn bind(&self) -> io::Result<String>;

    fn connect(&self, address: &str) -> io::Result<()>;

    /// Sends a copy.
    fn send(&self, body: &[u8]) -> io::Result<()>;

    /// Answers how long it was.
    fn recv(&self) -> io::Result<usize>;

    /// Sends what is received back, and answers how long it was.
    fn echo(&self) -> io::Result<usize>;
}

pub fn run(job: &Job) -> Result<Report, Box<dyn Error>> {
    match job.contestant {
        Contestant::Blocking | Contestant::BlockingRing => play(job, Blocking::new(job.dialect()?)?),
        #[cfg(feature = "libzmq")]
        Contestant::Libzmq => play(job, super::libzmq::Libzmq::new()?),
        #[cfg(feature = "nng")]
        Contestant::Nng => play(job, super::nng::Nng),
        other => Err(format!("{other} is not of this kind, or this program was built without it").into()),
    }
}

fn play<L: Library>(job: &Job, library: L) -> Result<Report, Box<dyn Error>> {
    let count = job.client_count;
    let sockets = (0..if job.role == Role::Req { count } else { 1 }).map(|_| library.open(job.role));
    let mut sockets = sockets.collect::<io::Result<Vec<_>>>()?;
    match &job.address {
        Some(address) => sockets.iter().try_for_each(|socket| socket.connect(address))?,
        None => node::tell_address(&sockets[0].bind()?)?,
    }
    let body = vec![b'x'; job.body_len];
    let total = job.total();
    let (start, latencies) = match job.role {
        Role::Pull => (pull(&sockets[0], total, job.body_len)?, Vec::new()),
        Role::Push => {
            let start = Start::now()?;
            (0..total).try_for_each(|_| sockets[0].send(&body))?;
            (start, Vec::new())
        }
        Role::Rep => {
            // One more of each: the first is not timed.
            (0..count).try_for_each(|_| sockets[0].echo().map(drop))?;
            let start = Start::now()?;
            (0..total).try_for_each(|_| sockets[0].echo().map(drop))?;
            (start, Vec::new())
        }
        Role::Req => ask_all(&mut sockets, &body, job.count)?,
    };
    let report = if job.role.is_last() { Some(start.report(latencies)?) } else { None };
    library.close(sockets)?;
    match report {
        Some(report) => Ok(report),
        None => Ok(start.report(Vec::new())?),
    }
}

/// The clock starts with the first message, as with libzmq's `local_thr`.
fn pull(socket: &impl Socket, count: u64, body_len: usize) -> Result<Start, Box<dyn Error>> {
    let mut len = socket.recv()?;
    let start = Start::now()?;
    for _ in 1..count {
        len += socket.recv()?;
    }
    match len as u64 == count * body_len as u64 {
        true => Ok(start),
        false => Err("the messages were not what was sent".into()),
    }
}

/// A thread for each socket. The clock starts when all have had a reply.
fn ask_all<T: Socket>(
    sockets: &mut [T],
    body: &[u8],
    count: u64,
) -> Result<(Start, Vec<Duration>), Box<dyn Error>> {
    let (is_warm, goes) = (Barrier::new(sockets.len() + 1), Barrier::new(sockets.len() + 1));
    thread::scope(|scope| {
        let ask = |socket: &T| -> io::Result<Duration> {
            let at = Instant::now();
            socket.send(body)?;
            let len = socket.recv()?;
            assert_eq!(len, body.len(), "the reply is as long as the request");
            Ok(at.elapsed())
        };
        let (is_warm, goes) = (&is_warm, &goes);
        let threads: Vec<_> = sockets
            .iter_mut()
            .map(|socket| {
                scope.spawn(move || -> io::Result<Vec<Duration>> {
                    let warm = ask(socket);
                    is_warm.wait();
                    goes.wait();
                    warm?;
                    (0..count).map(|_| ask(socket)).collect()
                })
            })
            .collect();
        is_warm.wait();
        let start = Start::now()?;
        goes.wait();
        let mut latencies = Vec::new();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| "a client has panicked")??);
        }
        Ok((start, latencies))
    })
}
