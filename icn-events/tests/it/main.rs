//! Tests of the public face of icn-events, one binary.

mod node;

mod audit;
mod bus;
mod genesis;
mod text;
