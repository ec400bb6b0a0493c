//! Strategies for property tests.

pub mod records;
