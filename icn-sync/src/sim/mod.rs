//! A network and nodes in one thread, driven by one seed: the same seed gives
//! the same run, byte by byte.
//!
//! Unstable: this module may change in any release.

mod net;
mod world;

pub use net::{Delivery, Net, Rng, Weather};
pub use world::{Node, World};
