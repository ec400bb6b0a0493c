//! A cooperative with one unit, and a ledger that follows everything that is
//! written. After every record the maintained columns are compared with ones
//! that are counted from nothing, and the ledger with one that was written down
//! and read back again and again.

use icn_ledger::entry::{ACK, HOLD, NOTE, PAYMENT, REFUND, REFUSE, RESOLVE};
use icn_ledger::ledger::Refreshed;
use icn_ledger::{
    Ack, Authorized, Column, DecisionRef, Hold, Ledger, LedgerEvent, Leg, LegId, LegRef, Note,
    Payment, PaymentRequest, Policy, Refund, Refuse, Resolution, Resolve, Unit, UnitCode,
};
use icn_types::amount::Amount;
use icn_types::authority::{Grant, Tip};
use icn_types::canon::{Encode, List};
use icn_types::hash::sha256;
use icn_types::id::{ChainId, DomainId, OperationKey, RecordId};
use icn_types::record::{Draft, Kind};
use icn_types::set::RecordSet;
use icn_types::testkit::stage::{GRANT, Stage};
use icn_types::time::Timestamp;
use icn_types::topic::Topic;
use icn_types::verdict::Verdict;

use crate::snapshots::{Away, again, assert_same};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(0);

#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) stage: Stage,
    pub(crate) ledger: Ledger,
    /// The same, read back from its last snapshot.
    restored: Ledger,
    /// The same with most bodies away, until one of them is asked for.
    pub(crate) away: Option<Away>,
    pub(crate) unit: Unit,
    pub(crate) chains: Vec<ChainId>,
    pub(crate) events: Vec<LedgerEvent>,
    fed: usize,
    keys: u64,
}

/// A leg of a payment or a returned leg of a refusal.
pub(crate) const fn leg(record: RecordId, leg: u8) -> LegId {
    LegId { record, leg }
}

pub(crate) fn amount(atoms: u64) -> Amount {
    Amount::new(atoms).unwrap()
}

pub(crate) fn hours(issuer: DomainId) -> Unit {
    Unit {
        issuer,
        code: UnitCode::new("hours").unwrap(),
        scale: icn_ledger::unit::Scale::new(1).unwrap(),
        min_leg: amount(1),
    }
}

/// A body that takes legs, with the refs that it needs.
pub(crate) fn taking(legs: &[LegId]) -> (Vec<RecordId>, Vec<LegRef>) {
    let mut refs: Vec<RecordId> = legs.iter().map(|leg| leg.record).collect();
    refs.sort_unstable();
    refs.dedup();
    let legs = legs.iter().map(|leg| LegRef {
        reference: u16::try_from(refs.binary_search(&leg.record).unwrap()).unwrap(),
        leg: leg.leg,
    });
    let legs = legs.collect();
    (refs, legs)
}

/// A body that ends holds, with the refs that it needs.
pub(crate) fn resolving(holds: &[(RecordId, u64)]) -> (Vec<RecordId>, Resolve) {
    let mut refs: Vec<RecordId> = holds.iter().map(|(hold, _)| *hold).collect();
    refs.sort_unstable();
    refs.dedup();
    let holds = holds.iter().map(|(hold, part)| Resolution {
        hold: u16::try_from(refs.binary_search(hold).unwrap()).unwrap(),
        part: *part,
    });
    let holds = List::new(holds.collect::<Vec<_>>()).unwrap();
    (refs, Resolve { holds, memo: None })
}

fn sorted(refs: &[RecordId]) -> Vec<RecordId> {
    let mut refs = refs.to_vec();
    refs.sort_unstable();
    refs
}

/// A ledger that heard of a set's records in the order of the set.
pub(crate) fn follow(set: &RecordSet, unit: Unit) -> Ledger {
    let mut ledger = Ledger::new(set.domain(), unit);
    for slot in set.slots() {
        ledger.update(set, slot);
    }
    ledger
}

impl Market {
    /// Members with an account each: floor -100, float 20.
    pub(crate) fn new(members: usize) -> Self {
        Self::with_grant(members, GRANT)
    }

    pub(crate) fn with_grant(members: usize, grant: Grant) -> Self {
        let mut market = Self::empty(members, amount(1));
        let topic = market.topic();
        for member in 0..members {
            let chain = market.stage.open_member(member, &topic, Some(grant));
            market.chains.push(chain);
        }
        market.feed();
        market
    }

