//! Decisions and what follows from them, node by node.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::audit::AuditEvent;
use icn_events::node::{Authored, EpochRequest};
use icn_governance::body::{Choice, Proposal, Subject};
use icn_ledger::entry::PAYMENT;
use icn_types::amount::Amount;
use icn_types::authority::{Act, Action, Outcome, Raise, Start, Tip, operation_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId};
use icn_types::key::{Keypair, Signer as _};
use icn_types::record::{Attachment, Kind};
use icn_types::time::{Ticks, Times, Timestamp};

use super::coop::{Registrar, Village};
use super::{budget, hours, opening_of, propose_and_vote};

const PERIOD: u64 = 1_000;
const TIMELOCK: u64 = 500;

fn outcome(village: &Village, node: usize, opening: &RecordId) -> Option<Outcome> {
    let office = village.nodes[node].set().office()?;
    Some(office.decision(opening)?.close()?.2)
}

fn until_decided(village: &mut Village, opening: RecordId) {
    village.until("every node knows the outcome", |v| {
        (0..v.nodes.len()).all(|node| outcome(v, node, &opening).is_some())
    });
}

fn text(village: &Village, nonce: u8) -> Proposal {
    Proposal {
        proposer: village.coop.members[0].inception.id(),
        nonce: [nonce; 32],
        subject: Subject::Text,
        text: Attachment::new(&[1; 32], b"we meet on Tuesdays"),
    }
}

fn of_amount(village: &Village, amount: u64) -> Proposal {
    let coop = &village.coop;
    let action = Action::Pay {
        payer: coop.treasury(),
        payee: coop.supplier(),
        unit: coop.credits,
        amount: Amount::new(amount).unwrap(),
    };
    Proposal {
        subject: Subject::Actions(List::new([action]).unwrap()),
        ..budget(village)
    }
}

/// The events that a node recorded about a proposal.
fn lines(village: &Village, node: usize, proposal: &Proposal) -> Vec<AuditEvent> {
    let node = &village.nodes[node];
    node.audit()
        .of_proposal(node.set(), &proposal.id())
        .map(|logged| logged.line.event)
        .collect()
}

fn supplier_has(village: &Village, node: usize) -> i128 {
    village.posted(node, village.coop.credits, village.coop.supplier())
}

#[test]
fn rejected_budget_pays_nothing() {
    let mut village = Village::new(41, 3);
    let proposal = budget(&village);
    let opening = propose_and_vote(
        &mut village,
        proposal.clone(),
        &[Choice::No, Choice::No, Choice::Yes],
    );
    until_decided(&mut village, opening);
    village.rounds(50);
    for node in 0..3 {
        assert_eq!(outcome(&village, node, &opening), Some(Outcome::Rejected));
        let office = village.nodes[node].set().office().unwrap();
        assert!(office.decision(&opening).unwrap().ready().is_none());
        assert_eq!(supplier_has(&village, node), 0);
        assert_eq!(
            lines(&village, node, &proposal).len(),
            2,
            "opened and closed"
        );
    }
    assert!(village.agree());
}

#[test]
fn accepted_text_moves_no_money() {
    let mut village = Village::new(42, 3);
    let proposal = text(&village, 1);
    let opening = propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 3]);
    until_decided(&mut village, opening);
    village.rounds(50);
    for node in 0..3 {
        assert_eq!(outcome(&village, node, &opening), Some(Outcome::Accepted));
        assert_eq!(supplier_has(&village, node), 0);
        let lines = lines(&village, node, &proposal);
        assert!(matches!(
            lines[..],
            [AuditEvent::Opened { .. }, AuditEvent::Closed { .. }]
        ));
    }
}

#[test]
fn period_and_timelock_pass_before_the_money_moves() {
    let mut village = Village::new(43, 3);
    let proposal = budget(&village);
    let opening = propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 3]);
    village.until("paid", |v| supplier_has(v, 0) == 5_000);
    let set = village.nodes[0].set();
    let at = |id: &RecordId| set.record(set.find(id).unwrap()).at();
    let decision = set.office().unwrap().decision(&opening).unwrap();
    let (close, closed_at, _) = decision.close().unwrap();
    let ready = decision.ready().unwrap();
    let shuts = set
        .slots()
        .map(|slot| set.record(slot))
        .filter(|record| record.kind() == icn_governance::body::SHUT);
    for shut in shuts {
        assert!(shut.at() >= at(&opening).saturating_add(PERIOD));
    }
    assert_eq!(at(&close), closed_at);
    assert!(at(&ready) >= closed_at.saturating_add(TIMELOCK));
    let key = operation_key(set.domain(), proposal.id(), 0);
    let ledger = village.nodes[0].ledger(&village.coop.credits).unwrap();
    let paid = ledger.payment(set, &village.coop.treasury(), &key).unwrap();
    assert!(at(&paid) >= at(&ready));
}

