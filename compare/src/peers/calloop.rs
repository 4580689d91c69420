//! calloop: sources that are level-triggered, its timers, its channel for tasks, and its ping for a wake-up.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use calloop::channel::{channel, Event};
use calloop::generic::Generic;
use calloop::ping::make_ping;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction, RegistrationToken};

use super::pace::{post_all, Pace, Task};
use super::{cannot, Chain, Contestant, Played, TimerCosts, CHURN_TURN, READ_LEN, RESET_AFTER};

pub struct Calloop;

const TIMERS_MAX: usize = 10_000;
const NOW: Option<Duration> = Some(Duration::ZERO);

/// How many connections are left, and where they read to.
struct Echo {
    left: usize,
    buffer: Vec<u8>,
}

fn register(handle: &LoopHandle<'_, Echo>, socket: TcpStream) -> io::Result<RegistrationToken> {
    let source = Generic::new(socket, Interest::READ, Mode::Level);
    let token = handle.insert_source(source, |_, socket, echo| {
        let mut socket: &TcpStream = socket;
        match socket.read(&mut echo.buffer)? {
            0 => {
                echo.left -= 1;
                Ok(PostAction::Remove)
            }
            len => {
                socket.write_all(&echo.buffer[..len])?;
                Ok(PostAction::Continue)
            }
        }
    });
    token.map_err(|error| io::Error::other(error.error))
}

/// A pipe of a chain, which outlives it.
struct Link(RawFd);

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the chain has it open for longer than the loop.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

impl Contestant for Calloop {
    fn name(&self) -> &'static str {
        "calloop"
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        let mut event_loop = EventLoop::try_new().map_err(io::Error::other)?;
        let mut echo = Echo { left: sockets.len(), buffer: vec![0; READ_LEN] };
        for socket in sockets {
            register(&event_loop.handle(), socket)?;
        }
        while echo.left > 0 {
            event_loop.dispatch(None, &mut echo).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let mut event_loop = EventLoop::try_new().map_err(io::Error::other)?;
        let mut echo = Echo { left: sockets.len(), buffer: vec![0; READ_LEN] };
        for socket in sockets {
            register(&event_loop.handle(), socket)?;
        }
        event_loop.dispatch(NOW, &mut echo).map_err(io::Error::other)?;
        settled();
        Ok(())
    }

    fn chain(&self, chain: Chain) -> Played<Duration> {
        let fds: Vec<RawFd> = (0..chain.len()).map(|pipe| chain.fd(pipe).as_raw_fd()).collect();
        let chain = Rc::new(RefCell::new(chain));
        let mut goes_on = true;
        {
            let mut event_loop = EventLoop::<bool>::try_new().map_err(io::Error::other)?;
            for (pipe, fd) in fds.into_iter().enumerate() {
                let chain = Rc::clone(&chain);
                let source = Generic::new(Link(fd), Interest::READ, Mode::Level);
                let token = event_loop.handle().insert_source(source, move |_, _, goes_on| {
                    *goes_on &= chain.borrow_mut().hop(pipe)?;
                    Ok(PostAction::Continue)
                });
                token.map_err(|error| io::Error::other(error.error))?;
            }
            chain.borrow_mut().start()?;
            while goes_on {
                event_loop.dispatch(None, &mut goes_on).map_err(io::Error::other)?;
            }
        }
        let elapsed = chain.borrow().elapsed();
        Ok(elapsed)
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let mut event_loop = EventLoop::try_new().map_err(io::Error::other)?;
        let mut echo = Echo { left: sockets.len(), buffer: vec![0; READ_LEN] };
        let handle = event_loop.handle();
        let tokens = sockets.into_iter().map(|socket| register(&handle, socket));
        let tokens = tokens.collect::<io::Result<Vec<_>>>()?;
        let start = Instant::now();
        for number in 0..count {
            let token = &tokens[number as usize % tokens.len()];
            handle.disable(token).map_err(io::Error::other)?;
            handle.enable(token).map_err(io::Error::other)?;
            if number % CHURN_TURN == 0 {
                event_loop.dispatch(NOW, &mut echo).map_err(io::Error::other)?;
            }
        }
        Ok(start.elapsed())
    }

