#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod canon;
pub mod error;
pub mod hash;
#[cfg(feature = "host")]
pub mod host;
pub mod id;
pub mod key;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;
