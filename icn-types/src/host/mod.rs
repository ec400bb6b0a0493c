//! The three ports that a host supplies: store, transport, clock.

mod batch;
mod clock;
#[cfg(feature = "std")]
mod inbox;
#[cfg(feature = "std")]
mod local;
#[cfg(feature = "std")]
mod memory;
mod send;
mod store;
#[cfg(feature = "std")]
mod system;
mod table;
mod transport;

pub use clock::Clock;
#[cfg(feature = "std")]
pub use inbox::{Inbox, Link};
#[cfg(feature = "std")]
pub use local::{LocalNetwork, LocalTransport};
pub use send::{MaybeSend, MaybeSync};
#[cfg(feature = "std")]
pub use system::ManualClock;
#[cfg(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use system::SystemClock;
pub use transport::{Frame, Incoming, Transport, TransportError};
