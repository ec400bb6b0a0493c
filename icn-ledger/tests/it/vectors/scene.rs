//! One cooperative whose records become a vector.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};

use icn_ledger::{Charge, Ledger, LegId};
use icn_types::amount::Amount;
use icn_types::authority::Grant;
use icn_types::canon::{Encode, to_bytes};
use icn_types::chain::Owner;
use icn_types::error::Coded;
use icn_types::id::{ChainId, Hex, RecordId};
use icn_types::record::{Kind, Record};
use icn_types::set::{Label, RecordSet, Slot};
use icn_types::sign::Signed;
use icn_types::verdict::Verdict;

use crate::market::{Market, amount, follow};

/// Floor -100, ceiling 500, float 20.
pub(super) const GRANT: Grant = Grant {
    floor: -100,
    ceiling: 500,
    float: 20,
};

/// A market in which every record says what it is there for.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) market: Market,
    said: BTreeMap<RecordId, &'static str>,
    withheld: BTreeSet<RecordId>,
    accounts: u32,
}

impl Scene {
    pub(super) fn new(name: &'static str) -> Self {
        Self::with_min_leg(name, amount(1))
    }

    pub(super) fn with_min_leg(name: &'static str, min_leg: Amount) -> Self {
        Self {
            name,
            market: Market::empty(3, min_leg),
            said: BTreeMap::new(),
            withheld: BTreeSet::new(),
            accounts: 0,
        }
    }

    /// A new account: the next member's next device.
    pub(super) fn account(&mut self) -> ChainId {
        self.account_with(Some(GRANT))
    }

    pub(super) fn account_with(&mut self, grant: Option<Grant>) -> ChainId {
        let members = self.market.stage.members();
        let people = u32::try_from(members.len()).unwrap();
        let person = &members[(self.accounts % people) as usize];
        let owner = Owner::Member(person.inception.id(), self.accounts / people);
        let key = person.key.clone();
        self.accounts += 1;
        let chain = self.market.topic().chain(owner);
        let chain = self.market.stage.open(chain, key, grant);
        self.market.feed();
        chain
    }

    /// Says what a record is there for.
    pub(super) fn say(&mut self, record: RecordId, what: &'static str) -> RecordId {
        assert_eq!(self.said.insert(record, what), None, "said twice: {what}");
        record
    }

    pub(super) fn pay(
        &mut self,
        payer: ChainId,
        payee: ChainId,
        atoms: u64,
        what: &'static str,
    ) -> RecordId {
        let id = self.market.pay(payer, payee, atoms);
        self.say(id, what)
    }

    pub(super) fn ack(&mut self, payee: ChainId, legs: &[LegId], what: &'static str) -> RecordId {
        let id = self.market.ack(payee, legs);
        self.say(id, what)
    }

    pub(super) fn refuse(
        &mut self,
        payee: ChainId,
        legs: &[LegId],
        what: &'static str,
    ) -> RecordId {
        let id = self.market.refuse(payee, legs);
        self.say(id, what)
    }

    pub(super) fn hold(
        &mut self,
        payer: ChainId,
        leg: (ChainId, u64),
        resolver: ChainId,
        what: &'static str,
    ) -> RecordId {
        let id = self.market.hold(payer, leg, resolver);
        self.say(id, what)
    }

    pub(super) fn resolve(
        &mut self,
        resolver: ChainId,
        holds: &[(RecordId, u64)],
        what: &'static str,
    ) -> RecordId {
        let id = self.market.resolve(resolver, holds);
        self.say(id, what)
    }

    pub(super) fn refund(
        &mut self,
        chain: ChainId,
        original: LegId,
        atoms: u64,
        what: &'static str,
    ) -> RecordId {
        let id = self.market.refund(chain, original, atoms);
        self.say(id, what)
    }

    pub(super) fn note(
        &mut self,
        chain: ChainId,
        refs: &[RecordId],
        what: &'static str,
    ) -> RecordId {
        let id = self.market.note(chain, refs);
        self.say(id, what)
    }

    /// Any body under any kind.
    pub(super) fn write<B: Encode + ?Sized>(
        &mut self,
        chain: ChainId,
        kind: Kind,
        refs: &[RecordId],
        body: &B,
        what: &'static str,
    ) -> RecordId {
        let id = self.market.stage.write(&chain, kind, refs, body);
        self.market.feed();
        self.say(id, what)
    }

    /// The content of a record is published by nobody.
    pub(super) fn withhold(&mut self, record: RecordId) {
        self.withheld.insert(record);
    }

    /// What a replica holds that got every record of the file.
    pub(super) fn set(&self) -> RecordSet {
        let copies: Vec<Signed<Record>> = self
            .market
            .stage
            .records
            .iter()
            .map(|record| {
                if self.withheld.contains(&record.id()) {
                    let bare = Record::bare(record.header().clone(), *record.signature());
                    bare.verify(&record.key().prepare()).unwrap()
                } else {
                    record.clone()
                }
            })
            .collect();
        self.market.stage.replay(&copies)
    }