    /// Members without an account yet.
    pub(crate) fn empty(members: usize, min_leg: Amount) -> Self {
        let stage = Stage::new(1, members);
        let unit = Unit {
            min_leg,
            ..hours(stage.domain())
        };
        let mut market = Self {
            ledger: Ledger::new(stage.domain(), unit),
            restored: Ledger::new(stage.domain(), unit),
            away: None,
            unit,
            stage,
            chains: Vec::new(),
            events: Vec::new(),
            fed: 0,
            keys: 0,
        };
        market.feed();
        market
    }

    pub(crate) fn topic(&self) -> Topic {
        self.stage.ledger(self.unit.id())
    }

    /// Tells the ledger of everything new.
    pub(crate) fn feed(&mut self) {
        let (set, records) = (&self.stage.set, &self.stage.records[self.fed..]);
        let before = self.events.len();
        for record in records {
            let slot = set.find(&record.id()).unwrap();
            let events = self.ledger.update(set, slot);
            assert_eq!(self.restored.update(set, slot), events);
            self.events.extend(events);
        }
        let heard = self.away.as_mut().and_then(|away| away.hear(records));
        if heard.is_some_and(|heard| heard != self.events[before..]) {
            panic!("other events with most bodies away");
        }
        self.fed = self.stage.records.len();
        let refreshed = self.ledger.refresh(&self.stage.set);
        assert_eq!(self.restored.refresh(&self.stage.set), refreshed);
        self.compare();
        let recounted = self.ledger.recount(&self.stage.set);
        assert_eq!(*self.ledger.columns(&self.stage.set), recounted);
        assert_eq!(recounted.sum(), 0, "value appeared or vanished");
    }

    /// Nothing is left but the records.
    pub(crate) fn restart(&mut self) {
        self.ledger = follow(&self.stage.set, self.unit);
        self.ledger.refresh(&self.stage.set);
        self.restored = self.ledger.clone();
        self.away = None;
        self.fed = self.stage.records.len();
    }

    /// Now and then, what was read back is written down and read back again.
    fn compare(&mut self) {
        let set = &self.stage.set;
        if self.fed > 64 && !self.fed.is_multiple_of(16) {
            return; // each costs as much as all records together
        }
        assert_same(&self.ledger, &self.restored, set);
        self.away
            .take_if(|away| away.set.missed() || away.set.len() < set.len());
        if let Some(away) = &self.away {
            assert!(away.stands_like(&self.ledger, set), "with most bodies away");
        }
        if self.fed.is_multiple_of(8) {
            self.away = Away::of(&self.ledger, set);
        }
        if self.fed.is_multiple_of(3)
            && let Some(again) = again(&self.restored, set, self.unit)
        {
            self.restored = again;
        }
    }

    /// The same, counting after each record. Answers how often labels moved or
    /// columns were counted anew.
    pub(crate) fn recounts(&mut self) -> usize {
        let set = &self.stage.set;
        let mut recounts = 0;
        for record in &self.stage.records[self.fed..] {
            let slot = set.find(&record.id()).unwrap();
            let events = self.ledger.update(set, slot);
            assert_eq!(self.restored.update(set, slot), events);
            self.away = None;
            let is_told = events.contains(&LedgerEvent::Relabelled);
            let is_counted = self.ledger.refresh(set) == Refreshed::Anew;
            self.restored.refresh(set);
            recounts += usize::from(is_told || is_counted);
        }
        self.fed = self.stage.records.len();
        self.feed();
        recounts
    }

    pub(crate) fn key(&mut self) -> OperationKey {
        self.keys += 1;
        OperationKey::from_bytes(sha256(&self.keys.to_be_bytes()))
    }

    pub(crate) fn payment(&mut self, legs: &[(ChainId, u64)]) -> Payment {
        let legs = legs.iter().map(|&(payee, atoms)| Leg {
            payee,
            amount: amount(atoms),
        });
        Payment {
            legs: List::new(legs.collect::<Vec<_>>()).unwrap(),
            key: self.key(),
            decision: None,
            effective: None,
            memo: None,
        }
    }

    pub(crate) fn request(&mut self, legs: &[(ChainId, u64)]) -> PaymentRequest {
        let payment = self.payment(legs);
        PaymentRequest {
            legs: payment.legs,
            key: payment.key,
            decision: None,
            effective: None,
            memo: None,
            cause: None,
        }
    }

