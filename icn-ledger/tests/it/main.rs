//! Tests of the public face of icn-ledger, one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod admission;
mod attacks;
mod batches;
mod beside;
mod book;
mod bundles;
mod clearing;
mod columns;
mod devices;
mod effects;
mod entry;
mod envelopes;
mod finality;
mod forked;
mod hold_admission;
mod hold_queries;
mod holds;
mod hours;
mod limits;
mod market;
mod promises;
mod quarantine;
mod queries;
mod receivership;
mod refunds;
mod remarks;
mod rules;
mod settlements;
mod snapshots;
mod split;
mod text;
mod treasury;
mod unit;
mod vectors;
mod velocity;
mod worlds;
