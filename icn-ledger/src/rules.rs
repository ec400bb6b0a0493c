//! Whether an entry is Valid: a function of the entry and what it names.

use alloc::boxed::Box;
use alloc::collections::btree_map::Entry as Slotted;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::authority::Act;
use icn_types::id::{ChainId, DomainId, OperationKey, TopicId, UnitId};
use icn_types::judge::{Case, Rules};
use icn_types::record::Kind;
use icn_types::set::Slot;
use icn_types::verdict::Breach;

use crate::account::{Account, Change, Credit, Delta, LegAt, Source, Taking, Terms};
use crate::decided::{EnvelopeId, Giver, Order, envelope_of};
use crate::entry::{Entry, LegRef, Payment};
use crate::legs;
use crate::rule::LedgerRule as Rule;

/// The rules of one unit in one domain.
#[derive(Clone, Debug)]
pub(crate) struct LedgerRules {
    pub(crate) domain: DomainId,
    pub(crate) unit: UnitId,
    pub(crate) min_leg: Amount,
    pub(crate) topic: TopicId,
}

impl Rules for LedgerRules {
    type State = Account;
    type Delta = Delta;
    type Rule = Rule;

    fn start(&self) -> Account {
        Account::default()
    }

    fn judge(&self, case: &Case<'_>, account: &Account) -> Result<Delta, Breach<Rule>> {
        let entry = Entry::read(case.header.kind(), case.content)
            .map_err(|_| Breach::Body)?
            .ok_or(Breach::Kind)?;
        let terms = terms(case, account);
        let change = match &entry {
            Entry::Note(_) => Ok(Change::None),
            Entry::Remark(remark) => self.remark(case, account, remark),
            Entry::Payment(payment) => self.pay(case, account, &terms, payment),
            Entry::Ack(ack) => self.acknowledge(case, account, &terms, &ack.legs),
            Entry::Refuse(refuse) => self
                .take(case, account, &terms, Answer::Refuse, &refuse.legs)
                .map(Change::Took),
        };
        let change = change.map_err(Breach::Rule)?;
        Ok(Delta { terms, change })
    }

    fn apply(&self, slot: Slot, delta: Delta, account: &mut Account) {
        account.apply(slot, delta);
    }
}

/// What a payee does with a leg.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ack,
    Refuse,
}

impl LedgerRules {
    fn pay(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        payment: &Payment,
    ) -> Result<Change, Rule> {
        let own = case.chain();
        if payment.legs.iter().any(|leg| leg.payee == own) {
            return Err(Rule::PaySelf);
        }
        if payment.legs.iter().any(|leg| leg.amount < self.min_leg) {
            return Err(Rule::PayMin);
        }
        if account.payment(&payment.key).is_some() {
            return Err(Rule::PayKey);
        }
        let draw = self.decided(case, account, &Order::of(payment))?;
        let bounds = terms.bounds(case.open).ok_or(Rule::LimitGrant)?;
        let total = payment
            .legs
            .iter()
            .map(|leg| i128::from(leg.amount.get()))
            .sum();
        if !account.sums(terms).may_send(&bounds, total) {
            return Err(Rule::LimitFloor);
        }
        Ok(Change::Paid {
            key: payment.key,
            total,
            draw,
        })
    }

    fn acknowledge(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        legs: &[LegRef],
    ) -> Result<Change, Rule> {
        let bounds = terms.bounds(case.open).ok_or(Rule::LimitGrant)?;
        let takings = self.take(case, account, terms, Answer::Ack, legs)?;
        let credit: i128 = takings
            .iter()
            .filter_map(|taking| taking.credit.as_ref())
            .map(|credit| credit.amount)
            .sum();
        if !account.sums(terms).may_take(&bounds, credit) {
            return Err(Rule::LimitCeiling);
        }
        Ok(Change::Took(takings))
    }

    fn take(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        answer: Answer,
        legs: &[LegRef],
    ) -> Result<Vec<Taking>, Rule> {
        let own = case.chain();
        // Map nodes of large values are dear to make for the usual one leg.
        let mut named: BTreeMap<u16, Box<Named>> = BTreeMap::new();
        let mut keys: BTreeMap<(ChainId, OperationKey), Slot> = BTreeMap::new();
        let mut taken: BTreeSet<LegAt> = BTreeSet::new();
        let mut given: BTreeMap<Giver, i128> = BTreeMap::new();
        let mut takings = Vec::with_capacity(legs.len());
        for leg in legs {
            let named = match named.entry(leg.reference) {
                Slotted::Occupied(known) => known.into_mut(),
                Slotted::Vacant(new) => {
                    new.insert(Box::new(self.named(case, leg.reference, answer)?))
                }
            };
            let at = LegAt {
                slot: named.slot,
                leg: leg.leg,
            };
            let (amount, key) = offered(case, own, named, leg.leg)?;
            if let Some((payer, key)) = key {
                let first = account.answered(payer, key);
                let first = *keys
                    .entry((payer, key))
                    .or_insert_with(|| first.unwrap_or(at.slot));
                if first != at.slot {
                    return Err(Rule::AckKey);
                }
            }
            let credit = (answer == Answer::Ack).then(|| credit(case, account, terms, at, amount));
            if account.has_taken(at) || !taken.insert(at) {
                return Err(Rule::AckTwice);
            }
            let giver = named
                .envelope
                .filter(|_| answer == Answer::Ack)
                .map(|(id, holds)| ((case.set.record(at.slot).chain(), id), holds));
            if let Some((giver, holds)) = giver {
                let before = account.given_by(&giver);
                let sum = given.entry(giver).or_insert(before);
                *sum += i128::from(amount.get());
                if *sum > holds {
                    return Err(Rule::AckEnvelope);
                }
            }
            takings.push(Taking {
                leg: at,
                key,
                credit,
                giver: giver.map(|(giver, _)| giver),
            });
        }
        Ok(takings)
    }

