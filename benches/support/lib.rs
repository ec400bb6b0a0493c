//! What the benches share: a cooperative of any size with its entries, the
//! rows that a node stores for them, floor programs and clocks.
//!
//! Everything follows from fixed seeds. Whatever can fail here fails the bench.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a bench that cannot be set up ends"
)]

mod arrival;
mod clock;
mod floor;
mod market;
mod ours;
mod report;
mod rows;
mod trade;

pub use arrival::Arrival;
pub use clock::{cpu_nanos, wall_nanos};
pub use floor::{BareIndex, BareLedger, BareMap, BareRedb, FastMap, Prefix, encode_and_hash};
pub use market::{Market, Replica};
pub use ours::Node;
pub use report::{Case, Rounds, print_machine, run, title, told, verdict};
pub use rows::{Bytes, Decoded, SPACES};
pub use trade::Trade;

/// Whether this run measures. `cargo bench` says so; under `cargo test` every
/// bench runs once on small sizes.
#[must_use]
pub fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// `full` when measuring, else `small`.
#[must_use]
pub fn sized<T>(full: T, small: T) -> T {
    if is_measuring() { full } else { small }
}
