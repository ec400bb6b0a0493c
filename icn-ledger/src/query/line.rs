//! Lines: what one posted record moves on the account of its chain.

use alloc::vec::Vec;

use icn_types::amount::{Amount, Position};
use icn_types::id::{ChainId, RecordId};
use icn_types::set::{Label, RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::entry::{Entry, Leg};
use crate::legs::{self, LegId, taken};
use crate::position::Finality;
use crate::query::page::Cursor;

/// One movement on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The record, posted on the account's own chain.
    pub record: RecordId,
    /// Its position on the chain.
    pub seq: u64,
    /// Which line of the record this is, from 0.
    pub number: u16,
    /// What happened, from the side of the account.
    pub movement: Movement,
    /// The account on the other side.
    pub counterparty: ChainId,
    /// The leg that moved.
    pub leg: LegId,
    /// How much.
    pub amount: Amount,
    /// Position of the account after this line.
    pub position: Position,
    /// The date that the writer of the account states.
    pub stated: Timestamp,
    /// The date under which reports show the line: the stated one, or the
    /// first that was open when a line came late.
    pub date: Timestamp,
    /// What the record that sent the leg counts as. Credit from one that is
    /// not posted is impaired.
    pub label: Label,
    /// How final the movement is.
    pub finality: Finality,
    /// What the record was written for.
    pub cause: Option<RecordId>,
    /// The Ready and the number of the action that was carried out.
    pub decision: Option<(RecordId, u16)>,
}

impl Line {
    /// What the line adds to the position.
    #[must_use]
    pub fn change(&self) -> i128 {
        self.movement.change(self.amount)
    }

    /// Whether the stated date lies in a period that the account had closed.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.date != self.stated
    }

    /// Right after this line, in a listing by position.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor {
            key: self.seq,
            record: self.record,
            number: self.number,
        }
    }

    /// Right after this line, in a listing by date.
    #[must_use]
    pub const fn date_cursor(&self) -> Cursor {
        Cursor {
            number: self.number,
            ..Cursor::by_date(self.date, self.record)
        }
    }
}

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Movement {
    /// It paid.
    Paid,
    /// It took a payment.
    Received,
    /// It took back what a payee had refused, or what was left of its hold.
    Regained,
    /// It sent a payment back; its position stays.
    Refused,
    /// It set an amount aside; the leg of the line is the whole hold.
    Held,
    /// It paid back some of what it had taken.
    Refunded,
    /// It paid a claim.
    Settled,
    /// A claim of its own was paid: credit that stands took the place of
    /// credit that did not; its position stays.
    Compensated,
}

impl Movement {
    /// What moving `amount` so adds to the position.
    #[must_use]
    pub fn change(self, amount: Amount) -> i128 {
        let atoms = i128::from(amount.get());
        match self {
            Self::Paid | Self::Held | Self::Refunded | Self::Settled => -atoms,
            Self::Received | Self::Regained => atoms,
            Self::Refused | Self::Compensated => 0,
        }
    }
}

/// A line before it has a place in an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) movement: Movement,
    pub(super) counterparty: ChainId,
    /// The record that sent the leg.
    pub(super) sender: Slot,
    pub(super) leg: LegId,
    pub(super) amount: Amount,
}

impl Moved {
    pub(super) fn change(&self) -> i128 {
        self.movement.change(self.amount)
    }
}

/// What a Valid record moves on its own account, in the order of its legs.
pub(super) fn moved(set: &RecordSet, slot: Slot, entry: &Entry) -> Vec<Moved> {
    let record = set.record(slot);
    let Some(content) = record.content() else {
        return Vec::new();
    };
    let outgoing = |movement, leg, counterparty, amount| Moved {
        movement,
        counterparty,
        sender: slot,
        leg: LegId {
            record: record.id(),
            leg,
        },
        amount,
    };
    let sent = |movement| {
        let legs = legs::sent(set, slot, entry);
        legs.map(move |(leg, sent)| outgoing(movement, leg, sent.payee, sent.amount))
            .collect()
    };
    match entry {
        Entry::Payment(_) => sent(Movement::Paid),
        Entry::Refund(_) => sent(Movement::Refunded),
        Entry::Settlement(_) => sent(Movement::Settled),
        Entry::Hold(hold) => {
            let Leg { payee, amount } = hold.leg;
            alloc::vec![outgoing(Movement::Held, 0, payee, amount)]
        }
        Entry::Ack(ack) => taken(content, &ack.legs)
            .filter_map(|leg| arrived(set, leg, false))
            .collect(),
        Entry::Refuse(refuse) => taken(content, &refuse.legs)
            .filter_map(|leg| arrived(set, leg, true))
            .collect(),
        Entry::Note(_) | Entry::Resolve(_) | Entry::Remark(_) => Vec::new(),
    }
}

fn arrived(set: &RecordSet, leg: LegId, is_refused: bool) -> Option<Moved> {
    let sender = set.find(&leg.record)?;
    let entry = Entry::of(set.record(sender))?;
    let sent = legs::leg(set, sender, &entry, leg.leg)?;
    let movement = match entry {
        _ if is_refused => Movement::Refused,
        Entry::Refuse(_) => Movement::Regained,
        Entry::Settlement(_) => Movement::Compensated,
        _ if sent.payer == sent.payee => Movement::Regained,
        _ => Movement::Received,
    };
    Some(Moved {
        movement,
        counterparty: sent.payer,
        sender,
        leg,
        amount: sent.amount,
    })
}

/// The date that the author of a record states.
pub(super) fn stated(set: &RecordSet, slot: Slot, entry: &Entry) -> Timestamp {
    let claimed = set.record(slot).at();
    entry.effective().unwrap_or(claimed)
}
