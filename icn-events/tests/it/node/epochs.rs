//! Epochs that end and go on: another key, a lost key, a frozen chain, lower
//! limits, a chain that forked. Each is opened once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, EpochRequest, Node};
use icn_ledger::{Authorized, Leg, LegId, PaymentRequest, Policy};
use icn_types::amount::Amount;
use icn_types::authority::{Consent, Grant};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::error::Coded as _;
use icn_types::host::{LocalNetwork, Store};
use icn_types::id::ChainId;
use icn_types::key::{Keypair, PeerId, PublicKey, SignError, Signature, Signer};
use icn_types::resume::Standing;
use icn_types::testkit::stage::key_of;

use icn_types::topic::Topic;

use super::coop::{FLOAT, Registrar, Village, copy};
use super::faults::Moment;
use super::{hours, money};

const LIMIT: u64 = 40 * 3_600;

pub(super) fn grant(hours: i64) -> Option<Grant> {
    Some(Grant {
        floor: -hours * 3_600,
        ceiling: i64::MAX,
        float: FLOAT,
    })
}

pub(super) fn fresh() -> Keypair {
    Keypair::from_seed(&[55; 32])
}

/// The second member's account under another key, with so much credit.
pub(super) fn next(village: &Village, key: &Keypair, hours: i64) -> EpochRequest {
    EpochRequest {
        chain: village.coop.hours_of(1),
        key: key.public_key(),
        recovery: key.public_key(),
        grant: grant(hours),
    }
}

impl Village {
    /// Cuts or heals the links between all nodes.
    fn each_pair(&self, change: fn(&LocalNetwork, PeerId, PeerId)) {
        for one in 0..self.nodes.len() {
            for other in 0..one {
                change(&self.network, self.peer(one), self.peer(other));
            }
        }
    }

    /// Cuts the first node off from the two others.
    pub(super) fn cut_off_registrar(&self) {
        for member in [1, 2] {
            self.network.disconnect(self.peer(0), self.peer(member));
        }
    }

    /// Opens a member's node with one more key.
    pub(super) fn open_with(&mut self, member: usize, key: &Keypair, store: Arc<dyn Store>) {
        let settings = self.coop.settings(member, store, &self.network);
        let settings = settings.with_signer(Arc::new(key.clone()));
        self.nodes[member] = block_on(settings.open()).unwrap();
    }

    pub(super) fn agree_to(
        &mut self,
        node: usize,
        request: &EpochRequest,
    ) -> Result<Consent, AuthorError> {
        block_on(self.nodes[node].agree_to_epoch(request))
    }

    pub(super) fn open_next(
        &mut self,
        request: &EpochRequest,
        consent: Consent,
    ) -> Result<Authored, AuthorError> {
        let times = self.times();
        block_on(self.nodes[0].open_epoch(request, consent, LIMIT, times))
    }

    pub(super) fn pay_from(
        &mut self,
        node: usize,
        chain: ChainId,
        key: u8,
    ) -> Result<Authored, AuthorError> {
        let (unit, alice, times) = (self.coop.hours, self.coop.hours_of(0), self.times());
        block_on(self.nodes[node].pay(&unit, &chain, &hours(alice, 1, key), times))
    }

    fn until_alice_has(&mut self, hours: i128) {
        let (unit, alice) = (self.coop.hours, self.coop.hours_of(0));
        self.until("alice is paid", |v| {
            (0..3).all(|node| v.posted(node, unit, alice) == hours * 3_600) && v.agree()
        });
        assert_eq!(self.forks(), []);
    }
}

