#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod account;
mod author;
pub mod authorize;
pub mod batch;
mod beside;
pub mod book;
mod bounds;
pub mod bundle;
pub mod clearing;
pub mod columns;
mod counted;
pub mod decided;
mod digest;
pub mod entry;
pub mod event;
pub mod ledger;
mod legs;
pub mod member;
pub mod policy;
pub mod position;
pub mod query;
pub mod rate;
pub mod refusal;
mod reliance;
pub mod remark;
pub mod request;
pub mod rule;
mod rules;
mod send;
pub mod settle;
pub mod snapshot;
pub mod split;
pub mod text;
pub mod unit;

pub use authorize::Authorized;
pub use batch::{Batch, authorize_all};
pub use columns::{Column, Columns, Held, Transit};
pub use decided::Drawn;
pub use entry::{
    Ack, DecisionRef, Entry, Hold, Leg, LegRef, Note, Payment, Refund, Refuse, Resolution, Resolve,
};
pub use event::LedgerEvent;
pub use ledger::Ledger;
pub use legs::{LegId, parties};
pub use policy::{Cap, Policies, Policy};
pub use position::{Charge, Finality, Limits, Positions};
pub use refusal::Refusal;
pub use request::{HoldRequest, PaymentRequest, RefundRequest, Request, ResolveRequest};
pub use rule::LedgerRule;
pub use settle::{Settlement, SettlementRequest};
pub use unit::{Unit, UnitCode};
