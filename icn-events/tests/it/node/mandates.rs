//! Receiverships and envelopes, decided by a vote and carried out by nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::audit::{AuditEvent, verify};
use icn_events::node::{AuthorError, Authored, ChainRequest, EpochRequest, Node};
use icn_governance::body::{Choice, Proposal, Subject};
use icn_ledger::batch::Batch;
use icn_ledger::query::{Dates, Order, PageSize};
use icn_ledger::request::Request;
use icn_ledger::{Leg, LegId, PaymentRequest, Refusal, SettlementRequest};
use icn_types::amount::Amount;
use icn_types::authority::{Action, Envelope, Grant, operation_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::RecordId;
use icn_types::key::{Keypair, Signer as _};
use icn_types::topic::Topic;

use super::coop::{Registrar, Village};
use super::faults::Moment;
use super::{budget, hours, propose_and_vote};

const PAGE: PageSize = PageSize::new(100).unwrap();

fn of_actions(village: &Village, actions: &[Action]) -> Proposal {
    Proposal {
        subject: Subject::Actions(List::new(actions).unwrap()),
        ..budget(village)
    }
}

/// The account of member 2 goes to a receiver who pays an hour to member 1.
fn receivership(village: &Village, receiver: &Keypair) -> Proposal {
    let coop = &village.coop;
    let actions = [
        Action::Receive {
            chain: coop.hours_of(2),
            key: receiver.public_key(),
            recovery: coop.members[2].key.public_key(),
        },
        Action::Pay {
            payer: coop.hours_of(2),
            payee: coop.hours_of(1),
            unit: coop.hours,
            amount: Amount::new(3600).unwrap(),
        },
    ];
    of_actions(village, &actions)
}

fn ready_of(village: &Village, opening: &RecordId) -> Option<RecordId> {
    let office = village.nodes[0].set().office()?;
    office.decision(opening)?.ready()
}

#[test]
fn decided_receiver_gets_the_account_and_pays_what_was_decided() {
    let mut village = Village::new(61, 3);
    let receiver = Keypair::from_seed(&[61; 32]);
    let settings = village
        .coop
        .settings(1, Arc::new(village.stores[1].clone()), &village.network)
        .with_signer(Arc::new(receiver.clone()));
    village.nodes[1] = block_on(settings.open()).unwrap();
    let unit = village.coop.hours;
    let [alice, bob, dead] = [0, 1, 2].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[2].pay(&unit, &dead, &hours(alice, 2, 1), times)).unwrap();
    let proposal = receivership(&village, &receiver);
    propose_and_vote(
        &mut village,
        proposal,
        &[Choice::Yes, Choice::Yes, Choice::No],
    );
    village.until("the debt is paid", |v| {
        (0..3).all(|node| v.posted(node, unit, bob) == 3600) && v.agree()
    });
    village.rounds(30);
    assert_eq!(village.posted(0, unit, dead), -3 * 3600, "paid once");
    for node in &village.nodes {
        let seat = node.set().office().unwrap().seat(&dead).unwrap();
        assert_eq!(seat.key(), receiver.public_key());
    }
    let times = village.times();
    let refused = block_on(village.nodes[2].pay(&unit, &dead, &hours(alice, 1, 2), times));
    assert!(matches!(refused, Err(AuthorError::Money(_))), "{refused:?}");
    let times = village.times();
    let more = block_on(village.nodes[1].pay(&unit, &dead, &hours(alice, 1, 3), times));
    assert!(matches!(more, Err(AuthorError::Money(_))), "{more:?}");
    assert_eq!(village.forks(), []);
}

