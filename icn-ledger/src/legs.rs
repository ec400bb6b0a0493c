//! Legs across records: what one sends and another takes.

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Content;
use icn_types::set::{RecordSet, Slot};

use crate::entry::{Entry, LegRef};

/// A leg of a payment, or a returned leg of a refusal, by its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a name of two parts")]
pub struct LegId {
    /// The payment or the refusal.
    pub record: RecordId,
    /// Number of the leg in it, from 0.
    pub leg: u8,
}

/// What a leg moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) payer: ChainId,
    pub(crate) payee: ChainId,
    pub(crate) amount: Amount,
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

/// The legs that a Valid record sends.
pub(crate) fn sent(set: &RecordSet, slot: Slot, entry: &Entry) -> Vec<Sent> {
    let record = set.record(slot);
    match entry {
        Entry::Payment(payment) => payment
            .legs
            .iter()
            .map(|leg| Sent {
                payer: record.chain(),
                payee: leg.payee,
                amount: leg.amount,
            })
            .collect(),
        Entry::Refuse(refuse) => record.content().map_or_else(Vec::new, |content| {
            taken(content, &refuse.legs)
                .filter_map(|leg| paid(set, leg))
                .map(|(_, leg)| Sent {
                    payer: leg.payee,
                    payee: leg.payer,
                    amount: leg.amount,
                })
                .collect()
        }),
        Entry::Ack(_) | Entry::Note(_) | Entry::Remark(_) => Vec::new(),
    }
}

/// The leg of a stored payment, with the slot of the payment.
pub(crate) fn paid(set: &RecordSet, leg: LegId) -> Option<(Slot, Sent)> {
    let slot = set.find(&leg.record)?;
    let record = set.record(slot);
    let Entry::Payment(payment) = Entry::of(record)? else {
        return None;
    };
    let sent = payment.legs.get(usize::from(leg.leg))?;
    Some((
        slot,
        Sent {
            payer: record.chain(),
            payee: sent.payee,
            amount: sent.amount,
        },
    ))
}

/// Accounts whose columns a stored entry can change: its own, those that it
/// pays and those whose legs it takes. May repeat one.
pub fn parties(set: &RecordSet, slot: Slot) -> impl Iterator<Item = ChainId> {
    let record = set.record(slot);
    let mut chains = alloc::vec![record.chain()];
    if let (Some(entry), Some(content)) = (Entry::of(record), record.content()) {
        chains.extend(sent(set, slot, &entry).into_iter().map(|leg| leg.payee));
        let senders = content.refs().iter().filter_map(|id| set.find(id));
        chains.extend(senders.map(|sender| set.record(sender).chain()));
    }
    chains.into_iter()
}

/// A leg of a stored payment, or a returned leg of a stored refusal.
pub(crate) fn find(set: &RecordSet, leg: LegId) -> Option<Sent> {
    let slot = set.find(&leg.record)?;
    let entry = Entry::of(set.record(slot))?;
    sent(set, slot, &entry).get(usize::from(leg.leg)).copied()
}
