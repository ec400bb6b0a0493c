//! Receiverships and envelopes on the authority chain: each rule of theirs is
//! broken once.

use super::*;
use crate::amount::Amount;
use crate::authority::{Action, Consent, Envelope, ProposalId, Release};
use crate::key::{Keypair, PeerId, Signer as _};
use crate::testkit::stage::key_of;

const PROPOSAL: ProposalId = ProposalId::from_bytes([5; 32]);

fn receiver() -> Keypair {
    key_of(1, "receiver", 0)
}

/// Two accounts, of which the first goes to a receiver if `actions` say so.
fn decided(
    actions: impl Fn(&Stage, ChainId) -> Vec<Action>,
) -> (Stage, ChainId, Option<Tip>, RecordId) {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let tip = stage.tip(&a);
    let actions = actions(&stage, a);
    let ready = stage.decide(PROPOSAL, &actions);
    (stage, a, tip, ready)
}

fn appointed() -> (Stage, ChainId, Option<Tip>, RecordId) {
    decided(|stage, chain| Vec::from([stage.receivership(chain, &receiver())]))
}

/// The chain in the hands of its receiver.
fn received() -> (Stage, ChainId, Option<Tip>, RecordId) {
    let (mut stage, a, tip, ready) = appointed();
    stage.seal_at(&a, tip, Finality::Final);
    let open = stage.receive(&a, tip, &receiver(), (ready, 0));
    assert!(verdict(&stage, &open).is_valid());
    (stage, a, tip, ready)
}

/// The next Open of a chain with the consent of some key.
fn next(stage: &mut Stage, chain: &ChainId, consent: impl Fn(&[u8]) -> Consent) -> RecordId {
    let tip = stage.tip(chain);
    stage.seal_at(chain, tip, Finality::Final);
    let prior = stage.open_of(chain);
    let defined = stage.set.open(&prior).unwrap().chain;
    let key = stage.draw_key();
    let start = Start::After { prior, tip };
    let mut open = stage.open_body(defined, &key, start, 0, None, &key);
    let terms = crate::canon::to_bytes(&open.consent_terms(stage.domain()));
    open.consent = consent(&terms);
    stage.act(&Act::Open(open), &[])
}

#[test]
fn a_receiver_writes_from_the_sealed_head_and_the_owner_no_longer() {
    let (mut stage, a, tip, _) = received();
    let written = note(&mut stage, &a, 1);
    assert_eq!(spine_ids(&stage.set, &a), [tip.unwrap().head, written]);
    let seat = *stage.set.office().unwrap().seat(&a).unwrap();
    assert_eq!(seat.key(), receiver().public_key());
    assert!(stage.set.office().unwrap().has_received(&PROPOSAL, 0));
}

#[test]
fn the_next_open_starts_first_or_at_a_final_seal() {
    let (mut stage, a, tip, _) = appointed();
    let unopened = ChainId::from_bytes([9; 32]);
    assert_eq!(stage.set.next_start(&unopened), Some(Start::First));
    assert_eq!(stage.set.next_start(&a), None);
    stage.seal_at(&a, tip, Finality::Open);
    assert_eq!(stage.set.next_start(&a), None, "a checkpoint ends nothing");
    let prior = stage.open_of(&a);
    stage.seal_at(&a, tip, Finality::Final);
    let start = Start::After { prior, tip };
    assert_eq!(stage.set.next_start(&a), Some(start));
}

#[test]
fn a_registrar_alone_takes_no_account() {
    let (mut before, a, tip, ready) = appointed();
    before.seal_at(&a, tip, Finality::Final);
    let foreign = before.draw_key();
    let charter = before.records[0].id();
    let wrong = [
        ("another key", &foreign, (ready, 0)),
        ("no such action", &receiver(), (ready, 1)),
        ("no ready", &receiver(), (charter, 0)),
    ];
    for (what, key, action) in wrong {
        let mut stage = before.clone();
        let open = stage.receive(&a, tip, key, action);
        assert_eq!(broken(&stage, &open), "open.decision", "{what}");
    }
    let (mut stage, a, _, _) = appointed();
    let open = next(&mut stage, &a, |terms| {
        Consent::Current(receiver().sign(terms).unwrap())
    });
    assert_eq!(
        broken(&stage, &open),
        "open.consent",
        "a signature by value"
    );
}

#[test]
fn an_open_that_names_a_decision_refs_it() {
    let (mut stage, a, tip, ready) = appointed();
    stage.seal_at(&a, tip, Finality::Final);
    let mut other = stage.clone();
    let id = other.receive(&a, tip, &receiver(), (ready, 0));
    let open = other.set.open(&id).unwrap().clone();
    let id = stage.act(&Act::Open(open), &[]);
    assert_eq!(broken(&stage, &id), "open.decision");
}

