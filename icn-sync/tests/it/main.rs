//! The replica from outside: worlds of nodes on a simulated network, and one
//! node against hostile peers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod convergence;
mod drama;
mod hostile;
mod steps;