#[test]
fn receiver_of_an_account_that_is_not_open_yet_gets_it_later() {
    let mut village = Village::new(68, 3);
    let receiver = Keypair::from_seed(&[68; 32]);
    let (unit, person) = (village.coop.hours, &village.coop.members[2]);
    let topic = Topic::Ledger(village.coop.domain(), unit);
    let account = ChainRequest {
        chain: topic.chain(Owner::Member(person.inception.id(), 1)),
        key: person.key.public_key(),
        recovery: person.key.public_key(),
        grant: Some(Grant {
            floor: 0,
            ceiling: i64::MAX,
            float: 0,
        }),
    };
    let chain = account.chain.id();
    let action = Action::Receive {
        chain,
        key: receiver.public_key(),
        recovery: receiver.public_key(),
    };
    let proposal = of_actions(&village, &[action]);
    let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    village.until("ready", |v| ready_of(v, &opening).is_some());
    village.rounds(5);
    let agreed = village.nodes[2].agree_to_chain(&account).unwrap();
    let times = village.times();
    let opened = village.nodes[0].open_chain(&account, agreed, u64::MAX, times);
    block_on(opened).unwrap();
    village.until("the receiver has the account", |v| {
        let seat = v.nodes[0].set().office().unwrap().seat(&chain);
        seat.is_some_and(|seat| seat.key() == receiver.public_key())
    });
}

/// Two yeses of four without a no make a budget, and no receivership.
#[test]
fn majority_that_passes_a_budget_takes_nobodys_account() {
    let mut village = Village::new(62, 4);
    let receiver = Keypair::from_seed(&[62; 32]);
    let dead = village.coop.hours_of(2);
    let before = village.nodes[0]
        .set()
        .office()
        .unwrap()
        .seat(&dead)
        .copied();
    let proposal = receivership(&village, &receiver);
    let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes, Choice::Yes]);
    village.until("the vote is over", |v| {
        let office = v.nodes[0].set().office().unwrap();
        office.decision(&opening).unwrap().close().is_some()
    });
    village.rounds(30);
    assert_eq!(ready_of(&village, &opening), None);
    let after = village.nodes[0]
        .set()
        .office()
        .unwrap()
        .seat(&dead)
        .copied();
    assert_eq!(
        after.map(|seat| (seat.open(), seat.key())),
        before.map(|seat| (seat.open(), seat.key()))
    );
}

/// The Open would be Invalid and end the registrar's own epoch.
#[test]
fn nobodys_voice_is_sealed_for_a_receiver() {
    let mut village = Village::new(64, 3);
    let receiver = Keypair::from_seed(&[64; 32]);
    let voice = village.coop.voice_of(2);
    let action = Action::Receive {
        chain: voice,
        key: receiver.public_key(),
        recovery: receiver.public_key(),
    };
    let proposal = of_actions(&village, &[action]);
    let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    village.until("ready", |v| ready_of(v, &opening).is_some());
    village.rounds(30);
    for node in &village.nodes {
        assert!(!node.set().is_frozen(&voice));
        let tip = node.set().spine(&node.set().authority()).last().copied();
        assert_eq!(node.set().office_tip(), tip, "the registrar goes on");
    }
}

/// The registrar seals the treasury below what it paid, so that the payment
/// does not stand and the decision is to be carried out again.
#[test]
fn decided_payment_that_a_seal_leaves_out_is_made_again() {
    let mut village = Village::new(67, 3);
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    let proposal = budget(&village);
    let key = operation_key(village.coop.domain(), proposal.id(), 0);
    propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    let paid = |v: &Village| {
        let (node, ledger) = (&v.nodes[0], v.nodes[0].ledger(&credits).unwrap());
        ledger.payment(node.set(), &treasury, &key)
    };
    village.until("paid", |v| paid(v).is_some());
    let first = paid(&village);
    let (registrar, owner) = (Registrar::join(&village), village.coop.treasury_key.clone());
    registrar.rotate(&mut village, treasury, None, &owner, &owner);
    village.until("paid again", |v| {
        paid(v).is_some_and(|id| Some(id) != first)
    });
    village.rounds(30);
    assert_eq!(village.posted(0, credits, treasury), -5_000, "once");
}

/// Whether the audit log tells of an entry that draws on an envelope.
pub(super) fn has_line(node: &Node, record: RecordId) -> bool {
    let mut lines = node.audit().lines(node.set());
    lines.any(|logged| match logged.line.event {
        AuditEvent::Drawn { entry, .. } => entry == record,
        _ => false,
    })
}

