#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod account;
pub mod authorize;
pub mod book;
mod bounds;
pub mod columns;
pub mod decided;
mod digest;
pub mod entry;
pub mod event;
pub mod ledger;
mod legs;
pub mod member;
pub mod position;
pub mod query;
pub mod rate;
pub mod refusal;
pub mod remark;
pub mod rule;
mod rules;
pub mod split;
pub mod text;
pub mod unit;

pub use authorize::{Authorized, PaymentRequest};
pub use columns::{Column, Columns, Transit};
pub use decided::Drawn;
pub use entry::{Ack, DecisionRef, Entry, Leg, LegRef, Note, Payment, Refuse};
pub use event::LedgerEvent;
pub use ledger::Ledger;
pub use legs::{LegId, parties};
pub use position::{Charge, Finality, Limits, Positions};
pub use refusal::Refusal;
pub use rule::LedgerRule;
pub use unit::{Unit, UnitCode};
