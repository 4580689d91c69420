//! Framed connections on a loop under random chunking, errors and a small budget: every frame and every byte arrives, in order and once, and
//! behind the last the end; no connection fails that the input does not break; the budget is never exceeded; what is refused comes back; and
//! nobody waits for ever, though no callback is fired but where the documentation has the application do it.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the backend, and in the high half the number of connections less one, of which there are up to four |
//! | byte 1 | the budget, in units of 8 KiB beyond the longest frame |
//! | pairs of bytes | an operation each: what, in the low six bits, and of which connection, in the others; and how much |

mod complete;
mod side;
mod transport;
mod world;

use self::side::{Mode, MAX};
use self::world::World;

/// So many operations are enough, and more take long.
const MOST: usize = 400;

/// Plays one input, and panics if a promise is broken.
pub fn run(data: &[u8]) {
    let [setting, budget, operations @ ..] = data else { return };
    let count = usize::from(setting >> 4 & 3) + 1;
    let mut world = World::new(setting & 15, count, MAX + 4 + usize::from(*budget) * 8192);
    for operation in operations.chunks_exact(2).take(MOST) {
        play(&mut world, operation[0], operation[1]);
        world.check();
    }
    world.complete();
    world.remove_all();
}

/// Mostly short, sometimes longer than a segment, and now and then as long as may be.
fn len_of(byte: u8) -> usize {
    match byte {
        0..=127 => usize::from(byte),
        128..=223 => usize::from(byte - 127) * 50,
        224..=253 => usize::from(byte - 223) * 2600,
        254 => MAX - 1,
        255 => MAX,
    }
}

fn play(world: &mut World, operation: u8, amount: u8) {
    let number = usize::from(operation >> 6) % world.count();
    let len = len_of(amount);
    match operation & 63 {
        0..=7 => world.queue(number, len),
        8..=15 => world.write(number, len + 1),
        16..=20 => world.read(number, len + 1),
        21..=33 => world.turn(),
        34..=39 => world.send(number, len, operation),
        40 => world.send(number, MAX + 1, amount),
        41..=45 => {
            let modes = [Mode::Take, Mode::Echo, Mode::One, Mode::PutBack, Mode::Leave];
            world.set_mode(number, modes[usize::from(amount) % modes.len()]);
        }
        46 => world.set_marks(number, len * 4, len),
        47 => world.finish(number),
        48 => world.take_over(number),
        49 => world.add_again(number),
        50 => world.shut_down(number),
        51 => world.queue_too_long(number),
        52 => world.drop_peer(number),
        53 => world.break_connection(number),
        54 | 55 => world.trouble(number).limit.set(Some(len + 1)),
        56 | 57 => world.trouble(number).interrupted.set(amount % 4),
        58 | 59 => world.trouble(number).not_ready.set(amount % 4),
        60 => world.trouble(number).one_slice.set(amount % 2 == 1),
        // What most inputs need most: the whole way of what there is.
        _ => {
            world.write(number, usize::MAX);
            world.turn();
            world.turn();
            world.read(number, 1 << 16);
        }
    }
}