#[test]
fn a_decision_about_another_account_or_recovery_key_appoints_nobody() {
    let other_chain = |stage: &Stage, _| {
        let other = ChainId::from_bytes([4; 32]);
        Vec::from([stage.receivership(other, &receiver())])
    };
    let other_recovery = |_: &Stage, chain| {
        Vec::from([Action::Receive {
            chain,
            key: receiver().public_key(),
            recovery: receiver().public_key(),
        }])
    };
    let mut opened = Vec::new();
    for (mut stage, a, tip, ready) in [decided(other_chain), decided(other_recovery)] {
        stage.seal_at(&a, tip, Finality::Final);
        let open = stage.receive(&a, tip, &receiver(), (ready, 0));
        opened.push(broken(&stage, &open));
    }
    assert_eq!(opened, ["open.decision"; 2]);
}

#[test]
fn only_a_chain_that_was_sealed_for_good_is_received() {
    let (mut stage, a, tip, ready) = appointed();
    let open = stage.receive(&a, tip, &receiver(), (ready, 0));
    assert_eq!(broken(&stage, &open), "open.head");
    let (mut stage, a, tip, ready) = appointed();
    stage.seal_at(&a, tip, Finality::Open);
    let open = stage.receive(&a, tip, &receiver(), (ready, 0));
    assert_eq!(broken(&stage, &open), "open.head");
}

#[test]
fn a_chain_without_an_epoch_is_not_received() {
    let mut stage = Stage::new(1, 2);
    let owner = Owner::Member(stage.members()[0].inception.id(), 0);
    let chain = stage.ledger(UNIT).chain(owner);
    let action = stage.receivership(chain.id(), &receiver());
    let ready = stage.decide(PROPOSAL, &[action]);
    let key = receiver();
    let mut open = stage.open_body(chain, &key, Start::First, 0, Some(GRANT), &key);
    open.consent = Consent::Decision { ready, action: 0 };
    let id = stage.act(&Act::Open(open), &[ready]);
    assert_eq!(broken(&stage, &id), "open.decision");
}

#[test]
fn nobody_votes_tells_or_records_for_somebody_else() {
    let mut stage = Stage::new(1, 2);
    let governance = stage.governance();
    let member = Owner::Member(stage.members()[0].inception.id(), 0);
    let node = PeerId::new(stage.registrar().public_key());
    let audit = Topic::Audit(stage.domain(), node);
    for (number, chain) in (0..).zip([
        governance.chain(member),
        governance.chain(Owner::Teller(0)),
        audit.chain(Owner::Node(node)),
    ]) {
        let key = match chain.owner() {
            Owner::Member(..) => stage.members()[0].key.clone(),
            _ => stage.draw_key(),
        };
        let chain = stage.open(chain, key, None);
        let action = stage.receivership(chain, &receiver());
        let proposal = ProposalId::from_bytes([number; 32]);
        let ready = stage.decide(proposal, &[action]);
        stage.seal_at(&chain, None, Finality::Final);
        let mut stage = stage.clone();
        let open = stage.receive(&chain, None, &receiver(), (ready, 0));
        assert_eq!(broken(&stage, &open), "open.decision");
    }
}

#[test]
fn a_decision_opens_one_epoch() {
    let (mut stage, a, tip, ready) = received();
    stage.seal_at(&a, tip, Finality::Final);
    let again = stage.receive(&a, tip, &receiver(), (ready, 0));
    assert_eq!(broken(&stage, &again), "open.twice");
}

/// Whoever holds the receiver's key and the registrar's could otherwise open
/// an epoch that nothing limits.
#[test]
fn a_receiver_hands_over_to_nobody_and_the_recovery_key_takes_the_account_back() {
    let (stage, a, _, _) = received();
    let mut alone = stage.clone();
    let open = next(&mut alone, &a, |terms| {
        Consent::Current(receiver().sign(terms).unwrap())
    });
    assert_eq!(broken(&alone, &open), "open.consent");
    let mut owner = stage;
    let recovery = owner.recovery_key();
    let open = next(&mut owner, &a, |terms| {
        Consent::Recovery(recovery.sign(terms).unwrap())
    });
    assert!(verdict(&owner, &open).is_valid());
}

#[test]
fn another_decision_replaces_a_receiver() {
    let (mut stage, a, tip, _) = received();
    let second = stage.draw_key();
    let action = stage.receivership(a, &second);
    let ready = stage.decide(ProposalId::from_bytes([6; 32]), &[action]);
    stage.seal_at(&a, tip, Finality::Final);
    let open = stage.receive(&a, tip, &second, (ready, 0));
    assert!(verdict(&stage, &open).is_valid());
}

