//! A node is its store: opened again it is the same node, and a store that is
//! not its own or not whole is named as what it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, NodeError, NodeEvent, NodeSettings};
use icn_governance::author::Refusal as VoteRefusal;
use icn_governance::body::Choice;
use icn_ledger::{LegId, Refusal as MoneyRefusal};
use icn_sync::{Config, Replica};
use icn_types::authority::ProposalId;
use icn_types::canon::Raw;
use icn_types::error::{Coded as _, Fault};
use icn_types::host::{
    Batch, LimitError, LocalNetwork, MemoryStore, RowError, Scan, Store as _, StoreErrorKind,
    Table, TransportError,
};
use icn_types::id::{ChainId, Digest, RecordId, TopicId, UnitId};
use icn_types::key::{Keypair, PeerId, PublicKey, SignError, Signature, Signer};
use icn_types::set::Refusal;

use super::coop::{Coop, SPACES, Village};
use super::{budget, hours, opening_of, propose_and_vote};

/// The journal as its store holds it.
const RECORDS: Table<u64, Raw> = Table::new("node/record", 1);

fn after_a_budget(seed: u64) -> (Village, ProposalId) {
    let mut village = Village::new(seed, 3);
    let proposal = budget(&village);
    let id = proposal.id();
    propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
    village.until("every node recorded the payment", |v| {
        let recorded = |node: &icn_events::node::Node| node.audit().payment(node.set(), &id, 0);
        v.nodes.iter().all(|node| recorded(node).is_some()) && v.agree()
    });
    (village, id)
}

fn digests(village: &Village, node: usize) -> Vec<(TopicId, Digest)> {
    let node = &village.nodes[node];
    let sets = node
        .replica()
        .topics()
        .map(|topic| (topic, node.set_digest(topic)));
    let labels = node
        .ledgers()
        .map(|ledger| (ledger.topic(), ledger.label_digest(node.set())));
    sets.chain(labels).collect()
}

#[test]
fn reopened_node_is_the_same_and_goes_on() {
    let (mut village, _) = after_a_budget(21);
    let before: Vec<_> = (0..3).map(|node| digests(&village, node)).collect();
    for node in 0..3 {
        village.reopen(node);
    }
    let after: Vec<_> = (0..3).map(|node| digests(&village, node)).collect();
    assert_eq!(before, after);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 2, 9), times)).unwrap();
    village.until("the payment is acknowledged", |v| {
        (0..3).all(|node| v.posted(node, unit, alice) == 7_200) && v.agree()
    });
}

#[test]
fn requests_of_before_a_restart_are_granted_again_not_anew() {
    let (mut village, id) = after_a_budget(22);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let request = hours(alice, 2, 9);
    let times = village.times();
    let paid = block_on(village.nodes[1].pay(&unit, &bob, &request, times)).unwrap();
    for node in 0..3 {
        village.reopen(node);
    }
    let records = village.nodes[0].set().len();
    let (times, voice) = (village.times(), village.coop.voice_of(0));
    let proposal = budget(&village);
    let opening = opening_of(&village, 0, id).unwrap();
    let proposed = block_on(village.nodes[0].propose(&voice, proposal, times)).unwrap();
    let voted = block_on(village.nodes[0].vote(&voice, opening, Choice::Yes, times)).unwrap();
    assert!(matches!(proposed, Authored::Again(_)));
    assert!(matches!(voted, Authored::Again(_)));
    assert_eq!(village.nodes[0].set().len(), records);
    let again = block_on(village.nodes[1].pay(&unit, &bob, &request, times)).unwrap();
    assert_eq!(again, Authored::Again(paid.id()));
}

fn open_error(coop: &Coop, store: &MemoryStore) -> NodeError {
    let network = LocalNetwork::new();
    let settings = coop.settings(0, Arc::new(store.clone()), &network);
    block_on(settings.open()).unwrap_err()
}

