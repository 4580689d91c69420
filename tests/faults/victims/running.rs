//! Victims that run a reactor while its waits are interrupted, refused, delayed, or end without a reason.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringmq::platform::{Backend, Events, Interest, Poller, Token, Trigger};
use ringmq::{Builder, Listener, Reactor};

use super::{count_signals, signal_count, Setting};

fn reactor<S>(setting: &Setting<'_>) -> Reactor<S> {
    Reactor::with_backend(setting.backend).expect("make a reactor")
}

/// A reactor that stops when it has accepted the client, which has come already and is to be kept.
fn with_a_client(setting: &Setting<'_>) -> (Reactor<usize>, TcpStream) {
    let listener = Listener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("the address")).expect("connect");
    let mut reactor = reactor(setting);
    let accept = |count: &mut usize, context: &mut ringmq::Context<'_, usize>, accepted: io::Result<_>| {
        accepted.expect("a connection");
        *count += 1;
        context.stop();
    };
    reactor.context().listen(listener, accept).expect("listen");
    (reactor, client)
}

pub fn it_accepts_a_client(setting: &Setting<'_>) {
    let (mut reactor, _client) = with_a_client(setting);
    let mut count = 0;
    reactor.run(&mut count).expect("run");
    assert_eq!(count, 1);
}

pub fn it_fails(setting: &Setting<'_>) {
    let (mut reactor, _client) = with_a_client(setting);
    setting.assert_told(reactor.run(&mut 0));
}

pub fn it_fails_and_goes_on(setting: &Setting<'_>) {
    let (mut reactor, _client) = with_a_client(setting);
    let mut count = 0;
    setting.assert_told(reactor.run(&mut count));
    assert_eq!(count, 0);
    reactor.run(&mut count).expect("run");
    assert_eq!(count, 1);
}

/// However often it waits, it does so from the same places on the stack, of which the loop has two: the straight way, and that by the lists.
pub fn it_ends_at_its_deadline(setting: &Setting<'_>) {
    let deadline = Duration::from_millis(200);
    let places = Places::default();
    let poller = Box::new(Placed { poller: setting.open(), places: Arc::clone(&places) });
    let mut reactor: Reactor<bool> = Builder::new().poller(poller).build().expect("make a reactor");
    let start = Instant::now();
    reactor.context().set_timeout(deadline, |is_over, context| {
        *is_over = true;
        context.stop();
    });
    let mut is_over = false;
    reactor.run(&mut is_over).expect("run");
    let elapsed = start.elapsed();
    assert!(is_over && elapsed >= deadline, "{elapsed:?} is less than {deadline:?}");
    let places = places.lock().expect("nobody panics with it").len();
    assert!(places <= 2, "the stack grows from wait to wait: there were {places} places");
}

pub fn a_signal_is_handled(setting: &Setting<'_>) {
    count_signals();
    it_ends_at_its_deadline(setting);
    assert_eq!(signal_count(), 1);
}

pub fn timers_run_in_order(setting: &Setting<'_>) {
    let mut reactor: Reactor<Vec<(u64, Instant)>> = reactor(setting);
    let start = Instant::now();
    for millis in [120, 10, 100, 20, 180, 10] {
        let after = Duration::from_millis(millis);
        reactor.context().set_timeout(after, move |ran: &mut Vec<_>, context| {
            ran.push((millis, Instant::now()));
            if ran.len() == 6 {
                context.stop();
            }
        });
    }
    let mut ran = Vec::new();
    reactor.run(&mut ran).expect("run");
    let order: Vec<u64> = ran.iter().map(|(millis, _)| *millis).collect();
    assert_eq!(order, [10, 10, 20, 100, 120, 180]);
    for (millis, at) in ran {
        assert!(
            at - start >= Duration::from_millis(millis),
            "the timer of {millis} ms ran after {:?}",
            at - start
        );
    }
}

/// Where on the stack waits were made from.
type Places = Arc<Mutex<BTreeSet<usize>>>;

/// A poller that notes where it is called from.
#[derive(Debug)]
struct Placed {
    poller: Box<dyn Poller>,
    places: Places,
}

impl Poller for Placed {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.poller.add(fd, token, interest, trigger)
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.poller.modify(fd, token, interest, trigger)
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poller.delete(fd)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let local = 0u8;
        let place = std::ptr::addr_of!(local) as usize;
        self.places.lock().expect("nobody panics with it").insert(place);
        self.poller.wait(events, timeout)
    }

    fn backend(&self) -> Backend {
        self.poller.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.poller.supports(trigger)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.poller.as_fd()
    }

    fn stale_count(&self) -> u64 {
        self.poller.stale_count()
    }
}
