//! A server under everything that peers do to one, for as long as it is told: at the end it has no more descriptors and no more memory
//! than at the beginning.
//!
//!     cargo test --test soak                                                     # two seconds on each backend
//!     RINGMQ_SOAK_SECONDS=600 cargo test --release --test soak -- soak::epoll   # ten minutes on one
//!
//! Peers connect over TCP and UNIX sockets and send frames, all of which have to come back; they close half of the connection, reset it,
//! leave in the middle of a frame, do not read what is sent to them, or say nothing more; and they send signals. It prints what was
//! done and what was left.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

#[cfg(feature = "codec")]
#[path = "request/mod.rs"]
mod request;

#[cfg(feature = "codec")]
fn main() {
    soak::main();
}

#[cfg(not(feature = "codec"))]
fn main() {
    println!("soak: skipped, since its frames need the feature `codec`");
}

#[cfg(feature = "codec")]
mod soak {
    use std::io::{self, Read, Write};
    use std::net::{Shutdown, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    use crate::request::Request;
    use ringmq::codec::LengthPrefix;
    use ringmq::platform::Backend;
    use ringmq::{Builder, Context, Framed, Id, Listener, Reactor, SendError, State, TimerId, Transport};

    /// How many threads play peers.
    const PEERS: u64 = 16;

    /// The longest message. The budget of the loop has room for some of them, not for one of each connection.
    const MAX_LEN: usize = 300_000;

    /// How long a connection may be silent before the server removes it: a peer that leaves nothing behind has no other end.
    const IDLE: Duration = Duration::from_millis(200);

    /// After all peers have left it may take this long until the last connection is gone.
    const REST: Duration = Duration::from_secs(60);

    type Connection<T> = Framed<LengthPrefix, T>;

    /// The server's state.
    #[derive(Default)]
    struct Server {
        open: usize,
        accepted: u64,
        frames: u64,
        failed: u64,
        idle: u64,
        ticks: u64,
        signals: u64,
    }

    /// What the peers have done.
    #[derive(Default)]
    struct Deeds {
        echoes: AtomicU64,
        half_closes: AtomicU64,
        whole_echoes: AtomicU64,
        resets: AtomicU64,
        cut_frames: AtomicU64,
        slow_reads: AtomicU64,
        silences: AtomicU64,
    }

    pub fn main() {
        let seconds = std::env::var("RINGMQ_SOAK_SECONDS").ok().map_or(2.0, |text| {
            text.parse()
                .unwrap_or_else(|_| panic!("expected RINGMQ_SOAK_SECONDS to be a number, found {text:?}"))
        });
        let request = Request::parse(std::env::args_os().skip(1).collect())
            .unwrap_or_else(|error| panic!("soak: {error}"));
        let wanted = |backend: &&Backend| request.wants(&format!("soak::{backend}"));
        for backend in Backend::AVAILABLE.iter().filter(wanted) {
            match request.lists_only {
                true => println!("soak::{backend}: test"),
                false => soak(*backend, Duration::from_secs_f64(seconds)),
            }
        }
    }

    fn soak(backend: Backend, time: Duration) {
        // Once round first, so that what is made once and kept does not count.
        run(backend, Duration::from_millis(200));
        let descriptors = descriptor_count();
        let mut summary = String::new();
        let heap = allocation_counter::measure(|| summary = run(backend, time));
        let after = descriptor_count();
        println!("{backend}: {summary}");
        println!(
            "{backend}: descriptors {descriptors} -> {after}, heap of the loop's thread {:+} bytes",
            heap.bytes_current - summary.capacity() as i64,
        );
        assert_eq!(after, descriptors, "descriptors were left open");
        // The lines above, and whatever a thread keeps for itself.
        assert!(heap.bytes_current < 16 * 1024, "{} bytes were left", heap.bytes_current);
    }

    /// Serves for some time, and until every connection has come to its end.
    fn run(backend: Backend, time: Duration) -> String {
        let mut reactor = Builder::new().backend(backend).memory(1 << 20).build().expect("open a reactor");
        let listener = Listener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("it is bound");
        let path = std::env::temp_dir().join(format!("ringmq-soak-{}-{backend}", std::process::id()));
        let local = Listener::bind_unix(&path).expect("bind");
        let mut context = reactor.context();
        context.listen(listener, accept).expect("listen");
        context.listen(local, accept).expect("listen");
        context.set_interval(Duration::from_millis(50), |server: &mut Server, _| server.ticks += 1);
        catch_signals(&mut context);
        let (deeds, is_over) = (Arc::new(Deeds::default()), Arc::new(AtomicBool::new(false)));
        let peers: Vec<JoinHandle<()>> = (1..=PEERS)
            .map(|seed| {
                let (deeds, is_over, path) = (Arc::clone(&deeds), Arc::clone(&is_over), path.clone());
                let mut random = fastrand::Rng::with_seed(seed);
                thread::spawn(move || {
                    while !is_over.load(SeqCst) {
                        // No port or no descriptor may be left for the moment.
                        let outcome = match seed % 4 {
                            0 => UnixStream::connect(&path).map(|socket| visit(socket, &mut random, &deeds)),
                            _ => TcpStream::connect(address).map(|socket| visit(socket, &mut random, &deeds)),
                        };
                        outcome.unwrap_or_else(|_| thread::yield_now());
                        raise_signal();
                    }
                })
            })
            .collect();

        let mut server = Server::default();
        let (start, soon) = (Instant::now(), time / 10);
        reactor.run_until(&mut server, start + soon).expect("run");
        let early = resident_kib();
        reactor.run_until(&mut server, start + time).expect("run");
        let late = resident_kib();
        is_over.store(true, SeqCst);
        let deadline = Instant::now() + REST;
        while server.open > 0 || peers.iter().any(|peer| !peer.is_finished()) {
            assert!(Instant::now() < deadline, "{} connections are still open: {reactor:?}", server.open);
            reactor.turn(&mut server, Some(Duration::from_millis(10))).expect("turn");
        }
        peers.into_iter().for_each(|peer| peer.join().expect("a peer found a fault"));
        std::fs::remove_file(&path).expect("nobody else removes it");
        assert_eq!(reactor.context().memory().used(), 0, "memory is still charged");
        let resident = format!("resident {early} KiB after {soon:?}, {late} KiB after {time:?}");
        format!("{}; {resident}", summary(&reactor, &server, &deeds))
    }

    fn summary(reactor: &Reactor<Server>, server: &Server, deeds: &Deeds) -> String {
        let stats = reactor.stats();
        format!(
            "{} connections, {} frames, {} failed, {} idle, {} ticks, {} signals; peers: {} echoed, {} closed half ({} heard all), {} reset, {} cut a frame, {} read \
             slowly, {} fell silent; {} turns, {} bytes in, {} out, {} memory refusals",
            server.accepted,
            server.frames,
            server.failed,
            server.idle,
            server.ticks,
            server.signals,
            deeds.echoes.load(SeqCst),
            deeds.half_closes.load(SeqCst),
            deeds.whole_echoes.load(SeqCst),
            deeds.resets.load(SeqCst),
            deeds.cut_frames.load(SeqCst),
            deeds.slow_reads.load(SeqCst),
            deeds.silences.load(SeqCst),
            stats.turns,
            stats.bytes_read,
            stats.bytes_written,
            stats.memory_refusals,
        )
    }

    #[cfg(feature = "signal")]
    fn catch_signals(context: &mut Context<'_, Server>) {
        let signals = ringmq::Signals::new([ringmq::Signal::USR1]).expect("it may be caught");
        context.catch_signals(signals, |server, _, _| server.signals += 1).expect("catch a signal");
    }

    #[cfg(not(feature = "signal"))]
    fn catch_signals(_: &mut Context<'_, Server>) {}

    /// Sends a signal to the process, which interrupts whoever is at it.
    #[cfg(feature = "signal")]
    fn raise_signal() {
        let own = nix::unistd::Pid::this();
        nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGUSR1).expect("a process may signal itself");
    }

    #[cfg(not(feature = "signal"))]
    fn raise_signal() {}

    fn accept<T: Transport, A>(
        server: &mut Server,
        context: &mut Context<'_, Server>,
        accepted: io::Result<(T, A)>,
    ) {
        let (socket, _) = accepted.expect("the system has descriptors");
        let codec = LengthPrefix::new(MAX_LEN);
        let framed = Framed::new(codec, socket, &context.memory()).expect("it is a socket");
        let mut timer = None;
        let id = context.add(framed, move |server, context, id| serve(server, context, id, &mut timer));
        context.fire(id.expect("the kernel has room")); // sets the timer
        server.accepted += 1;
        server.open += 1;
    }

    /// Sends every frame back. What cannot be sent is put back, and reading pauses.
    fn serve<T: Transport>(
        server: &mut Server,
        context: &mut Context<'_, Server>,
        id: Id<Connection<T>>,
        timer: &mut Option<TimerId>,
    ) {
        let framed = context.get_mut(id).expect("its callback runs");
        let (mut frames, mut outlet) = framed.split();
        let mut is_broken = false;
        while let Some(frame) = frames.next() {
            let frame = match frame {
                Ok(frame) => frame,
                Err(_) => {
                    is_broken = true;
                    break;
                }
            };
            match outlet.send((), frame.body) {
                Ok(()) => server.frames += 1,
                Err(SendError::Full(_)) => {
                    frames.put_back();
                    break;
                }
                Err(_) => break,
            }
        }
        if framed.state() == State::Ended {
            framed.finish();
        }
        if is_broken || framed.state() == State::Closed {
            server.failed += u64::from(is_broken || framed.take_error().is_some());
            server.open -= 1;
            context.remove(id);
            return;
        }
        *timer =
            Some(context.set_timeout(IDLE, move |server: &mut Server, context: &mut Context<'_, Server>| {
                if context.remove(id).is_some() {
                    server.open -= 1;
                    server.idle += 1;
                }
            }));
    }

