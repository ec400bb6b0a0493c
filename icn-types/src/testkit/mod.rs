//! Laws of the ports, fault injection and strategies for property tests.
//!
//! Unstable: this module may change in any release.

pub mod arb;
pub mod clock;
pub mod faulty;
pub mod stage;
pub mod store;
pub mod transport;
mod violation;

pub use violation::Violation;
