//! The account: what one ledger chain adds up to, over all its epochs.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::Open;
use icn_types::id::{ChainId, OperationKey};
use icn_types::set::Slot;
use icn_types::time::Timestamp;

use crate::bounds::{Bounds, Sums};
use crate::decided::{Draw, EnvelopeId, Giver, Taken};

/// State of a ledger chain after one record: a fold over its prev path in
/// which Invalid records play no part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Credit counts as sealed from below a Seal that this chain named.
    sums: Sums,
    /// Unsealed credit, by where it came from.
    unsealed: BTreeMap<(ChainId, u64), BTreeMap<Slot, i128>>,
    /// Legs taken here.
    taken: BTreeSet<LegAt>,
    /// Own payments by operation key.
    payments: BTreeMap<OperationKey, Slot>,
    /// Taken payments by payer and operation key.
    answered: BTreeMap<(ChainId, OperationKey), Slot>,
    /// Sealed heads that this chain named, by chain. Heads on one path are
    /// kept as the last of them.
    cover: BTreeMap<ChainId, Vec<Slot>>,
    /// Floor of the epoch in force, raises included.
    floor: Option<i64>,
    /// What was paid out of envelopes.
    envelopes: BTreeMap<EnvelopeId, Taken>,
    /// Atoms acknowledged here out of envelopes of others.
    given: BTreeMap<Giver, i128>,
    /// Up to which date the account is closed.
    closed: Option<Timestamp>,
    /// Disputes that this chain ended.
    ruled: BTreeSet<Slot>,
}

/// A leg by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LegAt {
    pub(crate) slot: Slot,
    pub(crate) leg: u8,
}

/// Where credit came from: a record on its sender's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) chain: ChainId,
    pub(crate) seq: u64,
    pub(crate) slot: Slot,
}

/// What one record changes.
#[derive(Debug)]
pub(crate) struct Delta {
    pub(crate) terms: Terms,
    pub(crate) change: Change,
}

/// What a record changes by its refs alone.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) floor: Option<i64>,
    /// New covers of the chains whose cover moves.
    pub(crate) cover: BTreeMap<ChainId, Vec<Slot>>,
    /// Credit that becomes sealed.
    pub(crate) sealed: BTreeMap<Source, i128>,
}

impl Terms {
    /// What bounds a record under these terms. `None` without a grant.
    pub(crate) fn bounds(&self, open: &Open) -> Option<Bounds> {
        let (grant, floor) = (open.grant?, self.floor?);
        Some(Bounds {
            floor,
            ceiling: grant.ceiling,
            float: grant.float,
            charged: open.charged,
        })
    }
}

#[derive(Debug)]
pub(crate) enum Change {
    None,
    Paid {
        key: OperationKey,
        total: i128,
        draw: Option<Draw>,
    },
    Took(Vec<Taking>),
    Closed(Timestamp),
    Ruled(Slot),
}

/// One leg that a record takes.
#[derive(Debug)]
pub(crate) struct Taking {
    pub(crate) leg: LegAt,
    /// The key of a payment, which its payer cannot use here again.
    pub(crate) key: Option<(ChainId, OperationKey)>,
    /// None for a refusal, which brings no credit.
    pub(crate) credit: Option<Credit>,
    /// The envelope that an acknowledged payment drew on.
    pub(crate) giver: Option<Giver>,
}

#[derive(Debug)]
pub(crate) struct Credit {
    pub(crate) source: Source,
    pub(crate) amount: i128,
    pub(crate) is_sealed: bool,
}

impl Account {
    /// What this chain's own path adds up to after `terms`.
    pub(crate) fn sums(&self, terms: &Terms) -> Sums {
        let moved: i128 = terms.sealed.values().sum();
        Sums {
            sealed: self.sums.sealed + moved,
            unsealed: self.sums.unsealed - moved,
            ..self.sums
        }
    }

    pub(crate) const fn floor(&self) -> Option<i64> {
        self.floor
    }