#[test]
fn vote_after_the_shuts_is_refused_and_changes_nothing() {
    let mut village = Village::new(44, 3);
    let proposal = text(&village, 1);
    let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes, Choice::Yes]);
    until_decided(&mut village, opening);
    let (times, voice) = (village.times(), village.coop.voice_of(2));
    let late = block_on(village.nodes[2].vote(&voice, opening, Choice::No, times));
    assert!(matches!(late, Err(icn_events::node::AuthorError::Vote(_))));
    assert_eq!(outcome(&village, 2, &opening), Some(Outcome::Accepted));
}

#[test]
fn same_proposal_twice_is_one_vote_and_one_payment() {
    let mut village = Village::new(45, 3);
    let proposal = budget(&village);
    let opening = propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 3]);
    let voice = village.coop.voice_of(0);
    for _ in 0..40 {
        let times = village.times();
        let again = block_on(village.nodes[0].propose(&voice, proposal.clone(), times)).unwrap();
        assert!(matches!(again, Authored::Again(_)));
        village.round();
    }
    until_decided(&mut village, opening);
    village.until("paid", |v| supplier_has(v, 2) == 5_000);
    village.rounds(30);
    assert_eq!(
        village.nodes[2].set().office().unwrap().decisions().len(),
        1
    );
    assert_eq!(supplier_has(&village, 2), 5_000);
}

#[test]
fn same_budget_proposed_anew_is_another_decision() {
    let mut village = Village::new(46, 3);
    for nonce in [1, 2] {
        let proposal = Proposal {
            nonce: [nonce; 32],
            ..of_amount(&village, 3_000)
        };
        propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    }
    village.until("both are paid", |v| {
        (0..3).all(|node| supplier_has(v, node) == 6_000) && v.agree()
    });
}

#[test]
fn treasury_at_its_floor_waits_for_a_raise_and_pays_once() {
    let mut village = Village::new(47, 3);
    let proposal = of_amount(&village, 15_000);
    let opening = propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 3]);
    village.until("the decision is ready", |v| {
        let office = v.nodes[0].set().office().unwrap();
        office.decision(&opening).unwrap().ready().is_some()
    });
    village.rounds(30);
    assert_eq!(supplier_has(&village, 0), 0, "the floor is at -10000");
    village.reopen(0);
    village.rounds(30);
    assert_eq!(supplier_has(&village, 0), 0);

    let registrar = Registrar::join(&village);
    let treasury = village.coop.treasury();
    let open = village.nodes[0]
        .set()
        .office()
        .unwrap()
        .seat(&treasury)
        .unwrap()
        .open();
    registrar.act(
        &mut village,
        &Act::Raise(Raise {
            open,
            floor: -20_000,
        }),
    );
    village.reopen(0);
    village.until("paid", |v| {
        (0..3).all(|node| supplier_has(v, node) == 15_000) && v.agree()
    });
    village.reopen(0);
    village.rounds(30);
    assert_eq!(village.posted(2, village.coop.credits, treasury), -15_000);
    assert_eq!(village.forks(), []);
    for node in 0..3 {
        let paid = lines(&village, node, &proposal);
        assert_eq!(paid.len(), 3, "opened, closed, paid");
    }
}

/// Two nodes hold the treasury's key, as in a hand-over that was not finished.
/// Each pays; the supplier takes one at most, and after the registrar has
/// settled the fork exactly one stands.
/// Every node learns of the decision by itself. What one of them knows is told
/// to another once more, newest first, while a third is cut off.
#[test]
fn five_nodes_that_hear_everything_twice_and_late_pay_once() {
    let mut village = Village::new(49, 5);
    let echo = Registrar::join(&village);
    let proposal = budget(&village);
    propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 5]);
    for round in 0..100 {
        let [from, to, cut] = [0, 1, 2].map(|shift| (round + shift) % 5);
        echo.repeat(&village.nodes[from], village.peer(to));
        let others: Vec<_> = [from, to].map(|member| village.peer(member)).into();
        for other in &others {
            village.network.disconnect(village.peer(cut), *other);
        }
        village.rounds(2);
        for other in &others {
            village.network.reconnect(village.peer(cut), *other);
        }
    }
    village.until("nodes agree", |v| {
        v.agree()
            && (0..5).all(|node| {
                let audit = v.nodes[node].audit();
                let paid = audit.payment(v.nodes[node].set(), &proposal.id(), 0);
                paid.is_some()
            })
    });
    let treasury = village.coop.treasury();
    for node in &village.nodes {
        let set = node.set();
        let written = set.slots().map(|slot| set.record(slot));
        let written = written.filter(|record| record.chain() == treasury);
        let payments = written.filter(|record| record.kind() == PAYMENT);
        assert_eq!(payments.count(), 1);
        let text = node.audit().export(set).unwrap();
        let report = icn_events::audit::verify(&text, None).unwrap();
        assert_eq!(report.payments.len(), 1);
    }
    assert!(village.forks().is_empty());
}

