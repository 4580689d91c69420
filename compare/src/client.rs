//! The other end of an echo server: sends a message, waits for the reply, as often as is wanted.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::servers::Setting;

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

/// Starts an echo server of this program under a tool that watches it, plays with it, and waits for both to end.
pub fn play_with(mut tool: Command, setting: Setting, round_trips: u64) -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut server = Server(
        tool.arg(program)
            .args(setting.arguments())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", tool.get_program().to_string_lossy()))?,
    );
    let mut address = String::new();
    BufReader::new(server.0.stdout.take().ok_or("the server has no output")?).read_line(&mut address)?;
    let address =
        address.trim().parse().map_err(|_| format!("{}: the server did not start", setting.kind))?;
    play(address, setting.request(), round_trips)?;
    // The client has hung up, which ends the server.
    let status = server.0.wait()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{}: the server ended with {status}", setting.kind).into()),
    }
}

/// A server's process, which does not outlive a failure.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Neither does anything once it was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
