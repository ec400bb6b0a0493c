//! Whether an entry is Valid: a function of the entry and what it names.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::authority::Act;
use icn_types::id::{ChainId, DomainId, OperationKey, TopicId, UnitId};
use icn_types::judge::{Case, Rules};
use icn_types::record::Kind;
use icn_types::set::Slot;
use icn_types::topic::Topic;
use icn_types::verdict::Breach;

use crate::account::{
    self, Account, Change, Credit, Delta, HoldPart, LegAt, Sealing, Source, Taking, Terms,
};
use crate::decided::{EnvelopeId, Giver, envelope_of};
use crate::entry::{Entry, LegRef};
use crate::legs::{self, Part, Side};
use crate::rule::LedgerRule as Rule;
use crate::settle::{self, Settles};
use crate::unit::Unit;

/// The rules of one unit in one domain.
#[derive(Clone, Debug)]
pub(crate) struct LedgerRules {
    pub(crate) domain: DomainId,
    pub(crate) unit: UnitId,
    pub(crate) min_leg: Amount,
    pub(crate) topic: TopicId,
}

impl LedgerRules {
    pub(crate) fn of(domain: DomainId, unit: &Unit) -> Self {
        let id = unit.id();
        Self {
            domain,
            unit: id,
            min_leg: unit.min_leg,
            topic: Topic::Ledger(domain, id).id(),
        }
    }
}

impl Rules for LedgerRules {
    type State = Account;
    type Delta = Delta;
    type Effect = Box<Entry>;
    type Rule = Rule;

    fn start(&self) -> Account {
        Account::default()
    }

    fn judge(&self, case: &Case<'_>, account: &Account) -> Result<Delta, Breach<Rule>> {
        let entry = match Entry::read(case.header.kind(), case.content) {
            Ok(Some(entry)) => Box::new(entry),
            Ok(None) => return Err(Breach::Kind),
            Err(_) => return Err(Breach::Body),
        };
        let terms = terms(case, account);
        let change = match &*entry {
            Entry::Note(_) => Ok(Change::None),
            Entry::Remark(remark) => self.remark(case, account, remark),
            Entry::Payment(payment) => self.pay(case, account, &terms, payment),
            Entry::Hold(hold) => self.hold(case, account, &terms, hold),
            Entry::Refund(refund) => self.refund(case, account, &terms, refund),
            Entry::Resolve(resolve) => self.resolve(case, account, resolve),
            Entry::Settlement(settlement) => self.settle(case, account, &terms, settlement),
            Entry::Ack(ack) => self.acknowledge(case, account, &terms, &ack.legs),
            Entry::Refuse(refuse) => self
                .take(case, account, &terms, Answer::Refuse, &refuse.legs)
                .map(Change::Took),
        };
        let change = change.map_err(Breach::Rule)?;
        Ok(Delta {
            entry,
            terms,
            change,
        })
    }

    fn apply(&self, slot: Slot, delta: Delta, account: &mut Account) -> Box<Entry> {
        account.apply(slot, delta.terms, delta.change);
        delta.entry
    }
}

/// What a payee does with a leg.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ack,
    Refuse,
}