/// The successor of a registrar takes over a receivership with its Open; the
/// decision, taken once more, appoints nobody again.
#[test]
fn an_adopted_receivership_is_used_up_as_well() {
    let (mut stage, a, tip, _) = appointed();
    let honoured = stage
        .records
        .iter()
        .rev()
        .find(|record| record.kind() == Kind::OPEN)
        .unwrap()
        .id();
    let decided = stage.set.office().unwrap().decisions().next().unwrap();
    let ready = decided.1.ready().unwrap();
    stage.seal_at(&a, tip, Finality::Final);
    let open = stage.receive(&a, tip, &receiver(), (ready, 0));
    let recall = stage.recall(honoured, &[open]);
    assert!(verdict(&stage, &recall).is_valid());
    assert_eq!(stage.set.office().unwrap().decisions().len(), 0);
    let action = stage.receivership(a, &receiver());
    let again = stage.decide(PROPOSAL, &[action]);
    stage.seal_at(&a, tip, Finality::Final);
    let open = stage.receive(&a, tip, &receiver(), (again, 0));
    assert_eq!(broken(&stage, &open), "open.twice");
}

#[test]
fn an_open_for_a_receiver_waits_for_the_content_of_its_decision() {
    let (stage, a, _, ready) = received();
    let open = stage.open_of(&a);
    let bare = stage.records.iter().map(|record| {
        if record.id() == ready {
            let bare = Record::bare(record.header().clone(), *record.signature());
            bare.verify(&record.key().prepare()).unwrap()
        } else {
            record.clone()
        }
    });
    let bare: Vec<_> = bare.collect();
    let set = stage.replay(&bare);
    assert!(set.verdict(set.find(&open).unwrap()).is_waiting());
    assert!(set.office().unwrap().seat(&a).unwrap().open() != open);
}

const INTERVAL: u64 = 1000;

/// An envelope of three tranches, ready at 50.
fn envelope() -> (Stage, RecordId) {
    let (mut stage, a, _) = two();
    let envelope = Envelope {
        payer: a,
        payee: None,
        unit: UNIT,
        tranche: Amount::new(10).unwrap(),
        tranches: 3,
        interval: INTERVAL,
    };
    assert_eq!(envelope.released(2), 20);
    assert_eq!(envelope.released(9), 30, "no more than there are");
    let receive = stage.receivership(a, &receiver());
    stage.set_time(50);
    let ready = stage.decide(PROPOSAL, &[Action::Envelope(envelope), receive]);
    (stage, ready)
}

fn release(stage: &mut Stage, ready: RecordId, action: u16, tranche: u16) -> RecordId {
    let release = Release {
        ready,
        action,
        tranche,
    };
    stage.act(&Act::Release(release), &[ready])
}

#[test]
fn tranches_are_released_one_by_one_to_the_millisecond() {
    let (mut stage, ready) = envelope();
    let opening = *stage.set.office().unwrap().decisions().next().unwrap().0;
    for tranche in 1..3 {
        let due = 50 + INTERVAL * u64::from(tranche);
        let office = stage.set.office().unwrap();
        let decision = office.decision(&opening).unwrap();
        let expected = Some((tranche, Timestamp::from_millis(due)));
        assert_eq!(decision.next_tranche(0), expected);
        assert_eq!(decision.next_tranche(1), None, "no envelope");
        stage.set_time(due - 1);
        let mut early = stage.clone();
        let id = release(&mut early, ready, 0, tranche);
        assert_eq!(broken(&early, &id), "release.early");
        stage.set_time(due);
        let id = release(&mut stage, ready, 0, tranche);
        assert!(verdict(&stage, &id).is_valid());
    }
    let office = stage.set.office().unwrap();
    assert_eq!(office.decision(&opening).unwrap().next_tranche(0), None);
}

#[test]
fn a_tranche_is_the_next_one_of_the_envelope() {
    let (before, ready) = envelope();
    for tranche in [0, 2, 3] {
        let mut stage = before.clone();
        stage.set_time(1_000_000);
        let id = release(&mut stage, ready, 0, tranche);
        assert_eq!(broken(&stage, &id), "release.order", "tranche {tranche}");
    }
    let mut stage = before;
    stage.set_time(1_000_000);
    for _ in 0..2 {
        release(&mut stage, ready, 0, 1);
    }
    let again = stage.records.last().unwrap().id();
    assert_eq!(broken(&stage, &again), "release.order", "once more");
}

#[test]
fn a_release_refs_the_ready_of_an_envelope() {
    let (before, ready) = envelope();
    let charter = before.records[0].id();
    for (ready, action) in [(ready, 1), (ready, 2), (charter, 0)] {
        let mut stage = before.clone();
        stage.set_time(1_000_000);
        let id = release(&mut stage, ready, action, 1);
        assert_eq!(broken(&stage, &id), "release.ready");
    }
    let mut stage = before;
    stage.set_time(1_000_000);
    let unnamed = Release {
        ready,
        action: 0,
        tranche: 1,
    };
    let id = stage.act(&Act::Release(unnamed), &[]);
    assert_eq!(broken(&stage, &id), "release.ready");
}
