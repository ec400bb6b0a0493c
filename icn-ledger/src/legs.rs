//! Legs across records: what one sends and another takes.

use icn_types::amount::Amount;
use icn_types::id::{ChainId, RecordId};
use icn_types::index::Spread;
use icn_types::record::Content;
use icn_types::set::{RecordSet, Slot};

use crate::bounds;
use crate::entry::{Entry, Hold, LegRef, RESOLVE, Resolve};

/// A leg that a record sends, by its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a name of two parts")]
pub struct LegId {
    /// The payment, the refusal, the refund, the Resolve or the settlement.
    pub record: RecordId,
    /// Number of the leg in it, from 0.
    pub leg: u8,
}

impl Spread for LegId {
    fn spread(&self) -> u32 {
        self.record.spread().wrapping_add(u32::from(self.leg))
    }
}

/// What a leg moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) payer: ChainId,
    pub(crate) payee: ChainId,
    pub(crate) amount: Amount,
}

/// The two who share a hold when it is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Payee,
    Payer,
}

/// One side's part of a resolved hold.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) hold: Slot,
    /// What the hold says.
    pub(crate) terms: Hold,
    pub(crate) side: Side,
    pub(crate) sent: Sent,
}

impl Side {
    /// Whose part a Resolve sends as this leg.
    pub(crate) const fn of(leg: u8) -> Self {
        if leg.is_multiple_of(2) {
            Self::Payee
        } else {
            Self::Payer
        }
    }
}

/// The legs that a record takes, by name. A reference out of range has none.
pub(crate) fn taken<'a>(
    content: &'a Content,
    legs: &'a [LegRef],
) -> impl Iterator<Item = LegId> + 'a {
    legs.iter().filter_map(|leg| {
        Some(LegId {
            record: *content.refs().get(usize::from(leg.reference))?,
            leg: leg.leg,
        })
    })
}

/// The holds that a Resolve ends, by name. A reference out of range has none.
pub(crate) fn resolved<'a>(
    content: &'a Content,
    resolve: &'a Resolve,
) -> impl Iterator<Item = RecordId> + 'a {
    let holds = resolve.holds.iter();
    holds.filter_map(|resolution| content.refs().get(usize::from(resolution.hold)).copied())
}

/// The legs that a Valid record sends, with their numbers. A hold sends none
/// before it is resolved.
pub(crate) fn sent(set: &RecordSet, slot: Slot, entry: &Entry) -> impl Iterator<Item = (u8, Sent)> {
    let count = match entry {
        Entry::Payment(payment) => payment.legs.len(),
        Entry::Refuse(refuse) => refuse.legs.len(),
        Entry::Resolve(resolve) => resolve.holds.len() * 2,
        Entry::Refund(_) | Entry::Settlement(_) => 1,
        _ => 0,
    };
    numbers(count).filter_map(move |number| Some((number, leg(set, slot, entry, number)?)))
}

/// The parts of holds that a Resolve sends, with the numbers of their legs.
pub(crate) fn parts(
    set: &RecordSet,
    by: Slot,
    resolve: &Resolve,
) -> impl Iterator<Item = (u8, Part)> {
    numbers(resolve.holds.len() * 2)
        .filter_map(move |number| Some((number, part(set, by, resolve, number)?)))
}

/// Numbers of the first `count` legs.
fn numbers(count: usize) -> impl Iterator<Item = u8> {
    (0..=u8::MAX).take(count)
}

