//! What does not count: quarantine, evidence, impaired credit and claims.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::query::{
    Claim, Doubt, Impairment, Movement, Order, PageSize, Quarantined, Query, Reason, Register,
    Release,
};
use icn_ledger::{Charge, Ledger};
use icn_types::authority::{Act, Consent, FORMAT, Start};
use icn_types::canon::to_bytes;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId};
use icn_types::key::Signer as _;
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::set::{Label, RecordSet};
use icn_types::verdict::Verdict;
use proptest::prelude::*;

use crate::columns::{World, cases, steps};
use crate::market::{Market, NOW, leg};

fn quarantine(query: &Query<'_>, rows: u16) -> Vec<Quarantined> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = query.quarantine(after, PageSize::new(rows).unwrap());
        found.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Canonical records that are not Valid and posted, each with why.
fn not_posted(set: &RecordSet, ledger: &Ledger) -> BTreeMap<RecordId, &'static str> {
    let canonical = set.canonical();
    let of_topic = canonical
        .slots()
        .filter(|&slot| set.record(slot).topic() == ledger.topic());
    of_topic
        .filter_map(|slot| {
            let word = match (ledger.verdict(slot), canonical.label(slot)) {
                (Verdict::Valid, Label::Posted) => return None,
                (Verdict::Valid, Label::Contested) => "contested",
                (Verdict::Valid, Label::Void) => "void",
                (Verdict::Waiting, _) => "waiting",
                (Verdict::Invalid(breach), _) => breach.code(),
            };
            Some((set.record(slot).id(), word))
        })
        .collect()
}

fn word(row: &Quarantined) -> &'static str {
    match row.reason {
        Reason::Waiting(_) => "waiting",
        Reason::Unsupported { .. } => "unsupported",
        Reason::Invalid(breach) => breach.code(),
        Reason::Contested => "contested",
        Reason::Void => "void",
    }
}

