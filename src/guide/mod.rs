//! How the loop works.
//!
//! * [`turn`]: one turn of the loop, drawn, with every rule that may be relied on and the test that holds it.

#[doc = include_str!("turn.md")]
pub mod turn {}