#[test]
fn store_of_another_domain_is_refused() {
    let village = Village::new(23, 3);
    let error = open_error(&Coop::found(24, 3), &village.stores[0]);
    assert!(matches!(error, NodeError::OtherDomain));
    assert_eq!(
        (error.code(), error.fault()),
        ("node.domain", Fault::Caller)
    );
}

fn edit(store: &MemoryStore, edit: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    edit(&mut batch);
    block_on(store.commit(batch)).unwrap();
}

fn row(store: &MemoryStore, position: u64) -> Vec<u8> {
    let mut rows = block_on(store.read(&[RECORDS.key(&position)])).unwrap();
    rows.remove(0).unwrap()
}

#[test]
fn missing_position_is_a_gap() {
    for position in [0, 5] {
        let village = Village::new(25, 3);
        edit(&village.stores[0], |batch| {
            RECORDS.delete(batch, &position).unwrap();
        });
        let error = open_error(&village.coop, &village.stores[0]);
        assert!(matches!(error, NodeError::Gap { position: found } if found == position));
        assert_eq!(error.code(), "node.gap");
    }
}

#[test]
fn store_that_lost_all_its_records_lacks_the_first() {
    let village = Village::new(40, 3);
    let store = &village.stores[0];
    let records = village.nodes[0].set().len() as u64;
    edit(store, |batch| {
        for position in 0..records {
            RECORDS.delete(batch, &position).unwrap();
        }
    });
    let error = open_error(&village.coop, store);
    assert!(matches!(error, NodeError::Gap { position: 0 }), "{error:?}");
}

#[test]
fn row_that_is_none_is_named_by_its_space() {
    let village = Village::new(26, 3);
    edit(&village.stores[0], |batch| {
        batch.put(RECORDS.key(&3), [0xff; 3]).unwrap();
    });
    let error = open_error(&village.coop, &village.stores[0]);
    assert!(
        matches!(&error, NodeError::Row(row) if row.space() == SPACES[0]),
        "{error:?}"
    );
    assert_eq!(error.fault(), Fault::Environment);
}

#[test]
fn identity_that_newer_code_wrote_is_not_read() {
    let village = Village::new(27, 3);
    let identity = block_on(village.stores[0].scan(&Scan::all(SPACES[1]))).unwrap();
    let mut row = identity.rows[0].clone();
    row.value[0] = 200;
    edit(&village.stores[0], |batch| {
        batch.put(row.key, row.value).unwrap();
    });
    let error = open_error(&village.coop, &village.stores[0]);
    assert!(
        matches!(error, NodeError::Row(RowError::Newer { .. })),
        "{error:?}"
    );
}

#[test]
fn row_that_holds_no_record_is_named_by_its_position() {
    let village = Village::new(28, 3);
    edit(&village.stores[0], |batch| {
        RECORDS.put(batch, &4, &Raw::of(&7_u64)).unwrap();
    });
    let error = open_error(&village.coop, &village.stores[0]);
    assert!(
        matches!(error, NodeError::Record { position: 4, .. }),
        "{error:?}"
    );
    assert_eq!(error.code(), "node.record");
}

#[test]
fn flipped_bit_of_any_record_is_found() {
    let village = Village::new(29, 3);
    let intact = village.copies().remove(0);
    for position in 0..4 {
        let bytes = row(&intact, position);
        for at in (1..bytes.len()).step_by(7) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            edit(&village.stores[0], |batch| {
                batch.put(RECORDS.key(&position), bytes).unwrap();
            });
            let error = open_error(&village.coop, &village.stores[0]);
            let named = matches!(
                error,
                NodeError::Row(_) | NodeError::Record { .. } | NodeError::Restore(_)
            );
            assert!(named, "{position} {at}: {error:?}");
        }
        let bytes = row(&intact, position);
        edit(&village.stores[0], |batch| {
            batch.put(RECORDS.key(&position), bytes).unwrap();
        });
    }
}

