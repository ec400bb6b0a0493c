#![doc = include_str!("../README.md")]

mod clock;
mod config;
mod early;
mod event;
mod peer;
mod replica;
#[cfg(feature = "sim")]
pub mod sim;
mod step;
pub mod wire;

pub use clock::VectorClock;
pub use config::{
    ANSWER_LEN, ANSWER_WITHIN, BUDGET_LEN, BUDGET_PER_SECOND, Budget, Config, EARLY_LEN_PER_TOPIC,
    EARLY_PER_PEER, EARLY_PER_TOPIC, EXCHANGE_FIRST, EXCHANGE_LONGEST, FAULT_FORGOTTEN, FAULTS_MAX,
    FORKS_MAX, FORKS_PER_SECOND, MUTED_FOR,
};
pub use event::{PeerFault, SyncEvent};
pub use replica::{Counters, ForeignTopic, Input, Replica, RestoreError};
pub use step::{Committed, NotCommitted, Step, StepNumber, Stored, StoredWhat};
