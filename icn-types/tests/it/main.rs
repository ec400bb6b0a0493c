//! Tests of the public face of icn-types, one binary.

mod clock_laws;
mod store_laws;
mod transport_laws;
mod vectors;
