#![doc = include_str!("../README.md")]

mod error;
mod store;
mod writer;

pub use error::OpenError;
pub use store::{DATA_VERSION, RedbStore};