    /// What peers do, over either kind of socket.
    trait Socket: Read + Write {
        fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()>;
        fn shut_down_writing(&self) -> io::Result<()>;
    }

    impl Socket for TcpStream {
        fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
            self.set_read_timeout(read).and(self.set_write_timeout(write))
        }

        fn shut_down_writing(&self) -> io::Result<()> {
            self.shutdown(Shutdown::Write)
        }
    }

    impl Socket for UnixStream {
        fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
            self.set_read_timeout(read).and(self.set_write_timeout(write))
        }

        fn shut_down_writing(&self) -> io::Result<()> {
            self.shutdown(Shutdown::Write)
        }
    }

    /// One connection of a peer, which ends in one of the ways that there are.
    fn visit(mut socket: impl Socket, random: &mut fastrand::Rng, deeds: &Deeds) {
        let deadline = Some(Duration::from_secs(30));
        socket.set_timeouts(deadline, deadline).expect("a socket has timeouts");
        for _ in 0..random.u32(0..4) {
            echo(&mut socket, random);
            deeds.echoes.fetch_add(1, SeqCst);
        }
        match random.u32(0..7) {
            0 => {}
            5 | 6 => stay_silent(socket, deeds),
            1 => half_close(socket, random, deeds),
            2 => reset(socket, deeds),
            3 => {
                let announced = 1000u32.to_be_bytes();
                socket.write_all(&announced[..random.usize(1..=4)]).unwrap_or(());
                deeds.cut_frames.fetch_add(1, SeqCst);
            }
            _ => read_slowly(socket, random, deeds),
        }
    }

    fn message(random: &mut fastrand::Rng) -> Vec<u8> {
        let len = if random.u32(0..10) == 0 { random.usize(0..MAX_LEN) } else { random.usize(0..2000) };
        let first = random.u8(..);
        (0..len).map(|at| first.wrapping_add(at as u8)).collect()
    }

    fn send(socket: &mut impl Socket, body: &[u8]) -> io::Result<()> {
        socket.write_all(&(body.len() as u32).to_be_bytes())?;
        socket.write_all(body)
    }

    /// Sends a message and takes it back. A peer that does so is never cut off for being silent, however busy the machine is: it is then
    /// that the server is late as well.
    fn echo(socket: &mut impl Socket, random: &mut fastrand::Rng) {
        let body = message(random);
        // The server removes who is silent for long, which this thread may have been kept to be.
        if send(socket, &body).is_err() {
            return;
        }
        let mut len = [0; 4];
        if socket.read_exact(&mut len).is_err() {
            return;
        }
        assert_eq!(u32::from_be_bytes(len) as usize, body.len(), "another message has come back");
        let mut back = vec![0; body.len()];
        if socket.read_exact(&mut back).is_ok() {
            assert!(back == body, "another message has come back");
        }
    }

    /// Everything that was sent comes back after this side has ended, and then the end; or less, if the server was out of memory for so
    /// long that it took this one for silent, but nothing else.
    fn half_close(mut socket: impl Socket, random: &mut fastrand::Rng, deeds: &Deeds) {
        let mut expected = Vec::new();
        for body in [message(random), message(random)] {
            expected.extend_from_slice(&(body.len() as u32).to_be_bytes());
            expected.extend_from_slice(&body);
        }
        socket.write_all(&expected).unwrap_or(());
        socket.shut_down_writing().unwrap_or(());
        let mut back = Vec::new();
        socket.read_to_end(&mut back).unwrap_or(0);
        assert!(expected.starts_with(&back), "of {} bytes others have come back", expected.len());
        deeds.half_closes.fetch_add(1, SeqCst);
        deeds.whole_echoes.fetch_add(u64::from(back.len() == expected.len()), SeqCst);
    }

    /// What has come back is not read, so that the kernel answers with a reset.
    fn reset(mut socket: impl Socket, deeds: &Deeds) {
        send(&mut socket, &[7; 5000]).unwrap_or(());
        socket.read_exact(&mut [0]).unwrap_or(());
        drop(socket);
        deeds.resets.fetch_add(1, SeqCst);
    }

    /// Asks for far more than it reads, until the server has no room for it, and leaves.
    fn read_slowly(mut socket: impl Socket, random: &mut fastrand::Rng, deeds: &Deeds) {
        let body = vec![3; MAX_LEN - 1];
        let (long, short) = (Some(Duration::from_secs(30)), Some(Duration::from_millis(50)));
        socket.set_timeouts(long, short).expect("a socket has timeouts");
        for _ in 0..random.u32(2..20) {
            if send(&mut socket, &body).is_err() {
                break;
            }
            socket.read_exact(&mut [0; 1000]).unwrap_or(());
        }
        deeds.slow_reads.fetch_add(1, SeqCst);
    }

    /// Says nothing more, until the server has had enough of it.
    fn stay_silent(mut socket: impl Socket, deeds: &Deeds) {
        let ended = socket.read(&mut [0]);
        assert!(!matches!(ended, Ok(1)), "a byte came that nobody asked for");
        deeds.silences.fetch_add(1, SeqCst);
    }

    fn descriptor_count() -> usize {
        std::fs::read_dir("/dev/fd").expect("list the open descriptors").count()
    }

    /// How much of this process is in memory, by Linux's `/proc`; 0 elsewhere.
    fn resident_kib() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4)
    }
}
