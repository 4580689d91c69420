//! What a socket does with a connection that no peer can be made to have at will.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Type};

use super::*;
use crate::platform::Backend;
use crate::Builder;

const PATIENCE: Duration = Duration::from_secs(30);
const AN_HOUR: Duration = Duration::from_secs(3600);

/// A connection to itself, as the system makes one of a port that it happens to choose for a connection to that very port.
fn connected_to_itself() -> TcpStream {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.connect(&socket.local_addr().unwrap()).unwrap();
    socket.into()
}

#[test]
fn a_connection_to_itself_is_closed_and_tried_again() {
    for &backend in Backend::AVAILABLE {
        let mut reactor = Builder::new().backend(backend).build::<()>().unwrap();
        let mut context = reactor.context();
        let options = Options::new().reconnect(AN_HOUR, AN_HOUR).events(true);
        let push = Socket::open_with(&mut context, SocketType::Push, options, |_: &mut (), _, _| ()).unwrap();
        // A place that is tried once, and then in an hour.
        push.connect(&mut context, "ipc:///nobody/is/there").unwrap();
        while push.take_event(&mut context).is_some() {}
        let pipe = Pipe::Tcp(connected_to_itself());
        assert!(pipe.is_connected_to_itself());
        serve::begin(&mut context, push, pipe, Some(0)).unwrap();
        let began = Instant::now();
        let mut events = Vec::new();
        while !matches!(events.last(), Some(Event::Retrying(..))) {
            assert!(began.elapsed() < PATIENCE, "{backend}: {events:?}");
            reactor.turn(&mut (), Some(Duration::from_millis(1))).unwrap();
            events.extend(std::iter::from_fn(|| push.take_event(&mut reactor.context())));
        }
        match &events[..] {
            [Event::ConnectFailed(_, error), Event::Retrying(..)] => {
                assert_eq!(error.to_string(), "the connection was to itself: nobody listens there");
            }
            _ => panic!("{backend}: {events:?}"),
        }
    }
}

#[test]
fn a_connection_to_another_is_not_one_to_itself() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(!Pipe::Tcp(stream).is_connected_to_itself());
    assert!(!Pipe::Unix(std::os::unix::net::UnixStream::pair().unwrap().0).is_connected_to_itself());
}
