//! Tests of the QUIC transport over loopback sockets, one binary.

mod laws;
mod links;
mod world;