    /// The scene as one JSON object.
    pub(super) fn case(&self) -> String {
        let set = self.set();
        let ledger = follow(&set, self.market.unit);
        let slots = self.market.stage.records.iter();
        let slots: Vec<Slot> = slots
            .map(|record| set.find(&record.id()).unwrap())
            .collect();
        let records = slots.iter().map(|&slot| self.record(&set, &ledger, slot));
        let mut text = String::from("    {\n");
        let unit = Hex(&to_bytes(&self.market.unit)).to_string();
        writeln!(
            text,
            "      \"name\": \"{}\",\n      \"unit\": \"{unit}\",",
            self.name
        )
        .unwrap();
        list(&mut text, "records", records);
        list(&mut text, "accounts", accounts(&set, &ledger).into_iter());
        list(
            &mut text,
            "in_transit",
            in_transit(&set, &ledger).into_iter(),
        );
        list(&mut text, "held", held(&set, &ledger).into_iter());
        let digest = ledger.label_digest(&set);
        write!(text, "      \"label_digest\": \"{digest}\"\n    }}").unwrap();
        text
    }

    fn record(&self, set: &RecordSet, ledger: &Ledger, slot: Slot) -> String {
        let record = set.record(slot);
        let (id, bytes) = (record.id(), record.to_bytes());
        let what = self.said.get(&id).copied().unwrap_or("act");
        let verdict = verdict(set, ledger, slot);
        let label = verdict.and_then(|verdict| label(set, ledger, slot, verdict));
        format!(
            "{{\"name\": \"{what}\", \"id\": \"{id}\", \"record\": \"{}\", \"verdict\": {}, \"label\": {}}}",
            Hex(&bytes),
            quoted(verdict),
            quoted(label),
        )
    }
}

pub(super) fn quoted(text: Option<impl Display>) -> String {
    text.map_or_else(|| String::from("null"), |text| format!("\"{text}\""))
}

/// None for a record of another topic, about which others decide.
pub(super) fn verdict(set: &RecordSet, ledger: &Ledger, slot: Slot) -> Option<&'static str> {
    let record = set.record(slot);
    if record.chain() == set.authority() {
        Some(word(set.verdict(slot)))
    } else {
        (record.topic() == ledger.topic()).then(|| word(ledger.verdict(slot)))
    }
}

fn word<R: Coded>(verdict: Verdict<R>) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Waiting => "waiting",
        Verdict::Invalid(breach) => breach.code(),
    }
}

/// What a record of the ledger counts as in the label digest; none outside
/// the canonical set.
fn label(
    set: &RecordSet,
    ledger: &Ledger,
    slot: Slot,
    verdict: &'static str,
) -> Option<&'static str> {
    let canonical = set.canonical();
    let counts = set.record(slot).topic() == ledger.topic() && canonical.contains(slot);
    counts.then(|| match (verdict, canonical.label(slot)) {
        ("valid", Label::Posted) => "posted",
        ("valid", Label::Contested) => "contested",
        ("valid", Label::Void) => "void",
        (other, _) => other,
    })
}

fn accounts(set: &RecordSet, ledger: &Ledger) -> Vec<String> {
    let seats = set.office().unwrap().seats();
    let is_account = |open: RecordId| set.open(&open).unwrap().chain.topic() == ledger.topic();
    let accounts = seats.filter(|(_, seat)| is_account(seat.open()));
    let accounts = accounts.map(|(chain, _)| {
        let here = ledger.positions(set, chain);
        let charge = match ledger.charge(set, chain).unwrap() {
            Charge::Understated => "understated",
            Charge::Confirmed => "confirmed",
            Charge::Overstated => "overstated",
        };
        let (posted, contested) = (here.posted.get(), here.contested.get());
        let (charged, outgoing, incoming) = (here.charged, here.outgoing, here.incoming);
        let held = here.held;
        let available = quoted(here.limits.map(|limits| limits.available.get()));
        format!(
            "{{\"chain\": \"{chain}\", \"posted\": \"{posted}\", \"contested\": \"{contested}\", \
            \"charged\": \"{charged}\", \"outgoing\": \"{outgoing}\", \"incoming\": \"{incoming}\", \
            \"held\": \"{held}\", \"charge\": \"{charge}\", \"available\": {available}}}"
        )
    });
    accounts.collect()
}

fn in_transit(set: &RecordSet, ledger: &Ledger) -> Vec<String> {
    let columns = ledger.columns(set);
    let legs = columns.in_transit().map(|(leg, transit)| {
        format!(
            "{{\"record\": \"{}\", \"leg\": {}, \"payer\": \"{}\", \"payee\": \"{}\", \
            \"amount\": \"{}\"}}",
            leg.record,
            leg.leg,
            transit.payer,
            transit.payee,
            transit.amount.get(),
        )
    });
    legs.collect()
}

fn held(set: &RecordSet, ledger: &Ledger) -> Vec<String> {
    let columns = ledger.columns(set);
    let holds = columns.held().map(|(hold, held)| {
        format!(
            "{{\"hold\": \"{hold}\", \"payer\": \"{}\", \"payee\": \"{}\", \
            \"resolver\": \"{}\", \"amount\": \"{}\"}}",
            held.payer,
            held.payee,
            held.resolver,
            held.amount.get(),
        )
    });
    holds.collect()
}

/// One field that is a list, an item a line.
pub(super) fn list(text: &mut String, name: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.map(|item| format!("        {item}")).collect();
    if items.is_empty() {
        writeln!(text, "      \"{name}\": [],").unwrap();
    } else {
        writeln!(text, "      \"{name}\": [\n{}\n      ],", items.join(",\n")).unwrap();
    }
}