#[test]
fn key_is_replaced_by_its_owner_and_the_chain_goes_on() {
    let (mut village, request, agreed) = agreed(121);
    let bob = request.chain;
    assert_eq!(
        village.pay_from(1, bob, 2).unwrap_err().code(),
        "node.agreed"
    );
    let before = village.nodes[0].set().len();
    let other = next(&village, &fresh(), 39);
    let forged = Consent::Current(Signature::from_bytes([1; 64]));
    for (request, consent) in [(&other, agreed), (&request, forged)] {
        let refused = village.open_next(request, consent);
        assert_eq!(refused.unwrap_err().code(), "node.terms");
    }
    assert_eq!(village.nodes[0].set().len(), before, "nothing is written");
    let opened = village.open_next(&request, agreed).unwrap();
    assert_eq!(village.nodes[0].set().len(), before + 2);
    let again = village.open_next(&request, agreed).unwrap();
    assert_eq!(again, Authored::Again(opened.id()));
    village.until("nodes agree", Village::agree);
    assert_eq!(village.pay_from(1, bob, 2).unwrap_err().code(), "node.key");
    let store = Arc::new(village.stores[2].clone());
    village.open_with(2, &fresh(), store);
    // What was paid under the old key is still paid.
    let first = village.pay_from(2, bob, 1).unwrap();
    assert!(matches!(first, Authored::Again(_)));
    village.pay_from(2, bob, 2).unwrap();
    village.until_alice_has(2);
}

#[test]
fn lost_key_is_replaced_with_the_recovery_key() {
    let mut village = Village::new(122, 3);
    let bob = village.coop.hours_of(1);
    village.pay_from(1, bob, 1).unwrap();
    village.until_alice_has(1);
    let request = next(&village, &fresh(), 40);
    let refused = village.agree_to(2, &request).unwrap_err();
    assert_eq!(refused.code(), "node.key");
    let store = Arc::new(village.stores[2].clone());
    village.open_with(2, &key_of(122, "recovery", 0), store);
    let agreed = village.agree_to(2, &request).unwrap();
    assert!(matches!(agreed, Consent::Recovery(_)));
    village.open_next(&request, agreed).unwrap();
    let store = Arc::new(village.stores[2].clone());
    village.open_with(2, &fresh(), store);
    village.until("the epoch is known", |v| {
        let seat = v.nodes[2].set().office().unwrap().seat(&bob).unwrap();
        seat.key() == fresh().public_key()
    });
    village.pay_from(2, bob, 2).unwrap();
    village.until_alice_has(2);
}

#[test]
fn frozen_account_goes_on_within_a_lower_limit() {
    let mut village = Village::new(123, 3);
    let (unit, bob) = (village.coop.hours, village.coop.hours_of(1));
    village.pay_from(1, bob, 1).unwrap();
    village.until_alice_has(1);
    let times = village.times();
    let frozen = block_on(village.nodes[0].freeze(&bob, times)).unwrap();
    let again = block_on(village.nodes[0].freeze(&bob, times)).unwrap();
    assert_eq!(again, Authored::Again(frozen.id()));
    let refused = block_on(village.nodes[1].freeze(&bob, times)).unwrap_err();
    assert_eq!(refused.code(), "node.key", "nobody but the registrar");
    village.until("nodes agree", Village::agree);
    let refused = village.pay_from(1, bob, 2).unwrap_err();
    assert_eq!(refused.code(), "authorize.frozen");
    let key = village.coop.members[1].key.clone();
    let above = next(&village, &key, 41);
    let agreed = village.agree_to(1, &above).unwrap();
    let refused = village.open_next(&above, agreed).unwrap_err();
    assert_eq!(refused.code(), "credit.limit");
    let request = next(&village, &key, 2);
    let agreed = village.agree_to(1, &request).unwrap();
    village.open_next(&request, agreed).unwrap();
    village.until("the epoch is known", |v| {
        let node = &v.nodes[1];
        let limits = node
            .ledger(&unit)
            .unwrap()
            .positions(node.set(), &bob)
            .limits;
        limits.is_some_and(|limits| limits.floor == -2 * 3_600)
    });
    village.pay_from(1, bob, 2).unwrap();
    let refused = village.pay_from(1, bob, 3).unwrap_err();
    assert_eq!(refused.code(), "authorize.limit");
    village.until_alice_has(2);
}

