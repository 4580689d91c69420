//! One fault after its name, each of which a memory checker has to find, or its silence means nothing: `faults freed|leaked|open`.

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("freed") => {
            let freed = std::ptr::addr_of!(*vec![1_u8; 64].into_boxed_slice()).cast::<u8>();
            // SAFETY: none; the memory has been given back, and something is decided by what is in it.
            if unsafe { freed.read_volatile() } == 1 {
                println!("one");
            }
        }
        Some("leaked") => {
            std::hint::black_box(Box::leak(vec![0_u8; 64].into_boxed_slice()));
        }
        Some("open") => std::mem::forget(std::fs::File::open("/dev/null").unwrap()),
        _ => {}
    }
}
