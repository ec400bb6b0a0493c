//! Positions: where an account stands and what it may spend.

use core::cmp::Ordering;

use icn_types::amount::Position;
use icn_types::authority::Open;
use icn_types::id::{ChainId, RecordId};
use icn_types::set::{RecordSet, Slot};

use crate::account::{Account, Terms};
use crate::ledger::Ledger;
use crate::legs::{self, LegId};
use crate::refusal::Refusal;
use crate::reliance::Reliance;

/// Where one account stands. Zeros for one that nothing happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Positions {
    /// By posted records. Positive: the community owes the holder.
    pub posted: Position,
    /// How final `posted` is: of the last record that it counts.
    /// [`Query::by_finality`](crate::query::Query::by_finality) says how much of it
    /// is how final. What is in transit is [`Local`](Finality::Local), and what is
    /// contested has no finality.
    pub finality: Finality,
    /// Of the credit in `posted`, what no Seal covers that the account named, in
    /// atoms: whoever sent it could still fork and leave it impaired, and no more
    /// than the float of it is spendable. At 0 all credit rests on Seals.
    pub unsealed: u128,
    /// By records that are not posted, and claims that the account settled.
    pub contested: Position,
    /// Sent and not taken yet, in atoms; already taken out of `posted`.
    pub outgoing: u128,
    /// Sent to the account and not taken yet, in atoms; not in `posted`.
    pub incoming: u128,
    /// Set aside by open holds, in atoms; already taken out of `posted`.
    pub held: u128,
    /// Acknowledged legs of its records that are not posted, in atoms.
    pub charged: u128,
    /// What the newest epoch allows; none without an epoch or a grant. It stays
    /// when the epoch is [sealed for good](RecordSet::is_frozen), and nobody can
    /// make use of it then.
    pub limits: Option<Limits>,
}

/// What the epoch in force allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Lowest position that payments may reach, raises included that the
    /// account has named.
    pub floor: i64,
    /// Highest position that an acknowledgement may reach.
    pub ceiling: i64,
    /// Credit that may be spent before its payment is sealed, in atoms.
    pub float: u64,
    /// What is left above the floor; negative below it.
    pub available: Position,
    /// What a payment may move: `available`, but never below zero.
    pub spendable: u128,
}

/// How final an answer is.
///
/// That of a **leg** says how far it came: both sides have a record about it.
///
/// A **position** is a sum over the records of one chain up to some record, so
/// nothing can change it but a fork by the writer of that chain, below that
/// record. Its finality says who relies on the path up to there. What was before
/// the first record is Sealed. It never rises along a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the three answers there are")]
pub enum Finality {
    /// A leg: sent; its payee has not taken it.
    ///
    /// A position: nobody but the writer relies on the record.
    Local,
    /// A leg: taken by its payee.
    ///
    /// A position: a posted record of another account took a leg that this record
    /// or a later one sent, or ended a hold of it, and so relies by hash on
    /// everything up to there.
    Acknowledged,
    /// A leg: taken, and every record that it comes from is under a Seal that
    /// counts: no later record of anybody changes it.
    ///
    /// A position: the record is under a Seal that counts.
    Sealed,
}

/// How the charge that an Open states compares with the claims of the
/// canonical set. Entries use the stated one by value; this is a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "less, equal or more")]
pub enum Charge {
    /// Claims became known that the next Open has to charge.
    Understated,
    /// Both are equal.
    Confirmed,
    /// The registrar charged more than anybody claims.
    Overstated,
}

pub(crate) fn charge(ledger: &Ledger, set: &RecordSet, chain: &ChainId) -> Option<Charge> {
    let stated = set.office()?.seat(chain)?.charged();
    let claimed = ledger.columns(set).account(chain).charged;
    Some(match u128::from(stated).cmp(&claimed) {
        Ordering::Less => Charge::Understated,
        Ordering::Equal => Charge::Confirmed,
        Ordering::Greater => Charge::Overstated,
    })
}

pub(crate) fn of(ledger: &Ledger, set: &RecordSet, chain: &ChainId) -> Positions {
    let columns = ledger.columns(set);
    let column = columns.account(chain);
    let reliance = Reliance::of(ledger, set, &columns, chain);
    let account = ledger.account(set, chain);
    Positions {
        posted: Position::new(column.posted),
        finality: reliance.after(reliance.len()),
        unsealed: account.unsealed_sum(),
        contested: Position::new(column.contested),
        outgoing: column.outgoing,
        incoming: column.incoming,
        held: column.held,
        charged: column.charged,
        limits: limits(ledger, set, chain, &account),
    }
}

