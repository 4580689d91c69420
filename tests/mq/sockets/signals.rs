//! What signals do to a process, and to its peers.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use nix::sys::pthread::{pthread_kill, pthread_self, Pthread};
use nix::sys::signal::{kill, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
use nix::unistd::Pid;
use ringmq::mq::{Event, Heartbeat, Options, SessionError, Socket, SocketType};
use ringmq::{Builder, Id};

use super::{on_every_backend, Net, World, PATIENCE};
use crate::alone::{again, alone, role};

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: i32) {
    HANDLED.fetch_add(1, SeqCst);
}

/// A thread that others send signals to. Where its type is that of a pointer it cannot be handed to them by itself.
struct Target(Pthread);

// SAFETY: it is the name of a thread, through which nothing is read.
unsafe impl Send for Target {}

impl Target {
    fn interrupt(&self) {
        pthread_kill(self.0, Signal::SIGUSR1).unwrap();
    }
}

/// Ends the signals when it is dropped, however that comes.
struct Storm<'a>(&'a AtomicBool);

impl Drop for Storm<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn messages_pass_though_every_call_may_be_interrupted() {
    alone("sockets::signals::messages_pass_though_every_call_may_be_interrupted", || {
        // Without SA_RESTART: whatever can be interrupted is.
        let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler adds to an atomic number, and nothing else.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        on_every_backend(|net| {
            let (rep, req) = net.pair(SocketType::Rep, SocketType::Req);
            let (is_over, this_thread, before) =
                (AtomicBool::new(false), Target(pthread_self()), HANDLED.load(SeqCst));
            thread::scope(|scope| {
                let is_over = &is_over;
                let _storm = Storm(is_over);
                scope.spawn(move || {
                    while !is_over.load(SeqCst) {
                        this_thread.interrupt();
                        thread::yield_now();
                    }
                });
                // Enough to go through in pieces, and as many as it takes for some to be interrupted.
                let body = vec![7; 300_000];
                let mut rounds = 0;
                while rounds < 100 || HANDLED.load(SeqCst) < before + 100 {
                    // Nothing is under way: a signal ends this wait, and those below seldom last until one comes.
                    net.reactor.turn(&mut net.called, Some(PATIENCE)).unwrap();
                    net.send(req, body.clone());
                    let request = net.recv(rep);
                    assert!(request.len() == body.len());
                    net.send(rep, request);
                    assert!(net.recv(req).into_vec() == body);
                    rounds += 1;
                }
            });
        });
    });
}

/// The test whose peer is stopped.
const STOPPED: &str =
    "sockets::signals::a_peer_that_is_stopped_is_missed_after_its_time_and_welcome_when_it_goes_on";

/// A process that sends back what it is sent.
struct Echo(Child);

impl Echo {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What that process does until it is killed.
fn echo(address: &str) -> ! {
    let reactor = Builder::new().build().unwrap();
    let mut net = Net { reactor, called: World::new() };
    let at_once = Duration::from_millis(1);
    let dealer = net.open_with(SocketType::Dealer, Options::new().reconnect(at_once, at_once));
    net.connect(dealer, address);
    loop {
        net.reactor.turn(&mut net.called, None).unwrap();
        while let Ok(message) = net.try_recv(dealer) {
            let _ = dealer.send(&mut net.context(), message);
        }
        while dealer.take_event(&mut net.context()).is_some() {}
    }
}

fn exchange(net: &mut Net, dealer: Id<Socket>, word: &str) {
    net.await_peers(dealer, 1);
    net.send(dealer, word);
    assert_eq!(net.heard(dealer), word);
}

#[test]
fn a_peer_that_is_stopped_is_missed_after_its_time_and_welcome_when_it_goes_on() {
    if let Some(address) = role() {
        echo(&address);
    }
    on_every_backend(|net| {
        let within = Duration::from_secs(2);
        let interval = Duration::from_millis(20);
        let heartbeat = Heartbeat { interval, timeout: within, ttl: Duration::ZERO };
        let dealer = net.open_with(SocketType::Dealer, Options::new().heartbeat(heartbeat));
        let address = net.bind(dealer);
        let peer = again(STOPPED, &address).stdout(Stdio::null()).spawn();
        let peer = Echo(peer.unwrap());
        exchange(net, dealer, "before");
        peer.signal(Signal::SIGSTOP);
        let error = net.await_event(dealer, |event| match event {
            Event::Refused(error) => Some(error.clone()),
            _ => None,
        });
        assert_eq!(error, SessionError::HeartbeatLost { within });
        net.await_peers(dealer, 0);
        peer.signal(Signal::SIGCONT);
        exchange(net, dealer, "after");
    });
}