/// A restored backup wrote on, so that nobody can write the chain any more.
/// Charlie took an hour from one of its branches.
pub(super) fn forked(seed: u64) -> (Village, LegId) {
    let mut village = Village::new(seed, 3);
    let (unit, bob, charlie) = (
        village.coop.hours,
        village.coop.hours_of(1),
        village.coop.hours_of(2),
    );
    village.rounds(10);
    village.cut_off_registrar();
    let backup = copy(&village.stores[1]);
    let pay_charlie = |village: &mut Village, key| {
        let times = village.times();
        let request = hours(charlie, 1, key);
        block_on(village.nodes[1].pay(&unit, &bob, &request, times)).unwrap()
    };
    let first = pay_charlie(&mut village, 1);
    village.until("charlie takes it", |v| v.posted(1, unit, charlie) == 3_600);
    village.stores[1] = backup;
    let store = Arc::new(village.stores[1].clone());
    let settings = village.coop.settings(1, store, &village.network);
    village.nodes[1] = block_on(settings.open()).unwrap();
    village.network.disconnect(village.peer(0), village.peer(1));
    let other = pay_charlie(&mut village, 2);
    let knows_both = |node: &Node| {
        let mut both = [first, other].into_iter();
        both.all(|one| node.set().find(&one.id()).is_some())
    };
    village.until("the fork is known", |v| v.nodes[1..].iter().all(knows_both));
    for member in [1, 2] {
        village
            .network
            .reconnect(village.peer(0), village.peer(member));
    }
    village.until("nodes agree", |v| {
        v.nodes.iter().all(knows_both) && v.agree()
    });
    assert!(village.nodes[0].set().fork(&bob).is_some());
    let record = first.id();
    (village, LegId { record, leg: 0 })
}

/// Bob's chain goes on with 30 hours of credit.
pub(super) fn go_on(village: &mut Village) {
    let key = village.coop.members[1].key.clone();
    let request = next(village, &key, 30);
    let agreed = village.agree_to(1, &request).unwrap();
    village.open_next(&request, agreed).unwrap();
    let bob = request.chain;
    village.until("the chain goes on", |v| {
        v.agree() && v.nodes.iter().all(|node| node.set().fork(&bob).is_none())
    });
}

#[test]
fn chain_that_forked_goes_on_in_a_next_epoch() {
    let (mut village, _) = forked(124);
    let (unit, bob) = (village.coop.hours, village.coop.hours_of(1));
    let refused = village.pay_from(1, bob, 3).unwrap_err();
    assert_eq!(refused.code(), "authorize.forked");
    go_on(&mut village);
    village.pay_from(1, bob, 3).unwrap();
    village.until("alice is paid", |v| {
        v.agree() && v.posted(2, unit, v.coop.hours_of(0)) == 3_600
    });
    let claims = village.nodes[2].query(&unit).unwrap().claims_of(&bob);
    assert_eq!((claims.claimed, claims.stated), (3_600, Some(3_600)));
}

/// Bob paid an hour and agreed to another key.
fn agreed(seed: u64) -> (Village, EpochRequest, Consent) {
    let mut village = Village::new(seed, 3);
    let bob = village.coop.hours_of(1);
    village.pay_from(1, bob, 1).unwrap();
    village.until_alice_has(1);
    let request = next(&village, &fresh(), 40);
    let agreed = village.agree_to(1, &request).unwrap();
    (village, request, agreed)
}

#[test]
fn epoch_is_ended_and_opened_once_whichever_way_the_commit_fails() {
    let (village, request, agreed) = agreed(125);
    let before = Moment::of(125, &village);
    let trial = before.trial(0, |village, store| village.open_on(0, store));
    for freezes in [false, true] {
        let ask = |village: &mut Village| {
            let times = village.times();
            let done = if freezes {
                block_on(village.nodes[0].freeze(&request.chain, times))
            } else {
                village.open_next(&request, agreed)
            };
            Ok(vec![done?])
        };
        trial.is_carried_out_once(ask, |village, _| {
            // The terms that were agreed to also fit the frozen chain.
            let opened = village.open_next(&request, agreed).unwrap();
            assert_eq!(matches!(opened, Authored::Again(_)), !freezes);
            village.until_alice_has(1);
        });
    }
}

