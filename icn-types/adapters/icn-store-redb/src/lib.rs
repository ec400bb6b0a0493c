#![doc = include_str!("../README.md")]

mod error;
mod store;
mod writer;

pub use error::OpenError;
pub use store::{FILE_VERSION, RedbStore};