#[test]
fn records_in_another_order_do_not_fit_together() {
    let village = Village::new(30, 3);
    let (third, fourth) = (row(&village.stores[0], 3), row(&village.stores[0], 4));
    edit(&village.stores[0], |batch| {
        batch.put(RECORDS.key(&3), fourth).unwrap();
        batch.put(RECORDS.key(&4), third).unwrap();
    });
    let error = open_error(&village.coop, &village.stores[0]);
    assert!(matches!(error, NodeError::Restore(_)), "{error:?}");
    assert_eq!(error.code(), "sync.restore.refused");
}

#[test]
fn two_nodes_on_one_store_do_not_overwrite_each_other() {
    let mut village = Village::new(31, 3);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let apart = LocalNetwork::new();
    let twin = village
        .coop
        .settings(1, Arc::new(village.stores[1].clone()), &apart);
    let mut twin = block_on(twin.open()).unwrap();
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 2, 1), times)).unwrap();
    let error = block_on(twin.pay(&unit, &bob, &hours(alice, 3, 2), times)).unwrap_err();
    let AuthorError::Node(NodeError::Store(error)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    drop(twin);
    village.reopen(1);
    village.until("one payment arrives", |v| v.posted(0, unit, alice) == 7_200);
    village.rounds(5);
    assert_eq!(village.forks(), []);
}

#[test]
fn node_whose_transport_is_closed_says_so() {
    let mut village = Village::new(32, 3);
    // Another transport of the same peer takes its place.
    let usurper = village.network.join(village.peer(2));
    let times = village.times();
    // What arrived before is still taken in.
    let error = (0..3)
        .find_map(|_| block_on(village.nodes[2].step(times)).err())
        .unwrap();
    assert!(
        matches!(error, NodeError::Transport(TransportError::Closed)),
        "{error:?}"
    );
    drop(usurper);
}

/// A key store that fails or lies when it is told to.
struct Moody {
    key: Keypair,
    lie: Option<Keypair>,
    moody: AtomicBool,
}

impl Signer for Moody {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match (&self.lie, self.moody.load(Ordering::Relaxed)) {
            (_, false) => self.key.sign(message),
            (Some(other), true) => other.sign(message),
            (None, true) => Err(SignError::Unavailable),
        }
    }
}

