//! tokio on its current-thread runtime: a task per connection or pipe, its sleeps, spawning from another thread, and its notification.

use std::cell::RefCell;
use std::future::{poll_fn, Future};
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, Notify};
use tokio::task::{yield_now, JoinSet, LocalSet};
use tokio::time::{sleep, Sleep};

use super::pace::{post_all, Pace, Task};
use super::{Chain, Contestant, Played, TimerCosts, CHURN_TURN, READ_LEN, RESET_AFTER};

pub struct Tokio;

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn echo_one(socket: TcpStream) -> io::Result<()> {
    let mut socket = tokio::net::TcpStream::from_std(socket)?;
    let mut buffer = Vec::new();
    loop {
        // No buffer is held while nothing comes.
        socket.readable().await?;
        buffer.reserve(READ_LEN);
        match socket.try_read_buf(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => socket.write_all(&buffer).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        buffer.clear();
    }
}

/// As its documentation has it, with a buffer of its own for each connection.
async fn echo_simply(socket: TcpStream) -> io::Result<()> {
    let mut socket = tokio::net::TcpStream::from_std(socket)?;
    let mut buffer = vec![0; READ_LEN];
    loop {
        match socket.read(&mut buffer).await? {
            0 => return Ok(()),
            len => socket.write_all(&buffer[..len]).await?,
        }
    }
}

fn register<T: AsFd + AsRawFd>(fd: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: the descriptor is one that `T` has open, and the same as long as that is there.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    registered.map_err(|error| io::Error::other(error.to_string()))
}

/// A turn of its loop, more or less: what is due is looked at when a task gives way.
async fn turn() {
    yield_now().await;
}

/// A sleep that the runtime knows of.
async fn settle(mut sleep: Pin<&mut Sleep>) {
    poll_fn(|context| {
        let _ = sleep.as_mut().poll(context);
        Poll::Ready(())
    })
    .await
}

impl Contestant for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        runtime()?.block_on(async {
            let mut tasks = JoinSet::new();
            sockets.into_iter().for_each(|socket| drop(tasks.spawn(echo_simply(socket))));
            while let Some(ended) = tasks.join_next().await {
                ended.map_err(io::Error::other)??;
            }
            Ok(())
        })
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        runtime()?.block_on(async {
            for socket in sockets {
                tokio::spawn(echo_one(socket));
            }
            turn().await;
            turn().await;
            settled();
            Ok(())
        })
    }

    fn chain(&self, chain: Chain) -> Played<Duration> {
        let fds: Vec<RawFd> = (0..chain.len()).map(|pipe| chain.fd(pipe).as_raw_fd()).collect();
        let chain = Rc::new(RefCell::new(chain));
        let runtime = runtime()?;
        let over = Rc::new(Notify::new());
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            for (pipe, fd) in fds.into_iter().enumerate() {
                let (chain, over) = (Rc::clone(&chain), Rc::clone(&over));
                // SAFETY: the chain has it open for longer than the task.
                let fd = register(unsafe { BorrowedFd::borrow_raw(fd) })?;
                tokio::task::spawn_local(async move {
                    loop {
                        let mut ready = fd.readable().await?;
                        if !chain.borrow_mut().hop(pipe)? {
                            over.notify_one();
                            return io::Result::Ok(());
                        }
                        // The read was short, so there is no more.
                        ready.clear_ready();
                    }
                });
            }
            turn().await;
            chain.borrow_mut().start()?;
            over.notified().await;
            let elapsed = chain.borrow().elapsed();
            Ok(elapsed)
        })
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        runtime()?.block_on(async {
            let mut sockets = sockets
                .into_iter()
                .map(|socket| register(socket).map(Some))
                .collect::<io::Result<Vec<_>>>()?;
            let start = Instant::now();
            for number in 0..count {
                let at = number as usize % sockets.len();
                let socket = sockets[at].take().expect("it is there").into_inner();
                sockets[at] = Some(register(socket)?);
                if number % CHURN_TURN == 0 {
                    turn().await;
                }
            }
            Ok(start.elapsed())
        })
    }

    fn timers(&self, delays: &[Duration], cancelled: &[usize]) -> Played<TimerCosts> {
        runtime()?.block_on(async {
            let start = Instant::now();
            let mut sleeps = Vec::new();
            for &delay in delays {
                let mut sleep = Box::pin(sleep(delay));
                settle(sleep.as_mut()).await;
                sleeps.push(Some(sleep));
            }
            let insert = start.elapsed();

            let start = Instant::now();
            cancelled.iter().for_each(|&number| sleeps[number] = None);
            let cancel = start.elapsed();

            let fired = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let over = Arc::new(Notify::new());
            let count = delays.len();
            for &delay in delays {
                let (fired, over) = (Arc::clone(&fired), Arc::clone(&over));
                tokio::spawn(async move {
                    sleep(super::soon(delay)).await;
                    if fired.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == count {
                        over.notify_one();
                    }
                });
            }
            let start = Instant::now();
            over.notified().await;
            Ok(TimerCosts { insert, cancel, fire: start.elapsed() })
        })
    }

    fn reset(&self, timer_count: usize, count: u64) -> Played<Duration> {
        runtime()?.block_on(async {
            let mut sleeps = Vec::new();
            for _ in 0..timer_count {
                let mut sleep = Box::pin(sleep(RESET_AFTER));
                settle(sleep.as_mut()).await;
                sleeps.push(sleep);
            }
            let start = Instant::now();
            let mut now = tokio::time::Instant::now();
            for number in 0..count {
                sleeps[number as usize % timer_count].as_mut().reset(now + RESET_AFTER);
                if number % CHURN_TURN == 0 {
                    turn().await;
                    now = tokio::time::Instant::now();
                }
            }
            Ok(start.elapsed())
        })
    }

    fn post(&self, count: u64) -> Played<Duration> {
        runtime()?.block_on(async {
            let (sender, mut tasks) = mpsc::unbounded_channel::<Task>();
            let thread = post_all(count, move |task| assert!(sender.send(task).is_ok(), "the loop runs"));
            let mut sum = 0;
            while let Some(task) = tasks.recv().await {
                task(&mut sum);
                if sum == count {
                    break;
                }
            }
            let end = Instant::now();
            Ok(end - thread.join().expect("it does not panic"))
        })
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        runtime()?.block_on(async {
            let (pace, notify) = (Pace::new(), Arc::new(Notify::new()));
            let notifier = Arc::clone(&notify);
            let thread = pace.start(count, move || notifier.notify_one());
            let mut latencies = Vec::with_capacity(count as usize);
            while latencies.len() < count as usize {
                notify.notified().await;
                latencies.push(pace.note());
            }
            thread.join().expect("it does not panic");
            Ok(latencies)
        })
    }
}
