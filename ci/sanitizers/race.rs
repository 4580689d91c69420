//! Two threads add to one number without agreeing on it: what ThreadSanitizer has to find, or its silence means nothing.

static mut COUNT: u64 = 0;

fn main() {
    let add = || {
        for _ in 0..1000 {
            // SAFETY: none; this is the race.
            unsafe { COUNT += 1 };
        }
    };
    let other = std::thread::spawn(add);
    add();
    other.join().unwrap();
}
