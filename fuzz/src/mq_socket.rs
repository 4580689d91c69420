//! A message-queue socket on a loop and peers of it that are played by hand, whose parts may be so long that each is read into a vector
//! of its own: whatever the pieces, the ends and the budget, each peer's messages are received whole and in order, those before its end
//! too and nothing behind it; no more is charged than in proportion to what has come; and in the end the loop is at rest and holds nothing.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the backend in bits 0 and 1, the type of socket in bits 2 and 3, and the number of peers less one in bits 6 and 7 |
//! | | bit 4: it is closed with all that is under way; bit 5: one message at the most may wait |
//! | byte 1 | the budget in bits 0 to 6, in units of 8 KiB beyond the least that will do; bit 7: of a PULL, its peers speak RingMQ's protocol |
//! | pairs of bytes | an operation each: what, in the low six bits, and of which peer, in the others; and how much |

mod peer;
mod world;

use self::world::World;

/// The longest part that is received: several times as long as a receive buffer, which has 64 KiB.
pub const MAX: usize = 200_000;

/// So many operations are enough, and more take long.
const MOST: usize = 200;

/// Plays one input, and panics if a promise is broken.
pub fn run(data: &[u8]) {
    let [setting, budget, operations @ ..] = data else { return };
    let mut world = World::new(*setting, usize::from(*budget & 127) * 8192, *budget & 128 != 0);
    for operation in operations.chunks_exact(2).take(MOST) {
        play(&mut world, operation[0], operation[1]);
        world.check();
    }
    if setting & 16 == 0 {
        world.complete();
    }
    world.close();
}

/// Short, or about as long as what is read by itself, or longer.
fn len_of(byte: u8) -> usize {
    match byte {
        0..=127 => usize::from(byte),
        128..=191 => (1 << 16) - 32 + usize::from(byte - 128),
        192..=253 => (1 << 16) + usize::from(byte - 191) * 2166,
        254 => MAX - 1,
        255 => MAX,
    }
}

fn play(world: &mut World, operation: u8, amount: u8) {
    let number = usize::from(operation >> 6) % world.peers.len();
    let len = len_of(amount);
    let peer = &mut world.peers[number];
    match operation & 63 {
        0..=15 => peer.queue(len, operation & 1 == 0),
        16 | 17 => peer.queue_ping(),
        18..=29 => peer.write(len + 1),
        30..=33 => peer.write(usize::MAX),
        34..=45 => world.turn(),
        46..=51 => world.receive(usize::from(amount) % 4 + 1),
        52 => peer.shut_down(),
        53 => peer.leave(),
        54 => peer.queue_too_long(),
        55 => world.hold_back(len),
        56 => world.let_go(),
        // What most inputs need most: the whole way of what there is.
        _ => {
            peer.write(usize::MAX);
            world.turn();
            world.turn();
            world.receive(1);
        }
    }
}
