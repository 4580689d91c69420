//! A connection in between: it passes on what is said, tells what it has heard, and can fall silent or be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use crate::program::GUARD;

/// How much is kept of what was heard.
const HEARD_LEN: usize = 1 << 16;

/// Listens at an address of its own and connects each peer on to another. All connections are counted as one.
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connection_count: usize,
    cut_count: usize,
    /// How many bytes are still passed on from who connected until the connection is cut.
    left: Option<usize>,
    /// So many of the first connections are mute.
    mute_count: usize,
    /// From who connected, and to it.
    heard: [Vec<u8>; 2],
}

/// Who says something.
#[derive(Clone, Copy)]
pub enum Speaker {
    /// Who has connected to the proxy.
    Connected,
    /// Who the proxy has connected to.
    Bound,
}

impl Proxy {
    /// Before who is bound to this address.
    pub fn start(target: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = format!("tcp://{}", listener.local_addr().expect("it is bound"));
        let target = target.strip_prefix("tcp://").expect("an address of TCP").to_string();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(client), Ok(server)) = (stream, TcpStream::connect(&target)) else { continue };
                let number = theirs.begin();
                for from in [Speaker::Connected, Speaker::Bound] {
                    let (client, server, shared) = (clone(&client), clone(&server), Arc::clone(&theirs));
                    thread::spawn(move || match from {
                        Speaker::Connected => pass_on(from, number, [&client, &server], &shared),
                        Speaker::Bound => pass_on(from, number, [&server, &client], &shared),
                    });
                }
            }
        });
        Proxy { address, shared }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Cuts the connection when so many more bytes have gone from who has connected.
    pub fn cut_after(&self, len: usize) {
        self.shared.change(|state| state.left = Some(len));
    }

    /// Nothing is passed on any more, in either direction, of the connections that there are.
    pub fn fall_silent(&self) {
        self.shared.change(|state| state.mute_count = state.connection_count);
    }

    pub fn connection_count(&self) -> usize {
        self.shared.lock().connection_count
    }

    /// How often these bytes have been said.
    pub fn count(&self, from: Speaker, words: &[u8]) -> usize {
        self.shared.lock().count(from, words)
    }

    /// That so many connections have been made since the beginning.
    #[track_caller]
    pub fn await_connections(&self, count: usize) {
        self.shared.wait("connections", |state| state.connection_count >= count);
    }

    #[track_caller]
    pub fn await_cut(&self) {
        self.shared.wait("the cut", |state| state.cut_count > 0);
    }

    /// That these bytes have been said so often.
    #[track_caller]
    pub fn await_words(&self, from: Speaker, words: &[u8], count: usize) {
        self.shared.wait("words", |state| state.count(from, words) >= count);
    }
}

impl State {
    fn count(&self, from: Speaker, words: &[u8]) -> usize {
        self.heard[from as usize].windows(words.len()).filter(|window| *window == words).count()
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Counts a connection, and answers with its number: the first has 1.
    fn begin(&self) -> usize {
        let mut number = 0;
        self.change(|state| {
            state.connection_count += 1;
            number = state.connection_count;
        });
        number
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.lock(), GUARD, |state| !is_so(state));
        let (state, waited) = waited.expect("nobody panics while holding it");
        drop(state);
        assert!(!waited.timed_out(), "awaited of the proxy in vain: {what}");
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a second handle")
}

/// From the first to the second, of the connection with this number.
fn pass_on(from: Speaker, number: usize, [mut source, mut target]: [&TcpStream; 2], shared: &Shared) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let mut len = match source.read(&mut buffer) {
            Ok(len) if len > 0 => len,
            _ => break,
        };
        let (mut is_cut, mut is_mute) = (false, false);
        shared.change(|state| {
            if let (Speaker::Connected, Some(left)) = (from, &mut state.left) {
                is_cut = *left <= len;
                len = len.min(*left);
                *left -= len;
            }
            if is_cut {
                state.left = None;
            }
            let heard = &mut state.heard[from as usize];
            let kept = len.min(HEARD_LEN - heard.len());
            heard.extend_from_slice(&buffer[..kept]);
            is_mute = number <= state.mute_count;
        });
        if is_mute {
            continue;
        }
        if target.write_all(&buffer[..len]).is_err() {
            break;
        }
        if is_cut {
            hang_up(source, target);
            return shared.change(|state| state.cut_count += 1);
        }
    }
    hang_up(source, target);
}

/// The other half of the connection, another thread's, ends with it.
fn hang_up(one: &TcpStream, other: &TcpStream) {
    for stream in [one, other] {
        let _ = stream.shutdown(Shutdown::Both); // it may have ended by itself
    }
}
