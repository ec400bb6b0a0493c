//! Tests of the public face of icn-events, one binary.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know test functions only, not what they call"
)]

mod audit;
mod book;
mod bus;
mod codes;
mod genesis;
mod node;
mod text;