/// Credit in doubt by the lines of all accounts.
fn in_doubt(query: &Query<'_>, set: &RecordSet, chains: &[ChainId]) -> Vec<Impairment> {
    let mut sums: BTreeMap<(ChainId, ChainId, Doubt), u128> = BTreeMap::new();
    for chain in chains {
        let size = PageSize::new(500).unwrap();
        let page = query.lines(chain, Order::OldestFirst, None, size).unwrap();
        assert!(page.next.is_none());
        for line in page.rows {
            if matches!(line.movement, Movement::Paid | Movement::Refused) {
                continue;
            }
            let sender = set.record(set.find(&line.leg.record).unwrap());
            let source = sender.chain();
            let forks = set.fork(&source).is_some();
            let sealed = u64::try_from(set.sealed_len(&source)).unwrap();
            let doubt = match line.label {
                Label::Contested => Doubt::Contested,
                Label::Void => Doubt::Void,
                Label::Posted if forks && sender.seq() >= sealed => Doubt::OpenFork,
                Label::Posted => continue,
            };
            let sum = sums.entry((*chain, source, doubt)).or_default();
            *sum += u128::from(line.amount.get());
        }
    }
    let marks = query.impairments();
    assert_eq!(marks.len(), sums.len());
    for mark in &marks {
        let key = (mark.account, mark.source, mark.doubt);
        assert_eq!(sums.remove(&key), Some(mark.atoms));
    }
    marks
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn quarantine_names_every_record_that_is_not_posted_once(
        steps in steps(),
        salt in any::<u64>(),
        share in 1..=u8::MAX,
        rows in 1_u16..6,
    ) {
        let world = World::play(&steps);
        let (set, ledger) = world.replica(world.shuffled(salt, |lot| lot <= share));
        let mut register = Register::new();
        let query = register.query(&set, &ledger);
        let found = quarantine(&query, rows);
        let naive = not_posted(&set, &ledger);
        prop_assert!(found.iter().map(|row| row.record).is_sorted_by(|a, b| a < b));
        let found: Vec<_> = found.iter().map(|row| (row.record, word(row))).collect();
        prop_assert_eq!(found, naive.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_releases_a_waiting_record_is_what_it_waits_for(
        steps in steps(),
        salt in any::<u64>(),
        share in 1..=u8::MAX,
    ) {
        let world = World::play(&steps);
        let (set, ledger) = world.replica(world.shuffled(salt, |lot| lot <= share));
        let mut register = Register::new();
        let query = register.query(&set, &ledger);
        for row in quarantine(&query, 500) {
            let Release::Record(id) = row.release() else { continue };
            let record = set.record(set.find(&row.record).unwrap());
            let names = record.prev() == Some(id)
                || record.epoch() == Some(id)
                || record.refs().contains(&id)
                || row.record == id;
            prop_assert!(names);
            let waits = set.find(&id).is_none_or(|slot| ledger.verdict(slot).is_waiting());
            prop_assert!(waits);
        }
    }

    #[test]
    fn claims_of_an_author_are_what_the_column_charges(steps in steps()) {
        let world = World::play(&steps);
        let market = &world.market;
        let set = &market.stage.set;
        let mut register = Register::new();
        let query = register.query(set, &market.ledger);
        let claims = query.claims();
        let claimed: BTreeMap<ChainId, u128> =
            claims.iter().map(|claims| (claims.author, claims.claimed)).collect();
        prop_assert_eq!(claims.len(), claimed.len());
        for chain in &market.chains {
            let charged = market.column(*chain).charged;
            prop_assert_eq!(claimed.get(chain).copied().unwrap_or_default(), charged);
        }
        for claims in claims {
            prop_assert_eq!(claims.charge, market.ledger.charge(set, &claims.author));
            prop_assert!(claims.claims.iter().all(|claim| claim.label != Label::Posted));
        }
    }

    #[test]
    fn impaired_credit_is_that_of_the_lines_in_doubt(steps in steps()) {
        let world = World::play(&steps);
        let market = &world.market;
        let set = &market.stage.set;
        let mut register = Register::new();
        let query = register.query(set, &market.ledger);
        in_doubt(&query, set, &market.chains);
    }

    #[test]
    fn evidence_is_every_fork_of_one_key_among_canonical_records(steps in steps()) {
        let world = World::play(&steps);
        let market = &world.market;
        let set = &market.stage.set;
        let canonical = set.canonical();
        let mut naive = BTreeSet::new();
        let of_topic: Vec<&Record> = canonical
            .slots()
            .map(|slot| set.record(slot))
            .filter(|record| record.topic() == market.ledger.topic())
            .collect();
        for one in &of_topic {
            for other in &of_topic {
                let place = |record: &Record| (record.chain(), record.epoch(), record.prev());
                if one.id() < other.id() && place(one) == place(other) {
                    naive.insert((one.id(), other.id()));
                }
            }
        }
        let mut register = Register::new();
        let evidence = register.query(set, &market.ledger).evidence();
        let found: Vec<_> = evidence.iter().map(|proof| proof.ids()).collect();
        prop_assert_eq!(found, naive.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn each_reason_says_what_would_release_it() {
    let mut market = Market::new(3);
    let [mallory, shop, other] = market.chains[..] else {
        panic!("three accounts");
    };
    let one = market.pay_after(mallory, None, shop, 10);
    let two = market.pay_after(mallory, None, other, 20);
    let broken = market.pay(shop, shop, 1);
    let after = market.pay(shop, other, 1);
    let reasons = |market: &Market| {
        let mut register = Register::new();
        let query = register.query(&market.stage.set, &market.ledger);
        let rows = quarantine(&query, 10);
        let told = rows
            .iter()
            .map(|row| (row.record, (word(row), row.release())));
        told.collect::<BTreeMap<_, _>>()
    };
    let told = reasons(&market);
    assert_eq!(told.len(), 4);
    assert_eq!(told[&one], ("contested", Release::Seal(mallory)));
    assert_eq!(told[&two], ("contested", Release::Seal(mallory)));
    assert_eq!(told[&broken], ("pay.self", Release::Nothing));
    assert_eq!(told[&after], ("invalid.ended", Release::Nothing));
    market.ack(other, &[leg(two, 0)]);
    let tip = icn_types::authority::Tip { seq: 0, head: one };
    market.seal_at(mallory, Some(tip));
    let told = reasons(&market);
    assert_eq!(told[&two], ("void", Release::Nothing));
    assert!(!told.contains_key(&one), "the sealed branch is posted");
}

#[test]
fn record_without_its_content_waits_for_itself() {
    let mut market = Market::new(2);
    let paid = market.pay(market.chains[0], market.chains[1], 1);
    let mut set = RecordSet::new(market.stage.domain());
    let mut ledger = Ledger::new(market.stage.domain(), market.unit);
    for record in &market.stage.records {
        let copy = if record.id() == paid {
            let bare = Record::bare(record.header().clone(), *record.signature());
            bare.verify(&record.key().prepare()).unwrap()
        } else {
            record.clone()
        };
        let slot = set.insert(copy).unwrap().slot();
        ledger.update(&set, slot);
    }
    let mut register = Register::new();
    let row = quarantine(&register.query(&set, &ledger), 10)[0];
    assert_eq!((row.record, row.seq), (paid, 0));
    assert_eq!(row.reason, Reason::Waiting(paid));
    assert_eq!(row.release(), Release::Record(paid));
    let whole = market
        .stage
        .records
        .iter()
        .find(|record| record.id() == paid);
    let slot = set.insert(whole.unwrap().clone()).unwrap().slot();
    ledger.update(&set, slot);
    assert!(quarantine(&register.query(&set, &ledger), 10).is_empty());
}

/// An Open of a format that nobody here can judge, and records under it.
pub(crate) fn write_newer_format(market: &mut Market, records: u64) -> (RecordId, Vec<RecordId>) {
    let key = market.stage.draw_key();
    let chain = market.topic().chain(Owner::Shared(7));
    let mut open = market
        .stage
        .open_body(chain, &key, Start::First, 0, None, &key);
    open.format = FORMAT + 1;
    let terms = to_bytes(&open.consent_terms(market.stage.domain()));
    open.consent = Consent::Current(key.sign(&terms).unwrap());
    let epoch = market.stage.act(&Act::Open(open), &[]);
    let mut prev = None;
    let mut ids = Vec::new();
    for seq in 0..records {
        let place = Place::Entry {
            topic: market.topic().id(),
            chain: chain.id(),
            epoch,
            seq,
            prev,
        };
        let content = Content::new(Vec::new(), None, &seq).unwrap();
        let kind = icn_types::record::Kind::new(90);
        let draft = Draft::new(place, kind, NOW, content).unwrap();
        prev = Some(market.stage.sign(draft, &key));
        ids.extend(prev);
    }
    market.feed();
    (epoch, ids)
}

#[test]
fn record_of_a_newer_format_needs_an_upgrade() {
    let mut market = Market::new(1);
    let (epoch, ids) = write_newer_format(&mut market, 2);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let rows = quarantine(&query, 10);
    let found: BTreeMap<_, _> = rows.iter().map(|row| (row.record, row.release())).collect();
    assert_eq!(found[&ids[0]], Release::Upgrade { format: FORMAT + 1 });
    assert_eq!(found[&ids[1]], Release::Record(ids[0]));
    let upgrade = query.trial_balance().needs_upgrade().unwrap();
    assert_eq!((upgrade.format, upgrade.since), (FORMAT + 1, epoch));
}

/// A removed member's last payments lie beyond the final Seal: the shop is
/// innocent, the author is charged.
#[test]
fn payments_beyond_a_final_seal_are_claims_until_an_open_charges_them() {
    let mut market = Market::new(2);
    let (member, shop) = (market.chains[0], market.chains[1]);
    market.pay(member, shop, 5);
    let sealed = market.tip(member);
    let late = market.pay(member, shop, 30);
    let ack = market.ack(shop, &[leg(late, 0)]);
    market.reopen(member, sealed, 0);
    let mut register = Register::new();
    let claims = register.query(&market.stage.set, &market.ledger).claims();
    let [against] = &claims[..] else {
        panic!("one author");
    };
    assert_eq!((against.author, against.claimed), (member, 30));
    assert_eq!(
        (against.stated, against.charge),
        (Some(0), Some(Charge::Understated))
    );
    let [Claim { payee, amount, .. }] = against.claims[..] else {
        panic!("one claim");
    };
    assert_eq!((payee, amount.get()), (shop, 30));
    assert_eq!(
        (against.claims[0].ack, against.claims[0].label),
        (ack, Label::Void)
    );
    let marks = register
        .query(&market.stage.set, &market.ledger)
        .impairments();
    assert_eq!(marks.len(), 1, "and whoever the shop pays is not marked");
    assert_eq!(
        (marks[0].account, marks[0].doubt, marks[0].atoms),
        (shop, Doubt::Void, 30)
    );
    let query = register.query(&market.stage.set, &market.ledger);
    let of_member = query.claims_of(&member);
    assert_eq!(&of_member, against);
    assert!(of_member.digest().is_some());
    let none = query.claims_of(&shop);
    assert_eq!((none.claimed, none.digest()), (0, None));
    market.reopen(member, sealed, 30);
    let claims = register.query(&market.stage.set, &market.ledger).claims();
    assert_eq!(claims[0].charge, Some(Charge::Confirmed));
    assert_eq!(claims[0].stated, Some(30));
}

#[test]
fn mark_of_a_fork_stops_at_who_took_the_credit_and_ends_with_a_seal() {
    let mut market = Market::new(3);
    let [mallory, shop, baker] = market.chains[..] else {
        panic!("three accounts");
    };
    let paid = market.pay(mallory, shop, 10);
    market.ack(shop, &[leg(paid, 0)]);
    let bread = market.pay(shop, baker, 10);
    market.ack(baker, &[leg(bread, 0)]);
    let fork = market.tip(mallory);
    market.pay(mallory, baker, 1);
    market.pay_after(mallory, fork, baker, 2);
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let marks = in_doubt(&query, &market.stage.set, &market.chains);
    let [mark] = marks[..] else {
        panic!("one mark");
    };
    assert_eq!((mark.account, mark.source), (shop, mallory));
    assert_eq!((mark.doubt, mark.atoms), (Doubt::OpenFork, 10));
    assert_eq!(query.evidence().len(), 1);
    market.seal_at(mallory, fork);
    let query = register.query(&market.stage.set, &market.ledger);
    assert!(query.impairments().is_empty(), "the fork is above the Seal");
    assert_eq!(query.evidence().len(), 1);
    assert!(matches!(
        quarantine(&query, 10)[0].reason,
        Reason::Contested
    ));
}
