//! tokio: its current-thread runtime, with a task for each connection, and tokio-util's `Framed` and `LengthDelimitedCodec` on each.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::case::Role;
use super::node::{self, Job, Report, Start};

type Frames = Framed<TcpStream, LengthDelimitedCodec>;

pub fn run(job: &Job) -> Result<Report, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut connections = match &job.address {
            None => accept(job.client_count).await?,
            Some(address) => connect(job.client_count, address).await?,
        };
        match job.role {
            Role::Pull => pull(&mut connections[0], job).await,
            Role::Push => push(&mut connections[0], job).await,
            Role::Rep => reply(connections, job.count).await,
            Role::Req => ask_all(connections, job).await,
        }
    })
}

async fn accept(count: usize) -> io::Result<Vec<Frames>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    node::tell_address(&listener.local_addr()?.to_string())?;
    let mut connections = Vec::new();
    while connections.len() < count {
        connections.push(frames(listener.accept().await?.0)?);
    }
    Ok(connections)
}

async fn connect(count: usize, address: &str) -> io::Result<Vec<Frames>> {
    let mut connections = Vec::new();
    while connections.len() < count {
        connections.push(frames(TcpStream::connect(address).await?)?);
    }
    Ok(connections)
}

fn frames(socket: TcpStream) -> io::Result<Frames> {
    socket.set_nodelay(true)?;
    Ok(Framed::new(socket, LengthDelimitedCodec::new()))
}

async fn next(frames: &mut Frames) -> io::Result<BytesMut> {
    frames.next().await.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
}

/// The clock starts with the first message.
async fn pull(frames: &mut Frames, job: &Job) -> Result<Report, Box<dyn Error>> {
    let mut len = next(frames).await?.len() as u64;
    let start = Start::now()?;
    for _ in 1..job.total() {
        len += next(frames).await?.len() as u64;
    }
    match len == job.total() * job.body_len as u64 {
        true => Ok(start.report(Vec::new())?),
        false => Err("the messages were not what was sent".into()),
    }
}

/// Fed, so that it is sent when the buffer is full, and at the end. Who has `Bytes` hands over a reference; the codec copies from it.
async fn push(frames: &mut Frames, job: &Job) -> Result<Report, Box<dyn Error>> {
    let body = body(job);
    let start = Start::now()?;
    for _ in 0..job.total() {
        frames.feed(body.clone()).await?;
    }
    SinkExt::<Bytes>::flush(frames).await?;
    Ok(start.report(Vec::new())?)
}

async fn reply(connections: Vec<Frames>, count: u64) -> Result<Report, Box<dyn Error>> {
    let is_warm = Arc::new(Barrier::new(connections.len() + 1));
    let mut tasks = JoinSet::new();
    for frames in connections {
        tasks.spawn(reply_to(frames, count, Arc::clone(&is_warm)));
    }
    is_warm.wait().await;
    let start = Start::now()?;
    while let Some(result) = tasks.join_next().await {
        result??;
    }
    Ok(start.report(Vec::new())?)
}

async fn reply_to(mut frames: Frames, count: u64, is_warm: Arc<Barrier>) -> io::Result<()> {
    echo(&mut frames).await?; // one more: the first is not timed
    is_warm.wait().await;
    for _ in 0..count {
        echo(&mut frames).await?;
    }
    Ok(())
}

/// The reply is the request that came.
async fn echo(frames: &mut Frames) -> io::Result<()> {
    let request = next(frames).await?;
    frames.send(request.freeze()).await
}

/// A task for each. The clock starts when all have had a reply.
async fn ask_all(connections: Vec<Frames>, job: &Job) -> Result<Report, Box<dyn Error>> {
    let barrier = Arc::new(Barrier::new(connections.len() + 1));
    let mut tasks = JoinSet::new();
    for frames in connections {
        tasks.spawn(ask_often(frames, body(job), job.count, Arc::clone(&barrier)));
    }
    barrier.wait().await; // all have had one
    let start = Start::now()?;
    barrier.wait().await; // and now they go
    let mut latencies = Vec::new();
    while let Some(result) = tasks.join_next().await {
        latencies.extend(result??);
    }
    Ok(start.report(latencies)?)
}

async fn ask_often(
    mut frames: Frames,
    body: Bytes,
    count: u64,
    barrier: Arc<Barrier>,
) -> io::Result<Vec<Duration>> {
    ask(&mut frames, &body).await?;
    barrier.wait().await;
    barrier.wait().await;
    let mut latencies = Vec::with_capacity(count as usize);
    for _ in 0..count {
        latencies.push(ask(&mut frames, &body).await?);
    }
    Ok(latencies)
}

async fn ask(frames: &mut Frames, body: &Bytes) -> io::Result<Duration> {
    let at = Instant::now();
    frames.send(body.clone()).await?;
    let reply = next(frames).await?;
    assert_eq!(reply.len(), body.len(), "the reply is as long as the request");
    Ok(at.elapsed())
}

fn body(job: &Job) -> Bytes {
    vec![b'x'; job.body_len].into()
}
