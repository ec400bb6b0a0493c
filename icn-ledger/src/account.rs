//! The account: what one ledger chain adds up to, over all its epochs.

mod rows;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::Open;
use icn_types::id::{ChainId, OperationKey};
use icn_types::index::{Directory, Index};
use icn_types::set::{ChainNumber, RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::bounds::{Bounds, Sums};
use crate::decided::{Draw, EnvelopeId, Giver, Taken};
use crate::entry::Entry;
use crate::legs::Side;
use crate::settle::{Claimed, Paid, Settlements, Settles};

/// State of a ledger chain after one record: a fold over its prev path in
/// which Invalid records play no part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Credit counts as sealed from below a Seal that this chain named.
    sums: Sums,
    /// Unsealed credit, by where it came from.
    unsealed: BTreeMap<Source, i128>,
    /// Parts of holds that no named Seal covers, by the hold. What comes of
    /// a covered hold is filed under its Resolve, like any other credit.
    parts: BTreeMap<ChainNumber, Vec<Part>>,
    /// Legs taken here, and whose part of which hold.
    taken: BTreeSet<LegAt>,
    /// Those of them that were sent back.
    refused: BTreeSet<LegAt>,
    /// Own payments, holds, refunds and bundles by operation key.
    operations: Directory<OperationKey, Slot>,
    /// Slots of taken payments, holds and refunds by payer and operation key,
    /// which these say themselves.
    answered: Index<(ChainId, OperationKey)>,
    /// Holds resolved here, with the Resolve.
    resolved: BTreeMap<Slot, Slot>,
    /// What was paid back of legs taken here, in atoms.
    refunded: BTreeMap<LegAt, u64>,
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
    /// Claims that it paid, and that were paid to it.
    settlements: Settlements,
}

/// A leg by slot. With the slot of a hold: one side's part of it, 0 for the
/// payee, 1 for the payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LegAt {
    pub(crate) slot: Slot,
    pub(crate) leg: u8,
}

impl Side {
    /// Each side takes one part of a hold, by whatever Resolve.
    pub(crate) fn of_hold(self, slot: Slot) -> LegAt {
        LegAt {
            slot,
            leg: self as u8,
        }
    }
}

/// A part of a hold that waits for Seals over the hold and its Resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) hold: Source,
    pub(crate) resolve: Source,
    pub(crate) amount: i128,
}

/// Where credit came from: a record on its sender's chain. Ordered by chain, and
/// each after those before it on its path, as a set stores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) chain: ChainNumber,
    pub(crate) slot: Slot,
}

/// What one record changes.
#[derive(Debug)]
pub(crate) struct Delta {
    /// Boxed: it moves from hand to hand.
    pub(crate) entry: Box<Entry>,
    pub(crate) terms: Terms,
    pub(crate) change: Change,
}

/// What a record changes by its refs alone.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) floor: Option<i64>,
    /// None of a record that names no Seal, as most do.
    pub(crate) sealing: Option<Box<Sealing>>,
}

/// What comes of the Seals that one record names.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    /// New covers of the chains whose cover moves.
    pub(crate) cover: BTreeMap<ChainId, Vec<Slot>>,
    /// Credit that becomes sealed.
    pub(crate) sealed: BTreeMap<Source, i128>,
    /// Parts whose hold becomes covered, each with whether that seals it.
    pub(crate) parts: Vec<(Part, bool)>,
}

impl Sealing {
    /// Credit that becomes sealed, in atoms.
    fn moved(&self) -> i128 {
        let parts = self.parts.iter().filter(|(_, is_sealed)| *is_sealed);
        self.sealed.values().sum::<i128>() + parts.map(|(part, _)| part.amount).sum::<i128>()
    }
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
    /// A payment, or a hold: what its payer regains comes back as credit.
    Paid {
        key: OperationKey,
        total: i128,
        draw: Option<Box<Draw>>,
    },
    /// Holds, by slot.
    Resolved(Vec<Slot>),
    Refunded {
        key: OperationKey,
        amount: i128,
        draw: Option<Box<Draw>>,
        original: LegAt,
        /// All refunds of it together.
        sum: u64,
    },
    Settled {
        key: OperationKey,
        amount: i128,
        draw: Option<Box<Draw>>,
        claim: LegAt,
        debtor: ChainId,
    },
    Took(Vec<Taking>),
    Closed(Timestamp),
    Ruled(Slot),
    /// A bundle, by its operation key.
    Stated(OperationKey),
}

