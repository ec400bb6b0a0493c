//! Tests of the public face of icn-types, one binary.

mod vectors;
