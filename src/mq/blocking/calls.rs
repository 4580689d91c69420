//! How blocking sockets call their I/O thread: one descriptor for all of them, so that many which call at once wake it once.

use std::io;
use std::mem;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Io;
use crate::mq::Socket;
use crate::platform::{Interest, Ready, WakeReceiver, Waker};
use crate::{Context, Fire, Id, Io as SourceIo, Source};

/// Who has called and was not attended to yet.
///
/// Whoever is the first on the list wakes the thread, behind the lock; the others find somebody on it and need not. No call is lost: the
/// thread drains its descriptor before it takes the list, so who is on it by then is seen, and who comes later is the first again.
pub(super) struct Calls {
    callers: Mutex<Vec<Id<Socket>>>,
    waker: Waker,
}

/// A socket, on its application's side.
pub(super) struct Caller {
    calls: Arc<Calls>,
    id: Id<Socket>,
}

impl Caller {
    pub fn new(calls: &Arc<Calls>, id: Id<Socket>) -> Caller {
        Caller { calls: Arc::clone(calls), id }
    }

    /// Has the I/O thread pump this socket's messages. Publish what there is to do first.
    #[inline]
    pub fn call(&self) {
        let mut callers = self.calls.lock();
        callers.push(self.id);
        let is_first = callers.len() == 1;
        drop(callers); // or who is woken waits for the lock at once
        if is_first {
            self.calls.waker.wake();
        }
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Vec<Id<Socket>>> {
        // Nothing that can panic leaves it half changed.
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the calls of a loop's sockets come in.
struct Switchboard {
    receiver: WakeReceiver,
}

/// Has a loop attend to calls.
pub(super) fn attend(context: &mut Context<'_, Io>) -> io::Result<Arc<Calls>> {
    let (waker, receiver) = Waker::new()?;
    let calls = Arc::new(Calls { callers: Mutex::default(), waker });
    let (attended, mut callers) = (Arc::clone(&calls), Vec::new());
    context.add(Switchboard { receiver }, move |io: &mut Io, context, _| {
        mem::swap(&mut *attended.lock(), &mut callers);
        for id in callers.drain(..) {
            // One that was closed meanwhile has nothing to say.
            if let Some(pump) = io.sockets.get(&id).map(|open| Rc::clone(&open.pump)) {
                pump.borrow_mut().run(context, id);
            }
        }
    })?;
    Ok(calls)
}

impl Source for Switchboard {
    fn fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, _io: &mut SourceIo) -> Fire {
        self.receiver.drain().into()
    }
}