fn limits(ledger: &Ledger, set: &RecordSet, chain: &ChainId, account: &Account) -> Option<Limits> {
    let (id, open) = epoch(set, chain)?;
    let terms = standing_terms(ledger, set, chain, id, open, account);
    within(account, open, &terms)
}

fn within(account: &Account, open: &Open, terms: &Terms) -> Option<Limits> {
    let (bounds, sums) = (terms.bounds(open)?, account.sums(terms));
    Some(Limits {
        floor: bounds.floor,
        ceiling: bounds.ceiling,
        float: bounds.float,
        available: Position::new(sums.available(&bounds)),
        spendable: sums.spendable(&bounds),
    })
}

/// What a chain could spend right after a record on its spine, under the terms
/// of its epoch at that moment.
pub(crate) fn limits_after(ledger: &Ledger, set: &RecordSet, slot: Slot) -> Option<Limits> {
    let record = set.record(slot);
    let (chain, epoch) = (record.chain(), record.epoch()?);
    let open = set.open(&epoch)?;
    let account = ledger.judge.state(set, Some(slot));
    let terms = standing_terms(ledger, set, &chain, epoch, open, &account);
    within(&account, open, &terms)
}

/// The epoch in force of a chain.
pub(crate) fn epoch<'a>(set: &'a RecordSet, chain: &ChainId) -> Option<(RecordId, &'a Open)> {
    let id = set.office()?.seat(chain)?.open();
    Some((id, set.open(&id)?))
}

/// Whether somebody writes an account of this ledger.
pub(crate) fn of_ledger(ledger: &Ledger, set: &RecordSet, chain: &ChainId) -> Result<(), Refusal> {
    match epoch(set, chain) {
        Some((_, open)) if open.chain.topic() == ledger.topic() => Ok(()),
        _ => Err(Refusal::NoAccount { chain: *chain }),
    }
}

/// The terms of a next record that names nothing. The account knows the floor
/// of an epoch once the first record of that epoch is Valid.
fn standing_terms(
    ledger: &Ledger,
    set: &RecordSet,
    chain: &ChainId,
    id: RecordId,
    open: &Open,
    account: &Account,
) -> Terms {
    let first = open
        .start
        .tip()
        .map_or(Some(0), |tip| tip.seq.checked_add(1));
    let first = first.and_then(|seq| usize::try_from(seq).ok());
    let first = first.and_then(|seq| set.spine(chain).get(seq).copied());
    let is_begun =
        first.is_some_and(|first| set.goes_on(id, Some(first)) && ledger.verdict(first).is_valid());
    Terms {
        floor: if is_begun {
            account.floor()
        } else {
            open.grant.map(|grant| grant.floor)
        },
        ..Terms::default()
    }
}

pub(crate) fn finality(ledger: &Ledger, set: &RecordSet, leg: &LegId) -> Option<Finality> {
    let columns = ledger.columns(set);
    if columns.transit(set, leg).is_some() {
        return Some(Finality::Local);
    }
    let sender = set.find(&leg.record)?;
    let by = set.find(&columns.taker(sender, leg)?)?;
    let stands = origins(set, sender, leg.leg).all(|slot| set.on_spine(slot));
    stands.then(|| finality_of_taken(set, sender, leg.leg, by))
}

/// How final a leg of `sender` is that `by` took.
pub(crate) fn finality_of_taken(set: &RecordSet, sender: Slot, leg: u8, by: Slot) -> Finality {
    let mut all = origins(set, sender, leg).chain([by]);
    if all.all(|slot| set.is_sealed(slot)) {
        Finality::Sealed
    } else {
        Finality::Acknowledged
    }
}

/// The records that a leg comes from: the one that sent it, and the hold that it
/// is a part of.
pub(crate) fn origins(set: &RecordSet, sender: Slot, leg: u8) -> impl Iterator<Item = Slot> {
    let hold = legs::hold_of(set, sender, leg);
    [Some(sender), hold].into_iter().flatten()
}