    /// The record behind a reference, if it sends legs that can be answered so.
    fn named(&self, case: &Case<'_>, reference: u16, answer: Answer) -> Result<Named, Rule> {
        let slot = case.reference(usize::from(reference)).ok_or(Rule::AckRef)?;
        let record = case.set.record(slot);
        let entry = (record.topic() == self.topic)
            .then(|| Entry::of(record))
            .flatten();
        match entry {
            Some(Entry::Refuse(_)) if answer == Answer::Refuse => Err(Rule::RefuseKind),
            Some(entry @ (Entry::Payment(_) | Entry::Refuse(_))) => {
                let envelope = match &entry {
                    Entry::Payment(payment) => envelope_of(case.set, slot, payment),
                    _ => None,
                };
                Ok(Named {
                    slot,
                    entry,
                    envelope,
                })
            }
            _ => Err(Rule::AckKind),
        }
    }
}

/// A record that sends legs.
struct Named {
    slot: Slot,
    entry: Entry,
    /// The envelope that a payment draws on, with all that it holds.
    envelope: Option<(EnvelopeId, i128)>,
}

type PayerKey = (ChainId, OperationKey);

/// Amount of a leg that this chain may take, with the key of a payment.
fn offered(
    case: &Case<'_>,
    own: ChainId,
    named: &Named,
    leg: u8,
) -> Result<(Amount, Option<PayerKey>), Rule> {
    let record = case.set.record(named.slot);
    match &named.entry {
        Entry::Payment(payment) => {
            let leg = payment.legs.get(usize::from(leg));
            let leg = leg.filter(|leg| leg.payee == own).ok_or(Rule::AckPayee)?;
            Ok((leg.amount, Some((record.chain(), payment.key))))
        }
        Entry::Refuse(refuse) => {
            let original = refuse.legs.get(usize::from(leg)).and_then(|leg| {
                let leg = legs::taken(record.content()?, core::slice::from_ref(leg)).next()?;
                legs::paid(case.set, leg)
            });
            let (payment, sent) = original
                .filter(|(_, sent)| sent.payer == own)
                .ok_or(Rule::AckPayee)?;
            match case.prev {
                Some(prev) if case.set.on_path(payment, prev) => Ok((sent.amount, None)),
                _ => Err(Rule::AckReturn),
            }
        }
        Entry::Ack(_) | Entry::Note(_) | Entry::Remark(_) => Err(Rule::AckKind),
    }
}

fn credit(case: &Case<'_>, account: &Account, terms: &Terms, leg: LegAt, amount: Amount) -> Credit {
    let record = case.set.record(leg.slot);
    let chain = record.chain();
    let heads = terms
        .cover
        .get(&chain)
        .map_or_else(|| account.cover(&chain), Vec::as_slice);
    Credit {
        source: Source {
            chain,
            seq: record.seq(),
            slot: leg.slot,
        },
        amount: i128::from(amount.get()),
        is_sealed: heads.iter().any(|&head| case.set.on_path(leg.slot, head)),
    }
}

/// What a record's refs change, whatever its kind: raises lower the floor of
/// its epoch, and Seals named together with the heads that they seal cover
/// what lies below.
pub(crate) fn terms(case: &Case<'_>, account: &Account) -> Terms {
    let granted = case.open.grant.map(|grant| grant.floor);
    let mut terms = Terms {
        floor: if case.starts_epoch() {
            granted
        } else {
            account.floor()
        },
        ..Terms::default()
    };
    for slot in case.refs() {
        let record = case.set.record(slot);
        if record.chain() != case.set.authority() {
            continue;
        }
        if record.kind() == Kind::RAISE
            && let Some(Act::Raise(raise)) = case.set.act(slot)
            && Some(raise.open) == case.header.epoch()
        {
            terms.floor = terms.floor.map(|floor| floor.min(raise.floor));
        } else if record.kind() == Kind::SEAL {
            let named = |head: &Slot| {
                case.content
                    .refs()
                    .binary_search(&case.set.record(*head).id())
                    .is_ok()
            };
            for head in case.set.effective_heads(slot).filter(named) {
                cover(case, account, &mut terms, head);
            }
        }
    }
    terms
}

/// Covers the path of a sealed head.
fn cover(case: &Case<'_>, account: &Account, terms: &mut Terms, head: Slot) {
    let (set, record) = (case.set, case.set.record(head));
    let chain = record.chain();
    let heads = terms
        .cover
        .get(&chain)
        .map_or_else(|| account.cover(&chain), Vec::as_slice);
    if heads.iter().any(|&known| set.on_path(head, known)) {
        return;
    }
    // What does not lie below an earlier head of the same path does not lie
    // below this one either, up to that head's position.
    let below = heads.iter().filter(|&&known| set.on_path(known, head));
    let from = below
        .map(|&known| set.record(known).seq() + 1)
        .max()
        .unwrap_or(0);
    let mut moved: Vec<Slot> = heads
        .iter()
        .copied()
        .filter(|&known| !set.on_path(known, head))
        .collect();
    moved.push(head);
    terms.cover.insert(chain, moved);
    let sealed = account
        .unsealed(chain, from, record.seq())
        .filter(|(source, _)| set.on_path(source.slot, head));
    terms.sealed.extend(sealed);
}
