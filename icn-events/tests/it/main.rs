//! Tests of the public face of icn-events, one binary.

mod audit;
mod bus;
mod genesis;
mod text;