/// Two tranches of 100 for the supplier, decided and ready.
pub(super) fn decide_envelope(village: &mut Village) -> RecordId {
    let envelope = Envelope {
        payer: village.coop.treasury(),
        payee: Some(village.coop.supplier()),
        unit: village.coop.credits,
        tranche: Amount::new(100).unwrap(),
        tranches: 2,
        interval: 5_000,
    };
    let proposal = of_actions(village, &[Action::Envelope(envelope)]);
    let opening = propose_and_vote(village, proposal, &[Choice::Yes; 3]);
    village.until("ready", |v| ready_of(v, &opening).is_some());
    ready_of(village, &opening).unwrap()
}

/// A payment of so many atoms out of the envelope.
pub(super) fn out_of_envelope(village: &Village, ready: RecordId, atoms: u64) -> PaymentRequest {
    let (node, supplier) = (&village.nodes[0], village.coop.supplier());
    let ledger = node.ledger(&village.coop.credits).unwrap();
    let mut request = hours(supplier, 1, 0);
    request.legs = List::new([Leg {
        payee: supplier,
        amount: Amount::new(atoms).unwrap(),
    }])
    .unwrap();
    request.key = ledger.drawn(node.set(), &ready, 0).unwrap().next;
    request.decision = Some((ready, 0));
    request
}

#[test]
fn envelope_pays_together_with_its_audit_line_whichever_way_the_commit_fails() {
    let mut village = Village::new(65, 3);
    let ready = decide_envelope(&mut village);
    let request = out_of_envelope(&village, ready, 60);
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    let before = Moment::of(65, &village);
    let trial = before.trial(0, |village, store| village.open_on(0, store));
    let ask = |village: &mut Village| {
        let times = village.times();
        let paid = village.nodes[0].pay(&credits, &treasury, &request, times);
        Ok(vec![block_on(paid)?])
    };
    trial.is_carried_out_once(ask, |village, paid| {
        assert!(has_line(&village.nodes[0], paid[0].id()), "in one commit");
        village.until("the supplier has it once", |v| {
            (0..3).all(|node| v.posted(node, credits, v.coop.supplier()) == 60)
        });
        village.rounds(5);
        assert_eq!(village.posted(0, credits, treasury), -60);
    });
    for (mut village, was_done) in trial.failures(ask) {
        trial.reopen(&mut village);
        let node = &village.nodes[0];
        let ledger = node.ledger(&credits).unwrap();
        let entry = ledger.payment(node.set(), &treasury, &request.key);
        assert_eq!(entry.is_some(), was_done);
        assert!(entry.is_none_or(|entry| has_line(node, entry)));
    }
}

#[test]
fn envelope_pays_nothing_while_the_audit_log_takes_no_line() {
    let mut village = Village::new(67, 3);
    let ready = decide_envelope(&mut village);
    let request = out_of_envelope(&village, ready, 60);
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    let (times, key) = (village.times(), village.coop.members[0].audit.public_key());
    let node = &mut village.nodes[0];
    let log = node.audit().chain_id();
    let next = EpochRequest {
        chain: log,
        key,
        recovery: key,
        grant: None,
    };
    block_on(node.agree_to_epoch(&next)).unwrap();
    let records = node.set().len();
    let refused = block_on(node.pay(&credits, &treasury, &request, times)).unwrap_err();
    assert_eq!(
        (refused.code(), refused.fault()),
        ("node.no_audit", Fault::Environment)
    );
    let batch = [(treasury, Request::from(request.clone()))];
    for how in [Batch::Atomic, Batch::Independent] {
        let results = block_on(node.author_all(how, &batch, times)).unwrap();
        assert!(
            matches!(results[..], [Err(AuthorError::NoAudit)]),
            "{results:?}"
        );
    }
    assert_eq!(node.set().len(), records, "a refusal writes nothing");
    block_on(node.withdraw(&log)).unwrap();
    let paid = block_on(node.pay(&credits, &treasury, &request, times)).unwrap();
    assert!(has_line(node, paid.id()));
    block_on(node.freeze(&log, times)).unwrap();
    let again = block_on(node.pay(&credits, &treasury, &request, times)).unwrap();
    assert_eq!(
        again,
        Authored::Again(paid.id()),
        "what was paid is answered for"
    );
}

