//! What only the I/O thread's own side can bring about.

use super::*;

#[test]
fn who_waits_is_told_when_the_loop_ends_of_itself() {
    let io = IoThread::new().unwrap();
    let (pull, push) = (io.socket(SocketType::Pull).unwrap(), io.socket(SocketType::Push).unwrap());
    let waiting = thread::spawn(move || pull.recv());
    io.remote.post(|_, context| context.stop()).unwrap();
    assert_eq!(waiting.join().unwrap(), Err(WaitError::Closed));
    io.shutdown(Duration::ZERO).unwrap();
    assert_eq!(push.send("x").unwrap_err().error, WaitError::Closed);
}
