//! Every contestant does every work, or says what it lacks.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{all, Chain, Contestant, Played, Unplayed};

/// Plays a work with each, and sees that somebody can.
fn with_each<T>(play: impl Fn(&dyn Contestant) -> Played<T>, check: impl Fn(T)) {
    let mut count = 0;
    for contestant in all() {
        println!("{}", contestant.name());
        match play(&*contestant) {
            Ok(result) => {
                count += 1;
                check(result);
            }
            Err(Unplayed::Cannot(lack)) => println!("cannot: {lack}"),
            Err(Unplayed::Failed(error)) => panic!("{}: {error}", contestant.name()),
        }
    }
    assert!(count >= 2, "the limit and ours can do everything");
}

/// Connections, as contestants get them, and their other ends.
fn pairs(count: usize) -> (Vec<TcpStream>, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pair = |_| {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        server.set_nodelay(true).unwrap();
        (server, client)
    };
    (0..count).map(pair).unzip()
}

#[test]
fn what_is_sent_comes_back_to_who_sent_it() {
    for count in [1, 3] {
        with_each(
            |contestant| {
                let (servers, clients) = pairs(count);
                let is_framed = contestant.is_framed();
                let peers = thread::spawn(move || -> io::Result<()> {
                    for round in 0..20_u8 {
                        for (number, mut client) in clients.iter().enumerate() {
                            let body = [round, number as u8, 3, 4, 5];
                            let head = if is_framed { &[0, 0, 0, 5][..] } else { &[] };
                            client.write_all(&[head, &body].concat())?;
                        }
                        for (number, mut client) in clients.iter().enumerate() {
                            let mut reply = vec![0; if is_framed { 9 } else { 5 }];
                            client.read_exact(&mut reply)?;
                            assert!(reply.ends_with(&[round, number as u8, 3, 4, 5]));
                        }
                    }
                    Ok(())
                });
                contestant.echo(servers)?;
                peers.join().unwrap()?;
                Ok(())
            },
            drop,
        );
    }
}

#[test]
fn a_chain_comes_to_its_end() {
    for (pipes, active) in [(1, 1), (10, 1), (10, 3), (300, 100)] {
        with_each(
            |contestant| contestant.chain(Chain::new(pipes, active, 1000)?),
            |elapsed| assert!(elapsed > Duration::ZERO),
        );
    }
}

#[test]
fn who_is_idle_is_settled_once() {
    with_each(
        |contestant| {
            let (servers, _clients) = pairs(10);
            let mut count = 0;
            contestant.idle(servers, &mut || count += 1)?;
            Ok(count)
        },
        |count| assert_eq!(count, 1),
    );
}

#[test]
fn registrations_come_and_go() {
    with_each(|contestant| contestant.churn(pairs(10).0, 1000), drop);
}

#[test]
fn timers_are_cancelled_and_fire() {
    let delays: Vec<Duration> = (0..1000).map(|number| Duration::from_secs(60 + number * 3)).collect();
    let cancelled: Vec<usize> = (0..1000).map(|number| number * 7 % 1000).collect();
    with_each(|contestant| contestant.timers(&delays, &cancelled), drop);
    with_each(|contestant| contestant.reset(100, 1000), drop);
}

#[test]
fn other_threads_are_heard() {
    with_each(|contestant| contestant.post(10_000), drop);
    with_each(|contestant| contestant.wake(20), |latencies| assert_eq!(latencies.len(), 20));
}