    /// Writes a payment, whether or not it follows the rules.
    pub(crate) fn pay(&mut self, payer: ChainId, payee: ChainId, atoms: u64) -> RecordId {
        let payment = self.payment(&[(payee, atoms)]);
        self.post(payer, &[], &payment)
    }

    /// One payment with two legs.
    pub(crate) fn post_two(
        &mut self,
        payer: ChainId,
        one: (ChainId, u64),
        other: (ChainId, u64),
    ) -> RecordId {
        let payment = self.payment(&[one, other]);
        self.post(payer, &[], &payment)
    }

    pub(crate) fn post(
        &mut self,
        payer: ChainId,
        refs: &[RecordId],
        payment: &Payment,
    ) -> RecordId {
        let id = self.stage.write(&payer, PAYMENT, refs, payment);
        self.feed();
        id
    }

    /// Pays after any record of the payer's chain: a second one is a fork.
    pub(crate) fn pay_after(
        &mut self,
        payer: ChainId,
        prev: Option<Tip>,
        payee: ChainId,
        atoms: u64,
    ) -> RecordId {
        let payment = self.payment(&[(payee, atoms)]);
        let id = self.stage.write_after(&payer, prev, PAYMENT, &[], &payment);
        self.feed();
        id
    }

    pub(crate) fn ack(&mut self, payee: ChainId, legs: &[LegId]) -> RecordId {
        let (refs, legs) = taking(legs);
        let body = Ack {
            legs: List::new(legs).unwrap(),
        };
        let id = self.stage.write(&payee, ACK, &refs, &body);
        self.feed();
        id
    }

    pub(crate) fn ack_after(
        &mut self,
        payee: ChainId,
        prev: Option<Tip>,
        legs: &[LegId],
    ) -> RecordId {
        let (refs, legs) = taking(legs);
        let body = Ack {
            legs: List::new(legs).unwrap(),
        };
        let id = self.stage.write_after(&payee, prev, ACK, &refs, &body);
        self.feed();
        id
    }

    pub(crate) fn refuse(&mut self, payee: ChainId, legs: &[LegId]) -> RecordId {
        let (refs, legs) = taking(legs);
        let body = Refuse {
            legs: List::new(legs).unwrap(),
        };
        let id = self.stage.write(&payee, REFUSE, &refs, &body);
        self.feed();
        id
    }

    pub(crate) fn hold_body(&mut self, (payee, atoms): (ChainId, u64), resolver: ChainId) -> Hold {
        Hold {
            leg: Leg {
                payee,
                amount: amount(atoms),
            },
            resolver,
            key: self.key(),
            decision: None,
            expires: None,
            effective: None,
            memo: None,
        }
    }

    /// Sets aside, whether or not it follows the rules.
    pub(crate) fn hold(
        &mut self,
        payer: ChainId,
        leg: (ChainId, u64),
        resolver: ChainId,
    ) -> RecordId {
        let body = self.hold_body(leg, resolver);
        self.write(payer, HOLD, &[], &body)
    }

    pub(crate) fn hold_after(
        &mut self,
        payer: ChainId,
        prev: Option<Tip>,
        leg: (ChainId, u64),
        resolver: ChainId,
    ) -> RecordId {
        let body = self.hold_body(leg, resolver);
        self.write_after(payer, prev, HOLD, &[], &body)
    }

    /// Ends holds, each with what its payee gets.
    pub(crate) fn resolve(&mut self, resolver: ChainId, holds: &[(RecordId, u64)]) -> RecordId {
        let (refs, body) = resolving(holds);
        self.write(resolver, RESOLVE, &refs, &body)
    }

    pub(crate) fn resolve_after(
        &mut self,
        resolver: ChainId,
        prev: Option<Tip>,
        holds: &[(RecordId, u64)],
    ) -> RecordId {
        let (refs, body) = resolving(holds);
        self.write_after(resolver, prev, RESOLVE, &refs, &body)
    }

    /// Pays back some of a leg that the chain took.
    pub(crate) fn refund(&mut self, chain: ChainId, original: LegId, atoms: u64) -> RecordId {
        let (refs, legs) = taking(&[original]);
        let body = Refund {
            original: legs[0],
            amount: amount(atoms),
            key: self.key(),
            decision: None,
            effective: None,
            memo: None,
        };
        self.write(chain, REFUND, &refs, &body)
    }