fn pay_with_moody_signer(lie: Option<Keypair>) -> NodeError {
    let coop = Coop::found(33, 3);
    let network = LocalNetwork::new();
    let person = &coop.members[0];
    let signer = Arc::new(Moody {
        key: person.key.clone(),
        lie,
        moody: AtomicBool::new(true),
    });
    let store = Arc::new(MemoryStore::new());
    let settings = NodeSettings::new(
        coop.genesis.clone(),
        store,
        Arc::new(network.join(person.peer())),
    );
    let settings = settings.unwrap().with_confirmations(None);
    let mut node = block_on(settings.with_signer(signer.clone()).open()).unwrap();
    let (alice, bob) = (coop.hours_of(0), coop.hours_of(1));
    let times = Village::new(33, 3).times();
    let request = hours(bob, 1, 1);
    let error = block_on(node.pay(&coop.hours, &alice, &request, times)).unwrap_err();
    // Nothing happened, so the same node grants it when the signer is well.
    signer.moody.store(false, Ordering::Relaxed);
    let authored = block_on(node.pay(&coop.hours, &alice, &request, times)).unwrap();
    assert!(matches!(authored, Authored::New(_)));
    match error {
        AuthorError::Node(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn signer_that_fails_stops_one_request() {
    let error = pay_with_moody_signer(None);
    assert!(matches!(error, NodeError::Sign(_)), "{error:?}");
}

#[test]
fn signer_that_fails_in_a_duty_stops_only_what_it_owes() {
    let mut village = Village::new(36, 3);
    let person = &village.coop.members[2];
    let signer = Arc::new(Moody {
        key: person.key.clone(),
        lie: None,
        moody: AtomicBool::new(true),
    });
    let settings = NodeSettings::new(
        village.coop.genesis.clone(),
        Arc::new(village.stores[2].clone()),
        Arc::new(village.network.join(person.peer())),
    );
    let settings = settings.unwrap().with_confirmations(None);
    let settings = settings.with_signer(signer.clone());
    let settings = settings.with_signer(Arc::new(person.teller.clone()));
    village.nodes[2] = block_on(settings.open()).unwrap();
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let key = signer.public_key();
    let subscription = village.nodes[2].events().subscribe(move |event| {
        let error = SignError::Unavailable;
        if *event == (NodeEvent::Unsigned { key, error }) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (unit, payer, payee) = (
        village.coop.hours,
        village.coop.hours_of(1),
        village.coop.hours_of(2),
    );
    let times = village.times();
    block_on(village.nodes[1].pay(&unit, &payer, &hours(payee, 1, 1), times)).unwrap();
    village.rounds(30);
    assert!(village.agree(), "it takes in what others write");
    assert_eq!(village.posted(2, unit, payee), 0);
    // Once in each step that left it undone.
    assert!((1..=30).contains(&failures.load(Ordering::Relaxed)));
    signer.moody.store(false, Ordering::Relaxed);
    village.until("it is acknowledged", |v| {
        v.posted(2, unit, payee) == 3_600 && v.agree()
    });
    drop(subscription);
}

#[test]
fn signer_that_signs_wrongly_gets_nothing_stored() {
    let error = pay_with_moody_signer(Some(Keypair::from_seed(&[7; 32])));
    assert!(
        matches!(
            error,
            NodeError::Refused(Refusal::Signature) | NodeError::Sign(_)
        ),
        "{error:?}"
    );
}

#[test]
fn unit_of_another_issuer_is_refused() {
    let (coop, other) = (Coop::found(34, 3), Coop::found(35, 3));
    let network = LocalNetwork::new();
    for unit in [other.genesis.units()[0].clone(), Raw::of(&1_u64)] {
        let genesis = icn_events::genesis::Genesis::builder(coop.domain())
            .records_of(coop.genesis.set())
            .unwrap()
            .unit(unit)
            .unwrap()
            .finish()
            .unwrap();
        let transport = Arc::new(network.join(coop.members[0].peer()));
        let settings = NodeSettings::new(genesis, Arc::new(MemoryStore::new()), transport);
        let error = settings.unwrap_err();
        assert!(matches!(error, NodeError::Unit));
        assert_eq!((error.code(), error.fault()), ("node.unit", Fault::Caller));
    }
}

/// No input brings these out of a node; they guard its own code.
#[test]
fn errors_that_guard_the_node_itself_keep_the_code_of_their_source() {
    let coop = Coop::found(36, 1);
    let mut replica = Replica::new(coop.domain(), [], [], Config::default()).unwrap();
    let times = Village::new(36, 1).times();
    let step = |replica: &mut Replica| replica.handle(icn_sync::Input::Wake, times.ticks);
    let early = step(&mut replica).number();
    let late = step(&mut replica);
    let durable = icn_sync::Committed::i_vouch_that_all_is_durable_through(early);
    let error = NodeError::from(late.release(durable).unwrap_err());
    assert!(matches!(error, NodeError::Uncommitted(_)));
    assert!(!error.code().is_empty());
    let mut batch = Batch::new();
    let long = vec![0; (1 << 20) + 1];
    let limit: LimitError = batch.put(RECORDS.key(&0), long).unwrap_err();
    let code = limit.code();
    assert_eq!(NodeError::from(limit).code(), code);
}

#[test]
fn author_is_told_which_rule_refused() {
    let mut village = Village::new(37, 3);
    let (unit, times) = (village.coop.hours, village.times());
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let (voice, proposal) = (village.coop.voice_of(0), budget(&village));
    let node = &mut village.nodes[0];
    let records = node.set().len();
    let nowhere = RecordId::from_bytes([9; 32]);

    let error = block_on(node.vote(&voice, nowhere, Choice::Yes, times)).unwrap_err();
    assert!(matches!(error, AuthorError::Vote(VoteRefusal::UnknownOpening(id)) if id == nowhere));

    // A vote on an account would convict its owner.
    let error = block_on(node.propose(&alice, proposal, times)).unwrap_err();
    assert!(
        matches!(error, AuthorError::Vote(VoteRefusal::NoPlace)),
        "{error:?}"
    );

    let error = block_on(node.pay(&unit, &alice, &hours(bob, 1_000, 1), times)).unwrap_err();
    assert!(matches!(
        error,
        AuthorError::Money(MoneyRefusal::Limit { spendable: 144_000 })
    ));
    assert_eq!(
        (error.code(), error.fault()),
        ("authorize.limit", Fault::Rule)
    );

    let leg = LegId {
        record: nowhere,
        leg: 0,
    };
    let error = block_on(node.refuse(&unit, &alice, leg, times)).unwrap_err();
    assert!(
        matches!(error, AuthorError::Money(MoneyRefusal::NoLeg)),
        "{error:?}"
    );

    let error = block_on(node.pay(&unit, &bob, &hours(alice, 1, 1), times)).unwrap_err();
    assert!(matches!(error, AuthorError::NoKey(chain) if chain == bob));
    assert_eq!((error.code(), error.fault()), ("node.key", Fault::Caller));

    let error = block_on(node.refuse(&unknown(), &alice, leg, times)).unwrap_err();
    assert!(matches!(error, AuthorError::NoUnit(_)));
    let error = block_on(node.pay(&unknown(), &alice, &hours(bob, 1, 1), times)).unwrap_err();
    assert!(matches!(error, AuthorError::NoUnit(found) if found == unknown()));
    assert_eq!(
        (error.code(), error.fault()),
        ("node.no_unit", Fault::Caller)
    );

    let nobody = ChainId::from_bytes([3; 32]);
    let error = block_on(node.pay(&unit, &nobody, &hours(bob, 1, 1), times)).unwrap_err();
    assert!(matches!(error, AuthorError::Money(MoneyRefusal::NoOpen)));
    assert_eq!(node.set().len(), records, "a refusal writes nothing");
}

fn unknown() -> UnitId {
    UnitId::from_bytes([8; 32])
}

#[test]
fn payment_can_be_sent_back() {
    let mut village = Village::new(38, 3);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let manual = village
        .coop
        .settings(0, Arc::new(village.stores[0].clone()), &village.network)
        .with_acknowledgement(icn_events::node::Acknowledgement::Manual);
    village.nodes[0] = block_on(manual.open()).unwrap();
    let times = village.times();
    let paid = block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 4, 1), times)).unwrap();
    let leg = LegId {
        record: paid.id(),
        leg: 0,
    };
    village.until("the payment arrives", |v| {
        v.nodes[0].set().find(&paid.id()).is_some()
    });
    village.rounds(5);
    let waiting = village.nodes[0].ledger(&unit).unwrap();
    let waiting = waiting.positions(village.nodes[0].set(), &alice).incoming;
    assert_eq!(
        waiting,
        4 * 3600,
        "a manual account takes nothing by itself"
    );
    let times = village.times();
    block_on(village.nodes[0].refuse(&unit, &alice, leg, times)).unwrap();
    village.until("the payer has it back", |v| {
        (0..3).all(|node| v.posted(node, unit, bob) == 0 && v.posted(node, unit, alice) == 0)
            && v.agree()
            && v.nodes[1]
                .ledger(&unit)
                .unwrap()
                .positions(v.nodes[1].set(), &bob)
                .outgoing
                == 0
    });
}

#[test]
fn other_peers_key_does_not_make_it_our_node() {
    let village = Village::new(39, 3);
    let stranger = PeerId::new(Keypair::from_seed(&[5; 32]).public_key());
    let transport = Arc::new(LocalNetwork::new().join(stranger));
    let store = Arc::new(village.stores[0].clone());
    let settings = village.coop.settings_on(0, store, transport);
    let node = block_on(settings.open()).unwrap();
    let records = node.set().len();
    assert_eq!(records, village.nodes[0].set().len());
    assert_eq!(node.audit().node(), stranger);
}
