//! Victims that accept and connect while the kernel refuses.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use ringmq::platform::{net, Interest, Token, Trigger};
use ringmq::{Listener, Reactor, Stream};

use super::{wait, Setting, LONG};

const CLIENT_COUNT: usize = 3;

#[derive(Default)]
struct Heard {
    connections: Vec<TcpStream>,
    errors: Vec<io::Error>,
}

/// Runs a listener, to which all clients have connected, until it has accepted them or, if it never will, until `limit`.
fn accept_all(setting: &Setting<'_>, limit: Duration) -> Heard {
    let listener = Listener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("the address");
    let _clients = [(); CLIENT_COUNT].map(|()| TcpStream::connect(address).expect("connect"));
    let mut reactor = Reactor::with_backend(setting.backend).expect("make a reactor");
    let mut context = reactor.context();
    context.set_timeout(limit, |_, context| context.stop());
    let accepted = |heard: &mut Heard, context: &mut ringmq::Context<'_, Heard>, accepted: io::Result<_>| {
        match accepted {
            Ok((connection, _)) => heard.connections.push(connection),
            Err(error) => heard.errors.push(error),
        }
        if heard.connections.len() == CLIENT_COUNT {
            context.stop();
        }
    };
    context.listen(listener, accepted).expect("listen");
    let mut heard = Heard::default();
    reactor.run(&mut heard).expect("run");
    heard
}

pub fn accepting_rests(setting: &Setting<'_>) {
    let start = Instant::now();
    let heard = accept_all(setting, LONG);
    assert_eq!(heard.connections.len(), CLIENT_COUNT);
    assert_eq!(heard.errors.len(), 3);
    for error in heard.errors {
        setting.assert_told::<()>(Err(error));
    }
    assert!(start.elapsed() >= Duration::from_millis(300), "three rests of a tenth of a second each");
}

pub fn accepting_rests_once(setting: &Setting<'_>) {
    let start = Instant::now();
    let mut heard = accept_all(setting, LONG);
    assert_eq!((heard.connections.len(), heard.errors.len()), (CLIENT_COUNT, 1));
    setting.assert_told::<()>(Err(heard.errors.remove(0)));
    assert!(start.elapsed() >= Duration::from_millis(100), "a rest of a tenth of a second");
}

pub fn accepting_goes_on(setting: &Setting<'_>) {
    let heard = accept_all(setting, LONG);
    assert_eq!((heard.connections.len(), heard.errors.len()), (CLIENT_COUNT, 0));
}

/// For longer than accepting rests where rest helps.
pub fn accepting_ends(setting: &Setting<'_>) {
    let mut heard = accept_all(setting, Duration::from_millis(250));
    assert_eq!((heard.connections.len(), heard.errors.len()), (0, 1));
    setting.assert_told::<()>(Err(heard.errors.remove(0)));
}

pub fn a_listener_is_not_made(setting: &Setting<'_>) {
    setting.assert_told(Listener::bind("127.0.0.1:0"));
    let heard = accept_all(setting, LONG);
    assert_eq!(heard.connections.len(), CLIENT_COUNT);
}

pub fn a_stream_is_not_made(setting: &Setting<'_>) {
    let (_listener, address) = listen();
    let mut reactor = Reactor::<()>::with_backend(setting.backend).expect("make a reactor");
    let memory = reactor.context().memory();
    let connect = || TcpStream::connect(address).expect("connect");
    setting.assert_told(Stream::new(connect(), &memory));
    Stream::new(connect(), &memory).expect("the second attempt is not tampered with");
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("the address");
    (listener, address)
}

pub fn connecting_fails_once(setting: &Setting<'_>) {
    let (_listener, address) = listen();
    setting.assert_told(net::connect(&address));
    let stream = net::connect(&address).expect("connect");
    let mut poller = setting.open();
    poller.add(stream.as_fd(), Token(1), Interest::WRITABLE, Trigger::Level).expect("add");
    assert_eq!(wait(&mut *poller, None).expect("wait"), [Token(1)]);
    assert!(stream.take_error().expect("ask for its error").is_none());
}

/// In truth the kernel was never asked, so nothing more comes of this connection.
pub fn connecting_is_interrupted(_: &Setting<'_>) {
    let (_listener, address) = listen();
    net::connect(&address).expect("a connection that was interrupted goes on being made");
}

pub fn connecting_by_path_fails_once(setting: &Setting<'_>) {
    let path = std::env::temp_dir().join(format!("ringmq-faults-{}", std::process::id()));
    let listener = UnixListener::bind(&path).expect("bind");
    setting.assert_told(net::connect_unix(&path));
    net::connect_unix(&path).expect("the second attempt is not tampered with");
    drop(listener);
    std::fs::remove_file(&path).expect("remove the socket's file");
}

/// A socket's file that was made before listening failed stays, as with std.
pub fn listeners_are_not_made(setting: &Setting<'_>) {
    let path = std::env::temp_dir().join(format!("ringmq-faults-{}", std::process::id()));
    setting.assert_told(Listener::bind("127.0.0.1:0"));
    setting.assert_told(Listener::bind_unix(&path));
    let _ = std::fs::remove_file(&path);
}
