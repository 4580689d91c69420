//! The other end of an echo server: sends a message, waits for the reply, as often as is wanted.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take. Under callgrind a server is some fifty times slower than by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays `round_trips` of a request and its reply, which are the same bytes, and hangs up.
pub fn play(server: SocketAddr, request: Vec<u8>, round_trips: u64) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reply = vec![0; request.len()];
    for _ in 0..round_trips {
        stream.write_all(&request)?;
        stream.read_exact(&mut reply).map_err(|error| format!("no reply: {error}"))?;
        if reply != request {
            return Err("the reply is not what was sent".into());
        }
    }
    Ok(())
}
