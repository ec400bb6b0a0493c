//! Settlement: a shared account pays a claim and takes it over.
//!
//! A payee who acknowledged a leg of a record that does not stand keeps the
//! credit, unsealed for good. Once an Open has charged whoever owes the leg, an
//! account whose members decided so may pay it. The payee's acknowledgement
//! puts the credit of the settlement in the place of the leg's: its position
//! stays, and nobody is paid twice. The claim goes to the account that paid.

mod author;
mod columns;
mod rows;
mod rules;

use alloc::collections::BTreeMap;

use icn_types::canonical;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Attachment, Kind};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::account::{LegAt, Source};
use crate::entry::{DecisionRef, Entry, Leg, LegRef};
use crate::legs::{self, LegId, Side};

pub use author::SettlementRequest;
pub(crate) use author::Settling;
pub(crate) use rules::replaces;

/// Pays a claim.
pub const SETTLEMENT: Kind = Kind::new(75);

/// Pays a claim out of the author's account, all of it.
///
/// Its refs name the record that sends the leg, the Open that charged whoever
/// owes it, the last record that this Open lets stand, and the Ready of the
/// decision: together they show that the leg's record does not stand under
/// that Open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Settlement {
    /// Payee and amount: those of the claim.
    pub leg: Leg,
    /// The leg that the payee acknowledged.
    pub claim: LegRef,
    /// Position in the refs of the content of the Open that charged it.
    pub charge: u16,
    /// Names the operation, in one space with the keys of payments.
    pub key: OperationKey,
    /// The decided action that it carries out.
    pub decision: DecisionRef,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
}
canonical!(Settlement = "icn/ledger/settlement/v1" {
    leg, claim, charge, key, decision, effective, memo
});

impl Settlement {
    /// The claim that a stored settlement pays.
    pub(crate) fn claim(&self, refs: &[RecordId]) -> Option<LegId> {
        Some(LegId {
            record: *refs.get(usize::from(self.claim.reference))?,
            leg: self.claim.leg,
        })
    }
}

/// What a path settled and had settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settlements {
    /// Claims that this chain paid and that did not come back.
    paid: BTreeMap<LegAt, Paid>,
    /// What they add up to, in atoms, by who is charged.
    against: BTreeMap<ChainId, i128>,
    /// Legs taken here whose credit gave way to that of a settlement.
    replaced: BTreeMap<LegAt, Slot>,
}

/// A claim that was paid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paid {
    pub(crate) by: Slot,
    pub(crate) debtor: ChainId,
    pub(crate) atoms: i128,
}

/// What the leg of a settlement changes for whom it reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Settles {
    /// Its credit takes the place of the claim's.
    Claim(Claimed),
    /// It is the account's own and came back: the claim may be paid again.
    Back { claim: LegAt, by: Slot },
}

/// A claim as its payee took it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    pub(crate) leg: LegAt,
    /// Where its credit came from.
    pub(crate) source: Source,
    /// The hold that it is a part of.
    pub(crate) hold: Option<Source>,
}

impl Settlements {
    /// The settlement of this chain that paid a claim.
    pub(crate) fn paid(&self, claim: LegAt) -> Option<Slot> {
        self.paid.get(&claim).map(|paid| paid.by)
    }

    /// Atoms that this chain paid of what one account was charged.
    pub(crate) fn against(&self, debtor: &ChainId) -> i128 {
        self.against.get(debtor).copied().unwrap_or_default()
    }

    /// The settlement that gave credit for a leg taken here.
    pub(crate) fn replaced(&self, leg: LegAt) -> Option<Slot> {
        self.replaced.get(&leg).copied()
    }

    pub(crate) fn pay(&mut self, claim: LegAt, paid: Paid) {
        self.paid.insert(claim, paid);
        *self.against.entry(paid.debtor).or_default() += paid.atoms;
    }

    /// A settlement came back.
    pub(crate) fn regain(&mut self, claim: LegAt, by: Slot) {
        if let Some(paid) = self.paid.get(&claim).copied()
            && paid.by == by
        {
            self.paid.remove(&claim);
            *self.against.entry(paid.debtor).or_default() -= paid.atoms;
        }
    }

    pub(crate) fn replace(&mut self, claim: LegAt, by: Slot) {
        self.replaced.insert(claim, by);
    }
}

/// Records whose author owes a leg that was acknowledged, should they not
/// stand: the hold that it is the payee's part of, and its own. The rest of a
/// hold that falls never left its payer.
pub(crate) fn supports(set: &RecordSet, leg: &LegId) -> impl Iterator<Item = Slot> {
    let sender = set.find(&leg.record);
    let hold = sender.and_then(|sender| legs::hold_of(set, sender, leg.leg));
    let hold = hold.filter(|_| Side::of(leg.leg) == Side::Payee);
    hold.into_iter().chain(sender)
}

/// What does not stand of the records that a leg needs.
pub(crate) fn fallen(set: &RecordSet, leg: &LegId) -> Option<Slot> {
    supports(set, leg).find(|&slot| !set.on_spine(slot))
}

/// Whether an Open leaves a record of its chain out: it is not on the path that
/// the Open starts at, and was not written under it or a later one. Looks at
/// nothing but the ancestors of the record, of the Open and of the record that
/// it starts after.
pub(crate) fn is_left_out(set: &RecordSet, open: &RecordId, slot: Slot) -> bool {
    let prior = |id: &RecordId| set.open(id)?.start.prior();
    let mut epochs = core::iter::successors(set.record(slot).epoch(), prior);
    if epochs.any(|epoch| epoch == *open) {
        return false;
    }
    let Some(body) = set.open(open) else {
        return false;
    };
    let Some(tip) = body.start.tip() else {
        return true;
    };
    let head = set.find(&tip.head);
    head.is_some_and(|head| !set.on_path(slot, head))
}

/// The claim of a stored settlement, by slot.
pub(crate) fn claim_at(set: &RecordSet, by: Slot, settlement: &Settlement) -> Option<LegAt> {
    let claim = settlement.claim(set.record(by).refs())?;
    Some(LegAt {
        slot: set.find(&claim.record)?,
        leg: claim.leg,
    })
}

/// What the return of a record's leg means, if that is a settlement.
pub(crate) fn comes_back(set: &RecordSet, original: Slot) -> Option<Settles> {
    let claim = claim_at(set, original, &find(set, original)?)?;
    let by = original;
    Some(Settles::Back { claim, by })
}

/// The settlement behind a slot.
pub(crate) fn find(set: &RecordSet, slot: Slot) -> Option<Settlement> {
    let record = set.record(slot);
    if record.kind() != SETTLEMENT {
        return None;
    }
    match Entry::of(record)? {
        Entry::Settlement(settlement) => Some(settlement),
        _ => None,
    }
}