#[test]
fn nothing_is_agreed_to_before_the_chain_rests_for_good() {
    let mut village = Village::new(130, 3);
    let request = next(&village, &fresh(), 40);
    village.until("nodes agree", Village::agree);
    let before = Moment::of(130, &village);
    let trial = before.trial(1, |village, store| village.open_on(1, store));
    let ask = |village: &mut Village| village.agree_to(1, &request);
    for (mut village, rests) in trial.failures(ask) {
        trial.reopen(&mut village);
        let paid = village.pay_from(1, request.chain, 1);
        let code = paid.as_ref().err().map(AuthorError::code);
        assert_eq!(code, rests.then_some("node.agreed"));
        let agreed = ask(&mut village).unwrap();
        let at_its_end = |v: &Village| v.tip(0, &request.chain) == v.tip(1, &request.chain);
        village.until("the registrar knows the last record", at_its_end);
        village.open_next(&request, agreed).unwrap();
        village.until("nodes agree", Village::agree);
        assert_eq!(village.forks(), []);
        trial.assert_rows(&village);
    }
}

#[test]
fn chain_rests_until_a_withdrawal_is_durable() {
    let (village, request, agreed) = agreed(131);
    let before = Moment::of(131, &village);
    let trial = before.trial(1, |village, store| village.open_on(1, store));
    let ask = |village: &mut Village| block_on(village.nodes[1].withdraw(&request.chain));
    let code = |paid: Result<Authored, AuthorError>| paid.err().map(|error| error.code());
    for (mut village, goes_on) in trial.failures(ask) {
        let paid = village.pay_from(1, request.chain, 2);
        assert_eq!(code(paid), Some("node.agreed"), "before a restart");
        trial.reopen(&mut village);
        let resting = |village: &Village| village.nodes[1].resting().collect::<Vec<_>>();
        let paid = village.pay_from(1, request.chain, 2);
        assert_eq!(code(paid), (!goes_on).then_some("node.agreed"));
        assert_eq!(resting(&village).contains(&request.chain), !goes_on);
        ask(&mut village).unwrap();
        assert_eq!(resting(&village), []);
        village.pay_from(1, request.chain, 2).unwrap();
        village.until_alice_has(2);
        let refused = village.open_next(&request, agreed).unwrap_err();
        assert_eq!(refused.code(), "node.terms", "the chain went on");
        trial.assert_rows(&village);
    }
}

/// Three branches each pay all that an account may owe: more is claimed then
/// than an Open can charge.
#[test]
fn open_that_is_refused_leaves_no_seal_and_the_node_goes_on() {
    let mut village = Village::new(128, 4);
    let unit = village.coop.hours;
    let registrar = Registrar::join(&village);
    let partner = Topic::Ledger(village.coop.domain(), unit).chain(Owner::Partner(1));
    let all = Grant {
        floor: -i64::MAX,
        ceiling: i64::MAX,
        float: 0,
    };
    registrar.open_shared(&mut village, partner, Some(all));
    village.until("nodes agree", Village::agree);
    village.each_pair(LocalNetwork::disconnect);
    let branches = [1, 2, 3].map(|member| {
        let (node, payee) = (&village.nodes[0], village.coop.hours_of(member));
        let amount = Amount::new(Amount::MAX).unwrap();
        let legs = List::new([Leg { payee, amount }]).unwrap();
        let request = PaymentRequest {
            legs,
            ..hours(payee, 1, 1)
        };
        let (ledger, now) = (node.ledger(&unit).unwrap(), village.times().now);
        let drafted = ledger.authorize(node.set(), &partner.id(), &request, now, &Policy::NONE);
        let Ok(Authorized::Draft(draft)) = drafted else {
            panic!("{drafted:?}");
        };
        draft.sign(&village.coop.treasury_key).unwrap()
    });
    for (member, branch) in (1..).zip(&branches) {
        registrar.tell(village.peer(member), std::slice::from_ref(branch));
    }
    village.until("all are taken", |v| {
        let taken = |member| v.posted(member, unit, v.coop.hours_of(member)) == i64::MAX.into();
        (1..4).all(taken)
    });
    registrar.tell(village.peer(0), &branches);
    village.each_pair(LocalNetwork::reconnect);
    village.until("nodes agree", |v| {
        v.agree() && v.nodes[0].set().fork(&partner.id()).is_some()
    });
    let node = &village.nodes[0];
    let claimed = node.query(&unit).unwrap().claims_of(&partner.id()).claimed;
    assert_eq!(claimed, 3 * u128::from(Amount::MAX));
    let request = EpochRequest {
        chain: partner.id(),
        ..next(&village, &village.coop.treasury_key, 0)
    };
    let agreed = village.agree_to(0, &request).unwrap();
    let before = village.nodes[0].set().len();
    let refused = village.open_next(&request, agreed).unwrap_err();
    assert_eq!(refused.code(), "node.claimed");
    let said = format!("{claimed} atoms are claimed of chain {}", partner.id());
    assert!(refused.to_string().starts_with(&said), "{refused}");
    assert_eq!(village.nodes[0].set().len(), before, "nothing is written");
    assert!(!village.nodes[0].set().is_frozen(&partner.id()));
    village.round();
    let bob = village.coop.hours_of(1);
    village.pay_from(1, bob, 1).unwrap();
    village.until("alice is paid", |v| {
        v.agree() && v.posted(0, unit, v.coop.hours_of(0)) == 3_600
    });
}