    fn timers(&self, delays: &[Duration], cancelled: &[usize]) -> Played<TimerCosts> {
        if delays.len() > TIMERS_MAX {
            return cannot("looks at all its timers when one is set or cancelled: minutes for so many");
        }
        let mut event_loop = EventLoop::<usize>::try_new().map_err(io::Error::other)?;
        let handle = event_loop.handle();
        let set = |delay| {
            let token = handle.insert_source(Timer::from_duration(delay), |_, _, fired| {
                *fired += 1;
                TimeoutAction::Drop
            });
            token.map_err(|error| io::Error::other(error.error))
        };
        let start = Instant::now();
        let tokens = delays.iter().map(|&delay| set(delay)).collect::<io::Result<Vec<_>>>()?;
        let insert = start.elapsed();

        let start = Instant::now();
        cancelled.iter().for_each(|&number| handle.remove(tokens[number]));
        let cancel = start.elapsed();

        for &delay in delays {
            set(super::soon(delay))?;
        }
        let start = Instant::now();
        let mut fired = 0;
        while fired < delays.len() {
            event_loop.dispatch(None, &mut fired).map_err(io::Error::other)?;
        }
        Ok(TimerCosts { insert, cancel, fire: start.elapsed() })
    }

    fn reset(&self, timer_count: usize, count: u64) -> Played<Duration> {
        let mut event_loop = EventLoop::<()>::try_new().map_err(io::Error::other)?;
        let handle = event_loop.handle();
        let dispatcher = || {
            calloop::Dispatcher::new(Timer::from_duration(RESET_AFTER), |_, _, _: &mut ()| {
                TimeoutAction::Drop
            })
        };
        let mut timers = Vec::new();
        for _ in 0..timer_count {
            let dispatcher = dispatcher();
            let token = handle.register_dispatcher(dispatcher.clone()).map_err(io::Error::other)?;
            timers.push((dispatcher, token));
        }
        let start = Instant::now();
        for number in 0..count {
            let (dispatcher, token) = &timers[number as usize % timer_count];
            dispatcher.as_source_mut().set_duration(RESET_AFTER);
            handle.update(token).map_err(io::Error::other)?;
            if number % CHURN_TURN == 0 {
                event_loop.dispatch(NOW, &mut ()).map_err(io::Error::other)?;
            }
        }
        Ok(start.elapsed())
    }

    fn post(&self, count: u64) -> Played<Duration> {
        let mut event_loop = EventLoop::<u64>::try_new().map_err(io::Error::other)?;
        let (sender, tasks) = channel::<Task>();
        let token = event_loop.handle().insert_source(tasks, |event, _, sum| {
            if let Event::Msg(task) = event {
                task(sum);
            }
        });
        token.map_err(|error| io::Error::other(error.error))?;
        let thread = post_all(count, move |task| sender.send(task).expect("the loop runs"));
        let mut sum = 0;
        while sum < count {
            event_loop.dispatch(None, &mut sum).map_err(io::Error::other)?;
        }
        let end = Instant::now();
        Ok(end - thread.join().expect("it does not panic"))
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let mut event_loop = EventLoop::<Vec<Duration>>::try_new().map_err(io::Error::other)?;
        let (ping, pings) = make_ping()?;
        let pace = Pace::new();
        let noting = pace.clone();
        let token =
            event_loop.handle().insert_source(pings, move |(), (), latencies| latencies.push(noting.note()));
        token.map_err(|error| io::Error::other(error.error))?;
        let thread = pace.start(count, move || ping.ping());
        let mut latencies = Vec::with_capacity(count as usize);
        while latencies.len() < count as usize {
            event_loop.dispatch(None, &mut latencies).map_err(io::Error::other)?;
        }
        thread.join().expect("it does not panic");
        Ok(latencies)
    }
}
