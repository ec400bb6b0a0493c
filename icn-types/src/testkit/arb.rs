//! Strategies for property tests.

pub mod batch;
pub mod records;
