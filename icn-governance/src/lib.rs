#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod author;
pub mod body;
pub mod charter;
pub mod count;
pub mod governance;
mod index;
pub mod label;
pub mod rule;
pub mod rules;
pub mod tally;

#[cfg(test)]
mod codes;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod vectors;
