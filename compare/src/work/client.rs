//! The other ends of the connections: play with a server, and take the time of each round trip.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Job, Kind, MESSAGE_LEN};

/// How long a reply may take. Under callgrind a server is some fifty times slower than by itself.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Clients {
    streams: Vec<TcpStream>,
    message: Vec<u8>,
}

impl Clients {
    /// As many as the work wants.
    pub fn connect(job: Job, server: SocketAddr, is_framed: bool) -> io::Result<Clients> {
        let connect = |_| {
            let stream = TcpStream::connect(server)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let streams = (0..job.connections()).map(connect).collect::<io::Result<Vec<_>>>()?;
        let head = if is_framed { (MESSAGE_LEN as u32).to_be_bytes().to_vec() } else { Vec::new() };
        let body = (0..MESSAGE_LEN as u8).collect();
        Ok(Clients { streams, message: [head, body].concat() })
    }

    /// Plays, and hangs up; answers with how long each round trip took, in nanoseconds, or each round of all.
    pub fn play(mut self, job: Job) -> io::Result<Vec<u64>> {
        let rounds = match job.kind {
            Kind::PingPong | Kind::FanIn => job.count / job.size,
            // They are there, and say nothing until the server has gone.
            _ => {
                let mut nothing = [0];
                let _ = self.streams[0].read(&mut nothing);
                return Ok(Vec::new());
            }
        };
        let mut reply = vec![0; self.message.len()];
        let mut times = Vec::with_capacity(rounds as usize);
        for _ in 0..rounds {
            let start = Instant::now();
            for stream in &mut self.streams {
                stream.write_all(&self.message)?;
            }
            for stream in &mut self.streams {
                stream.read_exact(&mut reply)?;
                if reply != self.message {
                    return Err(io::Error::other("the reply is not what was sent"));
                }
            }
            times.push(start.elapsed().as_nanos() as u64);
        }
        Ok(times)
    }
}
