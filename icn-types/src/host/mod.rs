//! The three ports that a host supplies: store, transport, clock.
//!
//! A port is a trait, its contract is a list of laws, and `icn_types::testkit`
//! checks an implementor against them. Pure code never calls a port: a driver
//! reads, asks the pure code for a decision and commits the [`Batch`] that it
//! returns.

mod batch;
mod clock;
#[cfg(feature = "std")]
mod inbox;
mod key;
#[cfg(feature = "std")]
mod local;
#[cfg(feature = "std")]
mod memory;
mod scan;
mod send;
mod store;
#[cfg(feature = "std")]
mod system;
mod table;
mod transport;

pub use batch::{
    BATCH_LEN_MAX, BATCH_OPS_MAX, Batch, LimitError, Precondition, VALUE_LEN_MAX, Write,
};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use inbox::{Inbox, Link};
pub use key::{KEY_LEN_MAX, Key, KeyBytes, SPACE_LEN_MAX, Space};
#[cfg(feature = "std")]
pub use local::{LocalNetwork, LocalTransport};
#[cfg(feature = "std")]
pub use memory::MemoryStore;
pub use scan::{Order, PAGE_BYTES_MAX, PAGE_ROWS_DEFAULT, Page, Scan, StoredRow};
pub use send::{MaybeSend, MaybeSync};
pub use store::{Store, StoreError, StoreErrorKind};
#[cfg(feature = "std")]
pub use system::ManualClock;
#[cfg(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use system::SystemClock;
pub use table::{KeyReader, Present, RowError, Table, TableKey};
pub use transport::{Frame, Incoming, Transport, TransportError};