/// One leg that a record takes.
#[derive(Debug)]
pub(crate) struct Taking {
    pub(crate) leg: LegAt,
    /// The key of a payment, hold or refund that is new here: its payer cannot
    /// use it again.
    pub(crate) key: Option<(ChainId, OperationKey)>,
    /// Whose part of which hold the leg is, if it is one.
    pub(crate) part: Option<Box<HoldPart>>,
    /// None for a refusal, which brings no credit.
    pub(crate) credit: Option<Credit>,
    /// The envelope that an acknowledged payment drew on.
    pub(crate) giver: Option<Giver>,
    /// What it does to a claim, if it is the leg of a settlement.
    pub(crate) settles: Option<Box<Settles>>,
}

impl Taking {
    /// Whether its credit takes the place of credit that is there already.
    pub(crate) fn replaces(&self) -> bool {
        matches!(self.settles.as_deref(), Some(Settles::Claim(_)))
    }
}

/// Whose part of which hold.
#[derive(Debug)]
pub(crate) struct HoldPart {
    pub(crate) hold: Source,
    pub(crate) side: Side,
    /// Whether a named Seal covers the hold.
    pub(crate) is_covered: bool,
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
        let moved = terms.sealing.as_deref().map_or(0, Sealing::moved);
        Sums {
            sealed: self.sums.sealed + moved,
            unsealed: self.sums.unsealed - moved,
            ..self.sums
        }
    }

    /// Credit that no named Seal covers, in atoms.
    pub(crate) const fn unsealed_sum(&self) -> u128 {
        self.sums.unsealed.unsigned_abs()
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

    /// The own payment, hold, refund or bundle under a key.
    pub(crate) fn operation(&self, key: &OperationKey) -> Option<Slot> {
        self.operations.get(key).copied()
    }

    /// What of `payer` under a key was taken here.
    pub(crate) fn answered(
        &self,
        set: &RecordSet,
        payer: ChainId,
        key: OperationKey,
    ) -> Option<Slot> {
        let is = |number| {
            let slot = set.slot(number).filter(|&slot| set.chain(slot) == payer);
            let entry = slot.and_then(|slot| Entry::of(set.record(slot)));
            entry.and_then(|entry| entry.key()) == Some(key)
        };
        set.slot(self.answered.find(&(payer, key), is)?)
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

    /// Whether the leg was taken here to keep, and nothing took its place.
    pub(crate) fn has_kept(&self, leg: LegAt) -> bool {
        self.taken.contains(&leg)
            && !self.refused.contains(&leg)
            && self.settlements.replaced(leg).is_none()
    }

    pub(crate) const fn settlements(&self) -> &Settlements {
        &self.settlements
    }

    /// The Resolve of this chain that ended a hold.
    pub(crate) fn resolved(&self, hold: Slot) -> Option<Slot> {
        self.resolved.get(&hold).copied()
    }

    /// What was paid back of a leg that was taken here, in atoms.
    pub(crate) fn refunded(&self, original: LegAt) -> u64 {
        self.refunded.get(&original).copied().unwrap_or_default()
    }

    /// Sealed heads of a chain that this one named.
    pub(crate) fn cover(&self, chain: &ChainId) -> &[Slot] {
        self.cover.get(chain).map_or(&[], Vec::as_slice)
    }

    /// Unsealed credit from records of one chain from `first` to `last`.
    pub(crate) fn unsealed(
        &self,
        chain: ChainNumber,
        first: Slot,
        last: Slot,
    ) -> impl Iterator<Item = (Source, i128)> + '_ {
        let [first, last] = [first, last].map(|slot| Source { chain, slot });
        let range = (first <= last).then(|| self.unsealed.range(first..=last));
        let sources = range.into_iter().flatten();
        sources.map(|(&source, &atoms)| (source, atoms))
    }

    /// Parts of uncovered holds of one chain.
    pub(crate) fn parts(&self, chain: ChainNumber) -> &[Part] {
        self.parts.get(&chain).map_or(&[], Vec::as_slice)
    }

    /// Records that no Seal covers and that credit waits for.
    pub(crate) fn uncovered(&self) -> impl Iterator<Item = Source> + '_ {
        let holds = self.parts.values().flatten().map(|part| part.hold);
        self.unsealed.keys().copied().chain(holds)
    }

    /// Resolves of holds that no Seal covers; one may cover these.
    pub(crate) fn resolves(&self) -> impl Iterator<Item = Source> + '_ {
        self.parts.values().flatten().map(|part| part.resolve)
    }

    pub(crate) fn apply(&mut self, slot: Slot, terms: Terms, change: Change) {
        self.floor = terms.floor;
        if let Some(sealing) = terms.sealing {
            self.seal(*sealing);
        }
        match change {
            Change::None => {}
            Change::Closed(until) => self.closed = Some(until),
            Change::Ruled(dispute) => {
                self.ruled.insert(dispute);
            }
            Change::Stated(key) => {
                self.operations.insert(key, slot);
            }
            Change::Paid { key, total, draw } => {
                self.operations.insert(key, slot);
                self.sums.sent += total;
                self.draw(draw);
            }
            Change::Resolved(holds) => {
                self.resolved
                    .extend(holds.into_iter().map(|hold| (hold, slot)));
            }
            Change::Refunded {
                key,
                amount,
                draw,
                original,
                sum,
            } => {
                self.operations.insert(key, slot);
                self.refunded.insert(original, sum);
                self.sums.sent += amount;
                self.draw(draw);
            }
            Change::Settled {
                key,
                amount,
                draw,
                claim,
                debtor,
            } => {
                self.operations.insert(key, slot);
                self.sums.sent += amount;
                self.draw(draw);
                let paid = Paid {
                    by: slot,
                    debtor,
                    atoms: amount,
                };
                self.settlements.pay(claim, paid);
            }
            Change::Took(takings) => takings.into_iter().for_each(|taking| self.take(taking)),
        }
    }

    fn seal(&mut self, sealing: Sealing) {
        self.cover.extend(sealing.cover);
        for (source, atoms) in sealing.sealed {
            if self.unsealed.remove(&source).is_some() {
                self.sums.unsealed -= atoms;
                self.sums.sealed += atoms;
            }
        }
        for (part, is_sealed) in sealing.parts {
            self.drop_parts(part.hold.chain, |other| *other == part);
            self.sums.unsealed -= part.amount;
            self.gain(part.resolve, part.amount, is_sealed);
        }
    }

    fn draw(&mut self, draw: Option<Box<Draw>>) {
        if let Some(draw) = draw {
            let taken = self.envelopes.entry(draw.envelope).or_default();
            taken.total += draw.total;
            taken.payments += 1;
        }
    }

    fn take(&mut self, taking: Taking) {
        self.taken.insert(taking.leg);
        if let Some(part) = &taking.part {
            self.taken.insert(part.side.of_hold(part.hold.slot));
        }
        if let Some(key) = taking.key {
            let hold = taking.part.as_ref().map(|part| part.hold.slot);
            let slot = hold.unwrap_or(taking.leg.slot);
            self.answered.insert(&key, slot.index());
        }
        let Some(Credit {
            source,
            amount,
            is_sealed,
        }) = taking.credit
        else {
            self.refused.insert(taking.leg);
            return;
        };
        match taking.settles.as_deref() {
            Some(Settles::Claim(claimed)) => self.give_up(claimed, taking.leg, amount),
            Some(Settles::Back { claim, by }) => self.settlements.regain(*claim, *by),
            None => {}
        }
        if let Some(giver) = taking.giver {
            *self.given.entry(giver).or_default() += amount;
        }
        match taking.part {
            Some(part) if !part.is_covered => {
                self.sums.unsealed += amount;
                self.parts.entry(part.hold.chain).or_default().push(Part {
                    hold: part.hold,
                    resolve: source,
                    amount,
                });
            }
            _ => self.gain(source, amount, is_sealed),
        }
    }

    /// The credit of a claim makes room for that of the leg that pays it, and
    /// what was paid back of the one counts as paid back of the other.
    fn give_up(&mut self, claimed: &Claimed, by: LegAt, amount: i128) {
        let Claimed { leg, source, hold } = *claimed;
        if let Some(sum) = self.refunded.get(&leg).copied() {
            self.refunded.insert(by, sum);
        }
        self.settlements.replace(leg, by.slot);
        if hold.is_some_and(|hold| self.give_up_part(hold, source.slot)) {
            self.sums.unsealed -= amount;
        } else if let Some(atoms) = self.unsealed.get_mut(&source) {
            *atoms -= amount;
            if *atoms == 0 {
                self.unsealed.remove(&source);
            }
            self.sums.unsealed -= amount;
        } else {
            self.sums.sealed -= amount;
        }
    }

    /// Whether the payee's part of a hold was still waiting for a Seal over it.
    fn give_up_part(&mut self, hold: Source, resolve: Slot) -> bool {
        let gives_way = |part: &Part| (part.hold.slot, part.resolve.slot) == (hold.slot, resolve);
        self.drop_parts(hold.chain, gives_way)
    }

    /// Takes out parts of holds of one chain. Answers whether there were any.
    fn drop_parts(&mut self, chain: ChainNumber, is_over: impl Fn(&Part) -> bool) -> bool {
        let Some(parts) = self.parts.get_mut(&chain) else {
            return false;
        };
        let before = parts.len();
        parts.retain(|part| !is_over(part));
        let is_smaller = parts.len() < before;
        if parts.is_empty() {
            self.parts.remove(&chain);
        }
        is_smaller
    }

    fn gain(&mut self, source: Source, amount: i128, is_sealed: bool) {
        if is_sealed {
            self.sums.sealed += amount;
            return;
        }
        *self.unsealed.entry(source).or_default() += amount;
        self.sums.unsealed += amount;
    }
}
