//! The three ports that a host supplies: store, transport, clock.

mod batch;
mod clock;
#[cfg(feature = "std")]
mod local;
#[cfg(feature = "std")]
mod memory;
mod store;
#[cfg(feature = "std")]
mod system;
mod table;
mod transport;
