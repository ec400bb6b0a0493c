//! The audit log where its signer fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use futures::executor::block_on;
use icn_events::audit::{AuditEvent, verify};
use icn_events::node::{AuthorError, Authored, Node, NodeEvent, NodeSettings};
use icn_governance::body::Choice;
use icn_ledger::batch::Batch;
use icn_ledger::request::Request;
use icn_types::authority::operation_key;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::RecordId;
use icn_types::key::{Keypair, PublicKey, SignError, Signature, Signer};
use icn_types::record::Kind;

use super::batch::bundle_of;
use super::coop::Village;
use super::mandates::{decide_envelope, has_line, out_of_envelope};
use super::{budget, hours, propose_and_vote};

/// A key store that gives so many signatures more.
struct Fickle {
    key: Keypair,
    left: AtomicI64,
}

impl Fickle {
    fn give(&self, signatures: i64) {
        self.left.store(signatures, Ordering::Relaxed);
    }
}

impl Signer for Fickle {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) > 0 {
            self.key.sign(message)
        } else {
            Err(SignError::Unavailable)
        }
    }
}

/// Opens the first node, registrar and treasurer, with a key store of its own
/// for the audit log.
fn with_fickle_auditor(village: &mut Village) -> Arc<Fickle> {
    let coop = &village.coop;
    let person = &coop.members[0];
    let auditor = Arc::new(Fickle {
        key: person.audit.clone(),
        left: AtomicI64::new(i64::MAX),
    });
    let store = Arc::new(village.stores[0].clone());
    let transport = Arc::new(village.network.join(person.peer()));
    let settings = NodeSettings::new(coop.genesis.clone(), store, transport).unwrap();
    let mut settings = settings
        .with_confirmations(None)
        .with_signer(auditor.clone());
    for signer in [
        &person.key,
        &person.teller,
        &coop.registrar,
        &coop.treasury_key,
    ] {
        settings = settings.with_signer(Arc::new(signer.clone()));
    }
    village.nodes[0] = block_on(settings.open()).unwrap();
    auditor
}

fn events_of(node: &Node) -> Vec<AuditEvent> {
    let lines = node.audit().lines(node.set());
    lines.map(|logged| logged.line.event).collect()
}

/// The entry that carried out the budget, as the first node knows it.
fn paid(village: &Village) -> Option<RecordId> {
    let node = &village.nodes[0];
    let key = operation_key(node.set().domain(), budget(village).id(), 0);
    let ledger = node.ledger(&village.coop.credits).unwrap();
    ledger.payment(node.set(), &village.coop.treasury(), &key)
}

#[test]
fn audit_signer_that_fails_holds_up_decided_money_and_nothing_else() {
    let mut village = Village::new(91, 3);
    let auditor = with_fickle_auditor(&mut village);
    auditor.give(0);
    let failures = Arc::new(AtomicUsize::new(0));
    let (counted, key) = (Arc::clone(&failures), auditor.public_key());
    let subscription = village.nodes[0].events().subscribe(move |event| {
        let error = SignError::Unavailable;
        if *event == (NodeEvent::Unsigned { key, error }) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let proposal = budget(&village);
    let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    let (unit, alice, bob) = (
        village.coop.hours,
        village.coop.hours_of(0),
        village.coop.hours_of(1),
    );
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 1), times)).unwrap();
    village.until("the decision is ready", |v| {
        let office = v.nodes[0].set().office().unwrap();
        office.decision(&opening).unwrap().ready().is_some()
    });
    let seals = |village: &Village| {
        let set = village.nodes[0].set();
        let records = set.slots().map(|slot| set.record(slot).kind());
        records.filter(|kind| *kind == Kind::SEAL).count()
    };
    let before = (failures.load(Ordering::Relaxed), seals(&village));
    village.rounds(50);
    assert_eq!(village.posted(2, unit, alice), 3_600, "it acknowledges");
    assert!(seals(&village) > before.1, "it seals");
    assert_eq!(
        (paid(&village), events_of(&village.nodes[0])),
        (None, vec![])
    );
    let told = failures.load(Ordering::Relaxed) - before.0;
    assert_eq!(told, 50, "once in each step");

    auditor.give(i64::MAX);
    village.until("paid", |v| paid(v).is_some());
    let lines = events_of(&village.nodes[0]);
    assert!(
        matches!(
            lines[..],
            [
                AuditEvent::Opened { .. },
                AuditEvent::Closed { .. },
                AuditEvent::Paid { entry, .. },
            ] if Some(entry) == paid(&village)
        ),
        "{lines:?}"
    );
    village.until("nodes agree", Village::agree);
    let node = &village.nodes[0];
    let text = node.audit().export(node.set()).unwrap();
    assert_eq!(verify(&text, None).unwrap().payments.len(), 1);
    drop(subscription);
}