#[test]
fn only_a_claim_is_settled_and_only_by_a_confirmed_decision() {
    let mut village = Village::new(66, 3);
    let ready = decide_envelope(&mut village);
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    let payment = out_of_envelope(&village, ready, 60);
    let times = village.times();
    let paid = block_on(village.nodes[0].pay(&credits, &treasury, &payment, times)).unwrap();
    village.until("the supplier has it", |v| {
        v.posted(0, credits, v.coop.supplier()) == 60 && v.agree()
    });
    let mut request = SettlementRequest {
        claim: LegId {
            record: paid.id(),
            leg: 0,
        },
        key: out_of_envelope(&village, ready, 1).key,
        decision: (ready, 0),
        effective: None,
        memo: None,
        cause: None,
    };
    let mut settle = |request: &SettlementRequest| {
        let asked = village.nodes[0].settle(&credits, &treasury, request, times);
        block_on(asked).unwrap_err()
    };
    let error = settle(&request);
    assert!(
        matches!(error, AuthorError::Money(Refusal::NoClaim)),
        "it stands: {error:?}"
    );
    request.key = payment.key;
    let error = settle(&request);
    let conflict = Refusal::KeyConflict { first: paid.id() };
    assert!(matches!(error, AuthorError::Money(refusal) if refusal == conflict));
    request.decision.0 = paid.id();
    assert!(matches!(settle(&request), AuthorError::Vote(_)), "no Ready");
}

#[test]
fn envelope_is_paid_by_and_by_as_its_tranches_are_released() {
    let mut village = Village::new(63, 3);
    let (credits, treasury, supplier) = (
        village.coop.credits,
        village.coop.treasury(),
        village.coop.supplier(),
    );
    let ready = decide_envelope(&mut village);
    let drawn = |village: &Village| {
        let node = &village.nodes[0];
        let ledger = node.ledger(&credits).unwrap();
        ledger.drawn(node.set(), &ready, 0).unwrap()
    };
    let pay = |village: &mut Village, atoms: u64| {
        let request = out_of_envelope(village, ready, atoms);
        let times = village.times();
        let paid = block_on(village.nodes[0].pay(&credits, &treasury, &request, times));
        let Ok(paid) = paid else {
            return false;
        };
        let node = &village.nodes[0];
        assert!(has_line(node, paid.id()), "in one commit");
        let again = block_on(village.nodes[0].pay(&credits, &treasury, &request, times));
        assert_eq!(again.unwrap(), Authored::Again(paid.id()));
        true
    };
    assert!(pay(&mut village, 60));
    assert!(!pay(&mut village, 41), "one tranche is 100");
    assert!(pay(&mut village, 40));
    village.until("the second tranche is released", |v| {
        drawn(v).release.is_some()
    });
    assert!(pay(&mut village, 100));
    assert!(!pay(&mut village, 1), "all is paid");
    village.until("the supplier has all of it", |v| {
        (0..3).all(|node| v.posted(node, credits, supplier) == 200) && v.agree()
    });
    for node in &village.nodes {
        let text = node.audit().export(node.set()).unwrap();
        let report = verify(&text, node.audit().head(node.set())).unwrap();
        let entries: Vec<RecordId> = report.payments.iter().map(|one| one.entry).collect();
        let posted = village.nodes[0].query(&credits).unwrap();
        let posted = posted.by_date(Dates::ALL, Order::OldestFirst, None, PAGE);
        let paid = posted
            .rows
            .iter()
            .filter(|row| row.entry.decision().is_some());
        let paid: BTreeSet<RecordId> = paid.map(|row| row.record).collect();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries.into_iter().collect::<BTreeSet<_>>(), paid);
    }
    let drawn = drawn(&village);
    assert_eq!((drawn.released, drawn.paid, drawn.payments), (200, 200, 3));
}
