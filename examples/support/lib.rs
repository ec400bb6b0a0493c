//! What the examples share, and the code of the repository's pages.

/// Compiles the code in the repository's pages.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