    pub(crate) const fn closed(&self) -> Option<Timestamp> {
        self.closed
    }

    pub(crate) fn has_ruled(&self, dispute: Slot) -> bool {
        self.ruled.contains(&dispute)
    }

    /// The own payment under a key.
    pub(crate) fn payment(&self, key: &OperationKey) -> Option<Slot> {
        self.payments.get(key).copied()
    }

    /// The payment of `payer` under a key that was taken here.
    pub(crate) fn answered(&self, payer: ChainId, key: OperationKey) -> Option<Slot> {
        self.answered.get(&(payer, key)).copied()
    }

    /// What this path paid out of an envelope.
    pub(crate) fn taken_from(&self, envelope: &EnvelopeId) -> Taken {
        self.envelopes.get(envelope).copied().unwrap_or_default()
    }

    /// Atoms that this path acknowledged out of somebody's envelope.
    pub(crate) fn given_by(&self, giver: &Giver) -> i128 {
        self.given.get(giver).copied().unwrap_or_default()
    }

    pub(crate) fn has_taken(&self, leg: LegAt) -> bool {
        self.taken.contains(&leg)
    }

    /// Sealed heads of a chain that this one named.
    pub(crate) fn cover(&self, chain: &ChainId) -> &[Slot] {
        self.cover.get(chain).map_or(&[], Vec::as_slice)
    }

    /// Unsealed credit from records at `from..=to` of one chain.
    pub(crate) fn unsealed(
        &self,
        chain: ChainId,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = (Source, i128)> + '_ {
        let range = (from <= to).then(|| self.unsealed.range((chain, from)..=(chain, to)));
        range
            .into_iter()
            .flatten()
            .flat_map(|(&(chain, seq), atoms)| {
                atoms
                    .iter()
                    .map(move |(&slot, &atoms)| (Source { chain, seq, slot }, atoms))
            })
    }

    /// Chains with unsealed credit from them, ascending.
    pub(crate) fn creditors(&self) -> BTreeSet<ChainId> {
        self.unsealed.keys().map(|(chain, _)| *chain).collect()
    }

    pub(crate) fn apply(&mut self, slot: Slot, delta: Delta) {
        let Delta { terms, change } = delta;
        self.floor = terms.floor;
        self.cover.extend(terms.cover);
        for (source, atoms) in terms.sealed {
            let place = (source.chain, source.seq);
            if let Some(slots) = self.unsealed.get_mut(&place) {
                slots.remove(&source.slot);
                if slots.is_empty() {
                    self.unsealed.remove(&place);
                }
                self.sums.unsealed -= atoms;
                self.sums.sealed += atoms;
            }
        }
        match change {
            Change::None => {}
            Change::Closed(until) => self.closed = Some(until),
            Change::Ruled(dispute) => {
                self.ruled.insert(dispute);
            }
            Change::Paid { key, total, draw } => {
                self.payments.insert(key, slot);
                self.sums.sent += total;
                if let Some(draw) = draw {
                    let taken = self.envelopes.entry(draw.envelope).or_default();
                    taken.total += draw.total;
                    taken.payments += 1;
                }
            }
            Change::Took(takings) => takings.into_iter().for_each(|taking| self.take(taking)),
        }
    }

    fn take(&mut self, taking: Taking) {
        self.taken.insert(taking.leg);
        if let Some(key) = taking.key {
            self.answered.insert(key, taking.leg.slot);
        }
        let Some(credit) = taking.credit else {
            return;
        };
        if let Some(giver) = taking.giver {
            *self.given.entry(giver).or_default() += credit.amount;
        }
        if credit.is_sealed {
            self.sums.sealed += credit.amount;
        } else {
            let Source { chain, seq, slot } = credit.source;
            let slots = self.unsealed.entry((chain, seq)).or_default();
            *slots.entry(slot).or_default() += credit.amount;
            self.sums.unsealed += credit.amount;
        }
    }
}