/// One leg that a Valid record sends.
pub(crate) fn leg(set: &RecordSet, slot: Slot, entry: &Entry, number: u8) -> Option<Sent> {
    let record = set.record(slot);
    match entry {
        Entry::Payment(payment) => {
            let leg = payment.legs.get(usize::from(number))?;
            Some(Sent {
                payer: record.chain(),
                payee: leg.payee,
                amount: leg.amount,
            })
        }
        Entry::Refuse(refuse) => {
            let (_, back) = named(set, slot, refuse.legs.get(usize::from(number))?)?;
            Some(Sent {
                payer: back.payee,
                payee: back.payer,
                amount: back.amount,
            })
        }
        Entry::Resolve(resolve) => part(set, slot, resolve, number).map(|part| part.sent),
        Entry::Settlement(settlement) if number == 0 => Some(Sent {
            payer: record.chain(),
            payee: settlement.leg.payee,
            amount: settlement.leg.amount,
        }),
        Entry::Refund(refund) if number == 0 => {
            let (_, original) = named(set, slot, &refund.original)?;
            Some(Sent {
                payer: record.chain(),
                payee: original.payer,
                amount: refund.amount,
            })
        }
        _ => None,
    }
}

/// A leg that a record names, with the slot of the record that sends it.
pub(crate) fn named(set: &RecordSet, by: Slot, leg: &LegRef) -> Option<(Slot, Sent)> {
    let id = set.record(by).refs().get(usize::from(leg.reference))?;
    let slot = set.find(id)?;
    let entry = Entry::of(set.record(slot))?;
    Some((slot, self::leg(set, slot, &entry, leg.leg)?))
}

/// The part of a hold that a Resolve sends as one of its legs. `None` when
/// there is nothing to send.
pub(crate) fn part(set: &RecordSet, by: Slot, resolve: &Resolve, leg: u8) -> Option<Part> {
    let resolution = resolve.holds.get(usize::from(leg / 2))?;
    let id = set.record(by).refs().get(usize::from(resolution.hold))?;
    let slot = set.find(id)?;
    let Entry::Hold(hold) = Entry::of(set.record(slot))? else {
        return None;
    };
    let (side, payer) = (Side::of(leg), set.chain(slot));
    let (payee, atoms) = match side {
        Side::Payee => (hold.leg.payee, resolution.part),
        Side::Payer => (payer, bounds::rest(hold.leg.amount, resolution.part)?),
    };
    let amount = Amount::new(atoms).ok()?;
    Some(Part {
        hold: slot,
        terms: hold,
        side,
        sent: Sent {
            payer,
            payee,
            amount,
        },
    })
}

/// The hold that a leg of a record is a part of. `None` for any other leg.
pub(crate) fn hold_of(set: &RecordSet, sender: Slot, leg: u8) -> Option<Slot> {
    let record = set.record(sender);
    if record.kind() != RESOLVE {
        return None; // most legs are of payments, which need not be read
    }
    let Entry::Resolve(resolve) = Entry::of(record)? else {
        return None;
    };
    Some(part(set, sender, &resolve, leg)?.hold)
}

/// Accounts whose columns a stored entry can change: its own, those that it
/// pays and those whose legs it takes. May repeat one.
pub fn parties(set: &RecordSet, slot: Slot) -> impl Iterator<Item = ChainId> {
    let record = set.record(slot);
    let mut chains = alloc::vec![record.chain()];
    if let (Some(entry), Some(content)) = (Entry::of(record), record.content()) {
        let sent = sent(set, slot, &entry);
        chains.extend(sent.flat_map(|(_, leg)| [leg.payer, leg.payee]));
        let senders = content.refs().iter().filter_map(|id| set.find(id));
        chains.extend(senders.map(|sender| set.chain(sender)));
        if let Entry::Ack(ack) = &entry {
            let holds = taken(content, &ack.legs)
                .filter_map(|leg| hold_of(set, set.find(&leg.record)?, leg.leg));
            chains.extend(holds.map(|hold| set.chain(hold)));
        }
    }
    chains.into_iter()
}

/// A leg of a stored record that is Valid.
pub(crate) fn find(set: &RecordSet, leg: LegId) -> Option<Sent> {
    let slot = set.find(&leg.record)?;
    let entry = Entry::of(set.record(slot))?;
    self::leg(set, slot, &entry, leg.leg)
}
