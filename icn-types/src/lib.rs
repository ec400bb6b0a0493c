#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod amount;
pub mod attested;
pub mod authority;
pub mod canon;
pub mod chain;
pub mod error;
pub mod hash;
#[cfg(feature = "host")]
pub mod host;
pub mod id;
pub mod index;
pub mod judge;
pub mod key;
pub mod record;
pub mod resume;
pub mod set;
pub mod sign;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;
pub mod topic;
pub mod verdict;
