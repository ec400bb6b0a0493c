#![doc = include_str!("../README.md")]

mod config;
mod dial;
mod end;
mod keeper;
mod link;
mod state;
mod tls;
mod transport;
mod wire;

pub use config::{BindError, QuicConfig};
pub use end::LinkEnd;
pub use transport::{QuicTransport, bind};

#[cfg(test)]
mod tests;