#[test]
fn two_treasurers_never_pay_twice_and_no_audit_line_is_held_up() {
    let mut village = Village::new(48, 3);
    let coop = &village.coop;
    // The registrar is no treasurer here: the others hear of the Ready at once.
    for (member, office) in [(0, &coop.registrar), (2, &coop.treasury_key)] {
        let transport = Arc::new(village.network.join(coop.members[member].peer()));
        let store = Arc::new(village.stores[member].clone());
        let settings = coop.plain(member, store, transport);
        let settings = settings.with_signer(Arc::new(office.clone()));
        village.nodes[member] = block_on(settings.open()).unwrap();
    }
    let settings = coop
        .settings(1, Arc::new(village.stores[1].clone()), &village.network)
        .with_signer(Arc::new(coop.treasury_key.clone()));
    village.nodes[1] = block_on(settings.open()).unwrap();
    let proposal = budget(&village);
    let opening = propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 3]);
    let (one, other) = (village.peer(1), village.peer(2));
    village.network.disconnect(one, other);
    // Equal clocks would make both write the same record, which is no fork.
    for _ in 0..200 {
        village.now += 100;
        for node in 0..3 {
            let mut times = village.times();
            times.now = times.now.saturating_add(node as u64);
            block_on(village.nodes[node].step(times)).unwrap();
        }
        if !village.forks().is_empty() {
            break;
        }
    }
    assert!(!village.forks().is_empty(), "two treasurers paid");
    village.network.reconnect(one, other);
    village.rounds(50);
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    for node in 0..3 {
        let node = &village.nodes[node];
        let ledger = node.ledger(&credits).unwrap();
        let supplier = ledger.positions(node.set(), &village.coop.supplier());
        assert!(supplier.posted.get() + supplier.contested.get() <= 5_000);
        assert!(node.set().fork(&treasury).is_some());
    }
    village.until("nodes agree", |v| v.agree() && v.labels_agree());

    settle(&mut village, treasury, &proposal);
    village.until("one payment stands", |v| {
        (0..3).all(|node| v.posted(node, credits, treasury) == -5_000) && v.agree()
    });
    village.rounds(30);
    for node in 0..3 {
        let node = &village.nodes[node];
        let ledger = node.ledger(&credits).unwrap();
        let supplier = ledger.positions(node.set(), &village.coop.supplier());
        assert!(supplier.posted.get() + supplier.contested.get() <= 5_000);
    }
    // Whoever recorded the other branch cannot record a second payment, and
    // still records what comes after.
    for nonce in 1..5 {
        let next = text(&village, nonce);
        let second = propose_and_vote(&mut village, next.clone(), &[Choice::Yes; 3]);
        assert_ne!(second, opening);
        until_decided(&mut village, second);
        village.rounds(20);
        for node in 0..3 {
            assert_eq!(lines(&village, node, &next).len(), 2, "node {node}");
        }
    }
}

/// The registrar honours one branch and opens the next epoch under a new key.
fn settle(village: &mut Village, chain: ChainId, proposal: &Proposal) {
    let registrar = Registrar::join(village);
    let set = village.nodes[0].set();
    let (one, other) = set.fork(&chain).unwrap();
    // The branch that the second node recorded is given up.
    let recorded = village.nodes[1]
        .audit()
        .payment(village.nodes[1].set(), &proposal.id(), 0);
    let AuditEvent::Paid { entry, .. } = recorded.unwrap().line.event else {
        panic!("a payment is recorded as paid");
    };
    let honoured = if set.record(one).id() == entry {
        other
    } else {
        one
    };
    let tip = Tip {
        seq: set.record(honoured).seq(),
        head: set.record(honoured).id(),
    };
    let old = village.coop.treasury_key.clone();
    registrar.rotate(
        village,
        chain,
        Some(tip),
        &old,
        &Keypair::from_seed(&[77; 32]),
    );
}