/// A key store that signs so many times more.
#[derive(Debug)]
struct Tiring {
    key: Keypair,
    left: AtomicUsize,
}

impl Signer for Tiring {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let less = |left: usize| left.checked_sub(1);
        let signs = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        signs.map_err(|_| SignError::Unavailable)?;
        self.key.sign(message)
    }
}

#[test]
fn open_that_nobody_signs_leaves_no_seal_and_the_node_goes_on() {
    let mut village = Village::new(129, 3);
    village.until("nodes agree", Village::agree);
    let request = next(&village, &fresh(), 40);
    let agreed = village.agree_to(1, &request).unwrap();
    let signer = Arc::new(Tiring {
        key: village.coop.registrar.clone(),
        left: AtomicUsize::new(1),
    });
    let (store, transport) = (
        Arc::new(village.stores[0].clone()),
        Arc::new(village.network.join(village.peer(0))),
    );
    let settings = village.coop.plain(0, store, transport);
    let opened = block_on(settings.with_signer(signer.clone()).open());
    village.nodes[0] = opened.unwrap();
    let before = village.nodes[0].set().len();
    let failed = village.open_next(&request, agreed).unwrap_err();
    assert_eq!(failed.code(), "key.signer.unavailable");
    assert_eq!(village.nodes[0].set().len(), before, "nothing is written");
    assert!(!village.nodes[0].set().is_frozen(&request.chain));
    signer.left.store(usize::MAX, Ordering::Relaxed);
    village.round();
    let opened = village.open_next(&request, agreed).unwrap();
    assert!(matches!(opened, Authored::New(_)));
    village.until("nodes agree", Village::agree);
}

#[test]
fn owner_agrees_only_to_an_end_that_others_confirmed() {
    let mut village = Village::new(126, 3);
    village.rounds(10);
    let store = Arc::new(village.stores[1].clone());
    let settings = village.coop.settings(1, store, &village.network);
    let one = std::num::NonZeroU16::new(1);
    village.nodes[1] = block_on(settings.with_confirmations(one).open()).unwrap();
    let bob = money::accounts(&village)[1];
    assert_ne!(village.nodes[1].standing(&bob), Standing::Confirmed);
    let request = next(&village, &fresh(), 40);
    let refused = village.agree_to(1, &request).unwrap_err();
    assert_eq!(refused.code(), "node.unconfirmed");
    village.until("a peer confirms", |v| {
        v.nodes[1].standing(&bob) == Standing::Confirmed
    });
    village.agree_to(1, &request).unwrap();
}