#[test]
fn decided_money_comes_with_its_line_after_however_many_signatures_the_auditor_fails() {
    for signatures in 0..4 {
        let mut village = Village::new(92, 3);
        let auditor = with_fickle_auditor(&mut village);
        auditor.give(signatures);
        let proposal = budget(&village);
        propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
        let is_told = |village: &mut Village| {
            village.round();
            let entries = events_of(&village.nodes[0]).into_iter();
            let told = entries.filter_map(|event| match event {
                AuditEvent::Paid { entry, .. } => Some(entry),
                _ => None,
            });
            assert_eq!(told.collect::<Vec<_>>(), Vec::from_iter(paid(village)));
        };
        for _ in 0..60 {
            is_told(&mut village);
        }
        assert_eq!(paid(&village).is_some(), signatures >= 3, "{signatures}");
        auditor.give(i64::MAX);
        for _ in 0..20 {
            is_told(&mut village);
        }
        assert!(paid(&village).is_some());
        assert_eq!(events_of(&village.nodes[0]).len(), 3);
    }
}

/// What the log did not take while the vote ran comes along with the payment.
#[test]
fn request_that_carries_out_a_decision_is_refused_until_the_auditor_signs_all_it_needs() {
    let mut village = Village::new(93, 3);
    let auditor = with_fickle_auditor(&mut village);
    auditor.give(0);
    let ready = decide_envelope(&mut village);
    let request = out_of_envelope(&village, ready, 60);
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    let times = village.times();
    let node = &mut village.nodes[0];
    let records = node.set().len();
    for signatures in 0..3 {
        auditor.give(signatures);
        let refused = block_on(node.pay(&credits, &treasury, &request, times)).unwrap_err();
        assert_eq!(
            (refused.code(), refused.fault()),
            ("node.no_audit", Fault::Environment)
        );
        assert_eq!(node.set().len(), records, "a refusal writes nothing");
    }
    auditor.give(3);
    let paid = block_on(node.pay(&credits, &treasury, &request, times)).unwrap();
    let lines = events_of(node);
    assert!(
        matches!(
            lines[..],
            [
                AuditEvent::Opened { .. },
                AuditEvent::Closed { .. },
                AuditEvent::Drawn { entry, .. },
            ] if entry == paid.id()
        ),
        "{lines:?}"
    );
    auditor.give(0);
    let again = block_on(node.pay(&credits, &treasury, &request, times)).unwrap();
    assert_eq!(again, Authored::Again(paid.id()), "what was paid");
}

/// A decided payment, what the same account says beside it, and the same
/// payment once more.
#[test]
fn batch_carries_out_what_needs_no_line_while_the_auditor_does_not_sign() {
    let mut village = Village::new(94, 3);
    let auditor = with_fickle_auditor(&mut village);
    let ready = decide_envelope(&mut village);
    let first = out_of_envelope(&village, ready, 60);
    let (treasury, supplier) = (village.coop.treasury(), village.coop.supplier());
    let says = bundle_of(supplier, &[(treasury, 7), (village.coop.hours_of(0), 8)]);
    let batch = [
        Request::from(first.clone()),
        Request::from(says),
        Request::from(first),
    ]
    .map(|request| (treasury, request));
    let times = village.times();
    let node = &mut village.nodes[0];
    let mut ask = |how| {
        let before = node.set().len();
        let results = block_on(node.author_all(how, &batch, times)).unwrap();
        let paid = results[0].as_ref().map(|paid| has_line(node, paid.id()));
        (node.set().len() - before, paid.ok(), results)
    };
    auditor.give(0);
    let (written, _, results) = ask(Batch::Atomic);
    assert!(
        matches!(results[..], [Err(AuthorError::NoAudit), Err(_), Err(_)]) && written == 0,
        "{results:?}"
    );
    let (written, _, results) = ask(Batch::Independent);
    let [one, says, two] = &results[..] else {
        panic!("one result for each request");
    };
    for waits in [one, two] {
        assert!(matches!(waits, Err(AuthorError::NoAudit)), "{waits:?}");
    }
    assert!(matches!(says, Ok(Authored::New(_))) && written == 1);
    auditor.give(1);
    let (written, is_told, results) = ask(Batch::Independent);
    assert!(matches!(results[0], Ok(Authored::New(_))), "{results:?}");
    assert_eq!((written, is_told), (2, Some(true)), "with its line");
    let (written, is_told, results) = ask(Batch::Independent);
    let is_again = |result: &Result<_, _>| matches!(result, Ok(Authored::Again(_)));
    assert!(results.iter().all(is_again), "{results:?}");
    assert_eq!((written, is_told), (0, Some(true)));
}