impl LedgerRules {
    fn acknowledge(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        legs: &[LegRef],
    ) -> Result<Change, Rule> {
        let bounds = terms.bounds(case.open).ok_or(Rule::LimitGrant)?;
        let takings = self.take(case, account, terms, Answer::Ack, legs)?;
        let adds = takings.iter().filter(|taking| !taking.replaces());
        let credit: i128 = adds
            .filter_map(|taking| taking.credit.as_ref())
            .map(|credit| credit.amount)
            .sum();
        // A claim that is paid lifts nothing, so no ceiling keeps it out.
        if credit > 0 && !account.sums(terms).may_take(&bounds, credit) {
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
        let mut named: Vec<(u16, Named)> = Vec::with_capacity(1);
        // The usual one leg meets no other of the same record.
        let is_alone = legs.len() == 1;
        let mut keys: BTreeMap<(ChainId, OperationKey), Slot> = BTreeMap::new();
        let mut taken: BTreeSet<LegAt> = BTreeSet::new();
        let mut settled: BTreeSet<LegAt> = BTreeSet::new();
        let mut given: BTreeMap<Giver, i128> = BTreeMap::new();
        let mut takings = Vec::with_capacity(legs.len());
        for leg in legs {
            let at = match named.binary_search_by_key(&leg.reference, |(number, _)| *number) {
                Ok(at) => at,
                Err(at) => {
                    let new = self.named(case, leg.reference, answer)?;
                    named.insert(at, (leg.reference, new));
                    at
                }
            };
            let (_, named) = &named[at];
            let at = LegAt {
                slot: named.slot,
                leg: leg.leg,
            };
            let offer = offered(case, account, terms, (named, leg.leg), answer)?;
            if let Some(Settles::Claim(claimed)) = offer.settles.as_deref()
                && !settled.insert(claimed.leg)
            {
                return Err(Rule::AckSettled);
            }
            let mut new_key = None;
            if let Some(first) = &offer.first {
                let key = (first.payer, first.key);
                let known = account.answered(case.set, first.payer, first.key);
                match known.or_else(|| keys.get(&key).copied()) {
                    Some(record) if record != first.record => return Err(Rule::AckKey),
                    Some(_) => {}
                    None => {
                        new_key = Some(key);
                        if !is_alone {
                            keys.insert(key, first.record);
                        }
                    }
                }
            }
            if account.has_taken(offer.once) || !(is_alone || taken.insert(offer.once)) {
                return Err(Rule::AckTwice);
            }
            let drawn = offer.first.as_ref().and_then(Origin::giver);
            let drawn = drawn.filter(|_| answer == Answer::Ack);
            if let Some((giver, holds)) = drawn {
                let before = account.given_by(&giver);
                let sum = given.entry(giver).or_insert(before);
                *sum += i128::from(offer.amount.get());
                if *sum > holds {
                    return Err(Rule::AckEnvelope);
                }
            }
            let credit = (answer == Answer::Ack).then(|| Credit {
                source: source(case, at.slot),
                amount: i128::from(offer.amount.get()),
                is_sealed: is_covered(case, account, terms.sealing.as_deref(), at.slot),
            });
            takings.push(Taking {
                leg: at,
                key: new_key,
                part: offer.part,
                credit,
                giver: drawn.map(|(giver, _)| giver),
                settles: offer.settles,
            });
        }
        Ok(takings)
    }

    /// The record behind a reference, if it sends legs that can be answered so.
    fn named(&self, case: &Case<'_>, reference: u16, answer: Answer) -> Result<Named, Rule> {
        let (slot, entry) = self.entry(case, reference).ok_or(Rule::AckRef)?;
        match entry {
            Some(Entry::Refuse(_) | Entry::Resolve(_)) if answer == Answer::Refuse => {
                Err(Rule::RefuseKind)
            }
            Some(
                entry @ (Entry::Payment(_)
                | Entry::Refuse(_)
                | Entry::Resolve(_)
                | Entry::Refund(_)
                | Entry::Settlement(_)),
            ) => Ok(Named {
                slot,
                envelope: envelope_of(case.set, slot, entry.decision()),
                entry,
            }),
            _ => Err(Rule::AckKind),
        }
    }

    /// The record behind a reference, with its entry if it is one of this
    /// ledger.
    pub(crate) fn entry(&self, case: &Case<'_>, reference: u16) -> Option<(Slot, Option<Entry>)> {
        let slot = case.reference(usize::from(reference))?;
        let record = case.set.record(slot);
        let is_own = record.topic() == self.topic;
        Some((slot, is_own.then(|| Entry::of(record)).flatten()))
    }
}

/// A record that sends legs.
struct Named {
    slot: Slot,
    entry: Entry,
    /// The envelope that a payment or refund draws on, with all that it holds.
    envelope: Option<(EnvelopeId, i128)>,
}

/// What a leg offers to the chain that takes it.
struct Offer {
    amount: Amount,
    /// What the chain takes at most once.
    once: LegAt,
    /// What its payer signed; none of what comes back to its payer.
    first: Option<Origin>,
    /// Whose part of which hold it is, if it is one.
    part: Option<Box<HoldPart>>,
    /// What it does to a claim, if it is the leg of a settlement.
    settles: Option<Box<Settles>>,
}

/// The payment, refund, settlement or hold that a leg comes from.
struct Origin {
    record: Slot,
    payer: ChainId,
    key: OperationKey,
    envelope: Option<(EnvelopeId, i128)>,
}

impl Origin {
    fn giver(&self) -> Option<(Giver, i128)> {
        let (id, holds) = self.envelope?;
        Some(((self.payer, id), holds))
    }
}

fn offered(
    case: &Case<'_>,
    account: &Account,
    terms: &Terms,
    (named, leg): (&Named, u8),
    answer: Answer,
) -> Result<Offer, Rule> {
    let slot = named.slot;
    let sent = legs::leg(case.set, slot, &named.entry, leg)
        .filter(|sent| sent.payee == case.chain())
        .ok_or(Rule::AckPayee)?;
    let mut offer = Offer {
        amount: sent.amount,
        once: LegAt { slot, leg },
        first: None,
        part: None,
        settles: None,
    };
    let origin = |key| Origin {
        record: slot,
        payer: sent.payer,
        key,
        envelope: named.envelope,
    };
    match &named.entry {
        Entry::Payment(payment) => offer.first = Some(origin(payment.key)),
        Entry::Refund(refund) => offer.first = Some(origin(refund.key)),
        Entry::Settlement(settlement) => {
            offer.first = Some(origin(settlement.key));
            if answer == Answer::Ack {
                let settles = settle::replaces(case, account, slot, settlement)?;
                offer.settles = Some(Box::new(settles));
            }
        }
        Entry::Refuse(refuse) => {
            let original = refuse.legs.get(usize::from(leg));
            let original = original.and_then(|leg| legs::named(case.set, slot, leg));
            let own = original.filter(|(original, _)| is_on_own_path(case, *original));
            let (original, _) = own.ok_or(Rule::AckReturn)?;
            offer.settles = settle::comes_back(case.set, original).map(Box::new);
        }
        Entry::Resolve(resolve) => {
            let part = legs::part(case.set, slot, resolve, leg).ok_or(Rule::AckPayee)?;
            let sealing = terms.sealing.as_deref();
            offer.once = part.side.of_hold(part.hold);
            offer.first = first_of(case, &part)?;
            offer.part = Some(Box::new(HoldPart {
                hold: source(case, part.hold),
                side: part.side,
                is_covered: part.side == Side::Payer
                    || is_covered(case, account, sealing, part.hold),
            }));
        }
        _ => return Err(Rule::AckKind),
    }
    Ok(offer)
}

/// The hold, for its payee; nothing for its payer, who must stand on the path
/// that set it aside.
fn first_of(case: &Case<'_>, part: &Part) -> Result<Option<Origin>, Rule> {
    match part.side {
        Side::Payee => Ok(Some(Origin {
            record: part.hold,
            payer: part.sent.payer,
            key: part.terms.key,
            envelope: envelope_of(case.set, part.hold, part.terms.decision),
        })),
        Side::Payer if is_on_own_path(case, part.hold) => Ok(None),
        Side::Payer => Err(Rule::AckHold),
    }
}

fn is_on_own_path(case: &Case<'_>, slot: Slot) -> bool {
    case.prev.is_some_and(|prev| case.set.on_path(slot, prev))
}

pub(crate) fn source(case: &Case<'_>, slot: Slot) -> Source {
    Source {
        chain: case.set.chain_of(slot),
        slot,
    }
}

/// Whether a Seal that the chain named, or names with this record, covers it.
fn is_covered(case: &Case<'_>, account: &Account, sealing: Option<&Sealing>, slot: Slot) -> bool {
    let heads = cover_of(account, sealing, &case.set.chain(slot));
    heads.iter().any(|&head| case.set.on_path(slot, head))
}

/// Sealed heads of a chain that the account named, with those that the record
/// names.
fn cover_of<'a>(account: &'a Account, sealing: Option<&'a Sealing>, chain: &ChainId) -> &'a [Slot] {
    match sealing.and_then(|sealing| sealing.cover.get(chain)) {
        Some(heads) => heads,
        None => account.cover(chain),
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
        sealing: None,
    };
    for slot in case.refs() {
        if case.set.chain(slot) != case.set.authority() {
            continue;
        }
        let record = case.set.record(slot);
        if record.kind() == Kind::RAISE
            && let Some(Act::Raise(raise)) = case.set.act(slot)
            && Some(raise.open) == case.header.epoch()
        {
            terms.floor = terms.floor.map(|floor| floor.min(raise.floor));
        } else if record.kind() == Kind::SEAL {
            let named = |head: &Slot| {
                case.content
                    .refs()
                    .binary_search(&case.set.id(*head))
                    .is_ok()
            };
            let sealing = terms.sealing.get_or_insert_default();
            for head in case.set.effective_heads(slot).filter(named) {
                cover(case, account, sealing, head);
            }
        }
    }
    if let Some(sealing) = &mut terms.sealing {
        sealing.parts = covered_parts(case, account, sealing);
    }
    terms
}

/// Parts whose hold becomes covered, each with whether its Resolve is covered
/// too: asked when all covers are known, for the two lie on two chains.
fn covered_parts(
    case: &Case<'_>,
    account: &Account,
    sealing: &Sealing,
) -> Vec<(account::Part, bool)> {
    let is_covered = |slot| is_covered(case, account, Some(sealing), slot);
    let chains = sealing.cover.keys();
    let chains = chains.filter_map(|chain| case.set.chain_number(chain));
    let parts = chains.flat_map(|chain| account.parts(chain));
    parts
        .filter(|part| is_covered(part.hold.slot))
        .map(|&part| (part, is_covered(part.resolve.slot)))
        .collect()
}

/// Covers the path of a sealed head.
fn cover(case: &Case<'_>, account: &Account, sealing: &mut Sealing, head: Slot) {
    let set = case.set;
    let chain = set.chain(head);
    let heads = cover_of(account, Some(sealing), &chain);
    if heads.iter().any(|&known| set.on_path(head, known)) {
        return;
    }
    // What does not lie below an earlier head of the same path does not lie
    // below this one either, unless it came after that head.
    let below = heads.iter().filter(|&&known| set.on_path(known, head));
    let from = below.max().copied().unwrap_or(Slot::FIRST);
    let mut moved: Vec<Slot> = heads
        .iter()
        .copied()
        .filter(|&known| !set.on_path(known, head))
        .collect();
    moved.push(head);
    sealing.cover.insert(chain, moved);
    let sealed = account
        .unsealed(set.chain_of(head), from, head)
        .filter(|(source, _)| set.on_path(source.slot, head));
    sealing.sealed.extend(sealed);
}