    pub(crate) fn write<B: Encode>(
        &mut self,
        chain: ChainId,
        kind: Kind,
        refs: &[RecordId],
        body: &B,
    ) -> RecordId {
        let id = self.stage.write(&chain, kind, refs, body);
        self.feed();
        id
    }

    pub(crate) fn write_after<B: Encode>(
        &mut self,
        chain: ChainId,
        prev: Option<Tip>,
        kind: Kind,
        refs: &[RecordId],
        body: &B,
    ) -> RecordId {
        let id = self.stage.write_after(&chain, prev, kind, refs, body);
        self.feed();
        id
    }

    pub(crate) fn note(&mut self, chain: ChainId, refs: &[RecordId]) -> RecordId {
        let id = self.stage.write(&chain, NOTE, refs, &Note::default());
        self.feed();
        id
    }

    /// Writes a payment of one leg under the decision that it refs first.
    pub(crate) fn pay_decided(
        &mut self,
        payer: ChainId,
        refs: &[RecordId],
        (payee, atoms): (ChainId, u64),
        (action, key): (u16, OperationKey),
    ) -> RecordId {
        let payment = self.decided(refs, &[(payee, atoms)], (action, key));
        self.post(payer, &sorted(refs), &payment)
    }

    /// A payment under the decision whose Ready is the first of its refs.
    pub(crate) fn decided(
        &mut self,
        refs: &[RecordId],
        legs: &[(ChainId, u64)],
        (action, key): (u16, OperationKey),
    ) -> Payment {
        let ready = sorted(refs).binary_search(&refs[0]).unwrap();
        let ready = u16::try_from(ready).unwrap();
        Payment {
            key,
            decision: Some(DecisionRef { ready, action }),
            ..self.payment(legs)
        }
    }

    pub(crate) fn submit(&mut self, draft: Draft) -> RecordId {
        let id = self.stage.submit(draft);
        self.feed();
        id
    }

    /// Acknowledges what admission offers.
    pub(crate) fn ack_all(&mut self, payee: ChainId) -> Option<RecordId> {
        let draft = self.ledger.draft_acks(&self.stage.set, &payee, NOW);
        draft.unwrap().map(|draft| self.submit(draft))
    }

    pub(crate) fn authorize(
        &self,
        payer: ChainId,
        request: &PaymentRequest,
    ) -> Result<Authorized, icn_ledger::Refusal> {
        self.ledger
            .authorize(&self.stage.set, &payer, request, NOW, &Policy::NONE)
    }

    pub(crate) fn seal(&mut self, chain: ChainId) -> RecordId {
        let tip = self.stage.tip(&chain);
        self.seal_at(chain, tip)
    }

    pub(crate) fn seal_at(&mut self, chain: ChainId, tip: Option<Tip>) -> RecordId {
        let finality = icn_types::authority::Finality::Open;
        let id = self.stage.seal_at(&chain, tip, finality);
        self.feed();
        id
    }

    pub(crate) fn reopen(&mut self, chain: ChainId, tip: Option<Tip>, charged: u64) -> RecordId {
        let id = self.stage.reopen(&chain, tip, charged);
        self.feed();
        id
    }

    /// `valid`, `waiting`, or the code of the breach.
    pub(crate) fn verdict(&self, id: &RecordId) -> &'static str {
        match self.ledger.verdict(self.stage.set.find(id).unwrap()) {
            Verdict::Valid => "valid",
            Verdict::Waiting => "waiting",
            Verdict::Invalid(breach) => breach.code(),
        }
    }

    pub(crate) fn column(&self, chain: ChainId) -> Column {
        self.ledger.columns(&self.stage.set).account(&chain)
    }

    pub(crate) fn posted(&self, chain: ChainId) -> i128 {
        self.column(chain).posted
    }

    pub(crate) fn spendable(&self, chain: ChainId) -> u128 {
        let positions = self.ledger.positions(&self.stage.set, &chain);
        positions.limits.map_or(0, |limits| limits.spendable)
    }

    pub(crate) fn tip(&self, chain: ChainId) -> Option<Tip> {
        self.stage.tip(&chain)
    }
}
