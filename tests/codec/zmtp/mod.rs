//! ZMTP: the frames by their laws, the greeting and the commands by what the RFC and libzmq make of them.

mod commands;
mod frames;
mod greeting;
mod properties;

/// Fails unless `run` allocates nothing, and first makes sure that allocations are counted.
#[allow(clippy::incompatible_msrv)] // `black_box`: tests may be newer than the crate
fn assert_allocates_nothing(run: impl FnOnce()) {
    let one = allocation_counter::measure(|| drop(std::hint::black_box(vec![7_u8; 64])));
    assert_eq!(one.count_total, 1, "allocations are counted at all");
    assert_eq!(allocation_counter::measure(run).count_total, 0);
}