#[test]
fn clock_that_jumps_back_stops_no_one() {
    let mut village = Village::new(49, 3);
    village.rounds(10);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 1), times)).unwrap();
    village.rounds(10);
    // An hour back by the wall; ticks go on as they must.
    let back = |village: &Village| Times {
        now: Timestamp::from_millis(1),
        ticks: Ticks::from_millis(village.now),
    };
    let times = back(&village);
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 2), times)).unwrap();
    let proposal = text(&village, 1);
    let voice = village.coop.voice_of(0);
    block_on(village.nodes[0].propose(&voice, proposal.clone(), times)).unwrap();
    for _ in 0..30 {
        village.now += 100;
        let times = back(&village);
        for node in &mut village.nodes {
            block_on(node.step(times)).unwrap();
        }
    }
    assert!(village.agree());
    assert_eq!(village.posted(2, unit, alice), 2 * 3600);
    assert!(opening_of(&village, 2, proposal.id()).is_some());
    // On no chain does time go back.
    let set = village.nodes[0].set();
    for (chain, _) in set.chains() {
        let at: Vec<_> = set
            .spine(&chain)
            .iter()
            .map(|slot| set.record(*slot).at())
            .collect();
        assert!(at.is_sorted(), "{chain}");
    }
    // The clock is right again, and the vote goes on.
    let opening = opening_of(&village, 0, proposal.id()).unwrap();
    for member in 0..3 {
        let (times, voice) = (village.times(), village.coop.voice_of(member));
        block_on(village.nodes[member].vote(&voice, opening, Choice::Yes, times)).unwrap();
    }
    until_decided(&mut village, opening);
    let seals = set_of_kind(&village, Kind::SEAL);
    assert!(seals > 0);
    assert_eq!(village.forks(), []);
}

fn set_of_kind(village: &Village, kind: Kind) -> usize {
    let set = village.nodes[0].set();
    set.slots()
        .filter(|slot| set.record(*slot).kind() == kind)
        .count()
}

#[test]
fn rotated_member_pays_under_the_new_key() {
    let mut village = Village::new(50, 3);
    village.rounds(10);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 1), times)).unwrap();
    village.rounds(10);
    let new = Keypair::from_seed(&[78; 32]);
    let old = village.coop.members[1].key.clone();
    let tip = village.tip(0, &bob);
    Registrar::join(&village).rotate(&mut village, bob, tip, &old, &new);
    village.rounds(10);
    let times = village.times();
    let error = block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 2), times));
    assert!(
        matches!(error, Err(icn_events::node::AuthorError::NoKey(_))),
        "{error:?}"
    );
    let settings = village
        .coop
        .settings(1, Arc::new(village.stores[1].clone()), &village.network)
        .with_signer(Arc::new(new.clone()));
    village.nodes[1] = block_on(settings.open()).unwrap();
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 1, 2), times)).unwrap();
    village.until("both payments count", |v| {
        (0..3).all(|node| v.posted(node, unit, alice) == 2 * 3600) && v.agree()
    });
    let seat_key = village.nodes[2]
        .set()
        .office()
        .unwrap()
        .seat(&bob)
        .unwrap()
        .key();
    assert_eq!(seat_key, new.public_key());
    let owner = Owner::Member(village.coop.members[1].inception.id(), 0);
    assert!(matches!(owner, Owner::Member(..)));
    let start = village.nodes[2].set().open(
        &village.nodes[2]
            .set()
            .office()
            .unwrap()
            .seat(&bob)
            .unwrap()
            .open(),
    );
    assert!(matches!(start.unwrap().start, Start::After { .. }));
}

#[test]
fn decided_money_and_its_lines_wait_for_the_next_epoch_of_a_frozen_log() {
    let mut village = Village::new(58, 3);
    let log = village.nodes[0].audit().chain_id();
    let times = village.times();
    block_on(village.nodes[0].freeze(&log, times)).unwrap();
    let proposal = budget(&village);
    let opening = propose_and_vote(&mut village, proposal.clone(), &[Choice::Yes; 3]);
    until_decided(&mut village, opening);
    let (credits, supplier) = (village.coop.credits, village.coop.supplier());
    village.rounds(20);
    assert_eq!(lines(&village, 0, &proposal), []);
    assert_eq!(
        village.posted(0, credits, supplier),
        0,
        "no money without a line"
    );
    let key = village.coop.members[0].audit.public_key();
    let request = EpochRequest {
        chain: log,
        key,
        recovery: key,
        grant: None,
    };
    let agreed = block_on(village.nodes[0].agree_to_epoch(&request)).unwrap();
    let times = village.times();
    block_on(village.nodes[0].open_epoch(&request, agreed, 0, times)).unwrap();
    village.until("opened, closed and paid", |v| {
        lines(v, 0, &proposal).len() == 3 && v.posted(0, credits, supplier) == 5_000
    });
}
