//! A member, or the treasury: one account, its writer and what that knows.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::LegId;
use icn_types::authority::{Grant, Start};
use icn_types::chain::{Chain, Owner};
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::key::{Keypair, PublicKey};

use super::replica::Replica;
use super::wishes::Wish;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Signs what admission allows, after its own last record only.
    Honest,
    /// Honest, but its node was set back to an older state.
    Restored,
    /// Signs anything anywhere.
    Byzantine,
    /// Never forks, takes all credit it can, void or not, and spends it all.
    Colluder,
}

/// A final Seal that the owner did not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Frozen,
    Removed,
}

/// What an owner agreed to write under next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) start: Start,
    pub(super) key: PublicKey,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) chain: Chain,
    pub(super) id: ChainId,
    pub(super) node: usize,
    pub(super) nature: Nature,
    pub(super) grant: Grant,
    /// Its own last record and the Open of that.
    pub(super) tip: Option<RecordId>,
    pub(super) epoch: Option<RecordId>,
    /// The Open that it waits for and writes nothing before.
    pub(super) agreed: Option<Agreed>,
    /// The key that it asked the registrar to change to.
    pub(super) next_key: Option<Keypair>,
    pub(super) cut: Option<Cut>,
    pub(super) requests: u64,
    pub(super) last_wish: Option<Wish>,
    /// The older state that a restored node writes from.
    pub(super) backup: Option<Replica>,
    /// What a colluder took: once each, leg by leg, and which of them it had
    /// settled.
    pub(super) taken: BTreeSet<LegId>,
    pub(super) kept: BTreeSet<LegId>,
    pub(super) settled: BTreeSet<LegId>,
    pub(super) answered: BTreeMap<(ChainId, OperationKey), RecordId>,
}

impl Member {
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.chain.owner(), Owner::Shared(_))
    }

    pub(super) fn is_honest(&self) -> bool {
        self.nature == Nature::Honest
    }
}
