//! Requests about money, made of nodes: each is carried out once, whatever
//! fails meanwhile, and a refusal writes nothing.

use std::num::NonZeroU64;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{Acknowledgement, AuthorError, Authored, Node, verify_store};
use icn_ledger::batch::Batch;
use icn_ledger::entry::RESOLVED_MAX;
use icn_ledger::remark::{DisputeRequest, RemarkRequest, Ruling};
use icn_ledger::{
    Cap, HoldRequest, Leg, LegId, PaymentRequest, Policy, RefundRequest, Refusal, ResolveRequest,
};
use icn_types::amount::Amount;
use icn_types::canon::List;
use icn_types::error::Coded as _;
use icn_types::host::Store;
use icn_types::id::{ChainId, OperationKey, RecordId, UnitId};
use icn_types::time::{Times, Timestamp};

use super::coop::Village;
use super::faults::Moment;
use super::hours;

const SEED: u64 = 81;

fn amount(atoms: u64) -> Amount {
    Amount::new(atoms).unwrap()
}

pub(super) fn holding(payee: ChainId, resolver: ChainId, atoms: u64, key: u8) -> HoldRequest {
    HoldRequest {
        leg: Leg {
            payee,
            amount: amount(atoms),
        },
        resolver,
        key: OperationKey::from_bytes([key; 32]),
        decision: None,
        expires: None,
        effective: None,
        memo: None,
        cause: None,
    }
}

pub(super) fn resolving(holds: &[(RecordId, u64)]) -> ResolveRequest {
    ResolveRequest {
        holds: List::new(holds).unwrap(),
        memo: None,
        cause: None,
    }
}

pub(super) fn refunding(original: LegId, atoms: u64, key: u8) -> RefundRequest {
    RefundRequest {
        original,
        amount: amount(atoms),
        key: OperationKey::from_bytes([key; 32]),
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    }
}

fn disputing(leg: LegId, mediator: ChainId) -> RemarkRequest {
    RemarkRequest::Dispute(DisputeRequest {
        leg,
        evidence: List::new([]).unwrap(),
        mediator,
        memo: None,
    })
}

const fn first_leg(record: RecordId) -> LegId {
    LegId { record, leg: 0 }
}

/// What a member asks of the own node.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Pay(PaymentRequest),
    Hold(HoldRequest),
    Resolve(ResolveRequest),
    Refund(RefundRequest),
    Remark(RemarkRequest),
    Acknowledge(LegId),
    Refuse(LegId),
}

pub(super) async fn ask(
    node: &mut Node,
    (unit, own): (&UnitId, &ChainId),
    ask: &Ask,
    times: Times,
) -> Result<Authored, AuthorError> {
    match ask {
        Ask::Pay(request) => node.pay(unit, own, request, times).await,
        Ask::Hold(request) => node.hold(unit, own, request, times).await,
        Ask::Resolve(request) => node.resolve(unit, own, request, times).await,
        Ask::Refund(request) => node.refund(unit, own, request, times).await,
        Ask::Remark(request) => node.remark(unit, own, request, times).await,
        Ask::Acknowledge(leg) => {
            let legs = List::new([*leg]).unwrap();
            node.acknowledge(unit, own, &legs, times).await
        }
        Ask::Refuse(leg) => node.refuse(unit, own, *leg, times).await,
    }
}

impl Village {
    pub(super) fn ask(&mut self, member: usize, request: &Ask) -> Result<Authored, AuthorError> {
        let (unit, own, times) = (self.coop.hours, self.coop.hours_of(member), self.times());
        block_on(ask(&mut self.nodes[member], (&unit, &own), request, times))
    }

    /// Opens a member's node on a store; the third decides about each payment.
    pub(super) fn open_deciding(&mut self, member: usize, store: Arc<dyn Store>) {
        let settings = self.coop.settings(member, store, &self.network);
        let how = match member {
            2 => Acknowledgement::Manual,
            _ => Acknowledgement::Automatic,
        };
        self.nodes[member] = block_on(settings.with_acknowledgement(how).open()).unwrap();
    }
}

pub(super) fn accounts(village: &Village) -> [ChainId; 3] {
    [0, 1, 2].map(|member| village.coop.hours_of(member))
}

#[test]
fn holds_are_resolved_together_on_another_node_and_both_sides_take_their_parts() {
    let mut village = Village::new(SEED, 3);
    let unit = village.coop.hours;
    let [alice, bob, charlie] = accounts(&village);
    let mut holds = Vec::new();
    for number in 0..u8::try_from(RESOLVED_MAX).unwrap() {
        let request = Ask::Hold(holding(alice, charlie, 100, number));
        holds.push(village.ask(1, &request).unwrap().id());
    }
    village.until("the resolver knows the holds", |v| {
        let columns = v.nodes[2].ledger(&unit).unwrap();
        columns
            .columns(v.nodes[2].set())
            .unresolved(charlie)
            .count()
            == RESOLVED_MAX
    });
    let held = |v: &Village, node: usize| {
        let node = &v.nodes[node];
        let columns = node.ledger(&unit).unwrap().columns(node.set());
        (columns.account(&bob).held, columns.sum())
    };
    assert_eq!(held(&village, 0), (12_800, 0));
    let parts: Vec<_> = holds.iter().map(|hold| (*hold, 70)).collect();
    let resolved = village.ask(2, &Ask::Resolve(resolving(&parts))).unwrap();
    village.until("both sides have their parts everywhere", |v| {
        v.agree()
            && (0..3).all(|node| {
                v.posted(node, unit, alice) == 128 * 70 && v.posted(node, unit, bob) == -128 * 70
            })
    });
    assert_eq!(held(&village, 1), (0, 0));
    assert!(village.labels_agree());
    let again = village.ask(2, &Ask::Resolve(resolving(&parts))).unwrap();
    assert_eq!(again, Authored::Again(resolved.id()));
    let otherwise = village.ask(2, &Ask::Resolve(resolving(&[(holds[3], 71)])));
    let Err(AuthorError::Money(Refusal::Resolved { first })) = otherwise else {
        panic!("{otherwise:?}");
    };
    assert_eq!(first, resolved.id());
}

#[test]
fn dispute_is_ended_by_its_mediator_and_the_money_goes_back_by_a_refund() {
    let mut village = Village::new(SEED + 1, 3);
    let unit = village.coop.hours;
    let [alice, bob, charlie] = accounts(&village);
    let paid = village.ask(1, &Ask::Pay(hours(alice, 10, 1))).unwrap();
    let leg = first_leg(paid.id());
    village.until("alice has the money", |v| {
        v.posted(1, unit, alice) == 36_000
    });
    let dispute = village
        .ask(1, &Ask::Remark(disputing(leg, charlie)))
        .unwrap();
    village.until("the mediator knows", |v| {
        v.nodes[2].set().find(&dispute.id()).is_some()
    });
    let rule = |ruling| {
        Ask::Remark(RemarkRequest::Rule {
            dispute: dispute.id(),
            ruling,
            memo: None,
        })
    };
    village.ask(2, &rule(Ruling::Reversed)).unwrap();
    let other = village.ask(2, &rule(Ruling::Upheld)).unwrap_err();
    assert_eq!(other.code(), "outcome.twice");
    village.until("alice knows", Village::agree);
    let mut back = refunding(leg, 36_000, 2);
    back.cause = Some(dispute.id());
    village.ask(0, &Ask::Refund(back)).unwrap();
    village.until("bob has it back", |v| {
        (0..3).all(|node| v.posted(node, unit, bob) == 0) && v.agree()
    });
    assert!(village.labels_agree());
}

/// Payments, a hold and a dispute that are open for what is asked next.
pub(super) struct Scene {
    before: Moment,
    pub(super) asks: Vec<(usize, Ask)>,
}

impl Scene {
    pub(super) fn set() -> Self {
        let mut village = Village::new(SEED + 2, 3);
        let unit = village.coop.hours;
        village.open_deciding(2, Arc::new(village.stores[2].clone()));
        let [alice, bob, charlie] = accounts(&village);
        let mut done = |member, request: Ask| village.ask(member, &request).unwrap().id();
        let paid = done(1, Ask::Pay(hours(alice, 4, 1)));
        let [taken, sent_back] = [2, 3].map(|key| done(1, Ask::Pay(hours(charlie, 1, key))));
        let hold = done(1, Ask::Hold(holding(alice, charlie, 3_600, 4)));
        let dispute = done(1, Ask::Remark(disputing(first_leg(paid), charlie)));
        village.until("everybody knows", |v| {
            v.agree() && v.posted(2, unit, alice) == 4 * 3600
        });
        let about = LegId {
            record: paid,
            leg: 0,
        };
        let rule = RemarkRequest::Rule {
            dispute,
            ruling: Ruling::Settled,
            memo: None,
        };
        let assertion = RemarkRequest::Assert {
            about: paid,
            position: -4 * 3600,
        };
        let until = Timestamp::from_millis(village.now);
        let asks = vec![
            (1, Ask::Pay(hours(alice, 1, 5))),
            (1, Ask::Hold(holding(alice, charlie, 50, 6))),
            (2, Ask::Resolve(resolving(&[(hold, 3_000)]))),
            (0, Ask::Refund(refunding(about, 1_000, 7))),
            (0, Ask::Remark(disputing(about, charlie))),
            (2, Ask::Remark(rule)),
            (0, Ask::Remark(assertion)),
            (1, Ask::Remark(RemarkRequest::Close { until })),
            (2, Ask::Acknowledge(first_leg(taken))),
            (2, Ask::Refuse(first_leg(sent_back))),
        ];
        let before = Moment::of(SEED + 2, &village);
        assert_eq!(village.posted(0, unit, bob), -7 * 3600);
        Self { before, asks }
    }

    pub(super) fn wake(&self) -> Village {
        let mut village = self.before.wake();
        village.open_deciding(2, Arc::new(village.stores[2].clone()));
        village
    }
}

/// The records are what a cap counts: a node that is opened again counts on, and
/// a clock that stands or jumps back makes no room.
#[test]
fn policy_of_an_account_outlives_the_node_and_its_clock() {
    let mut village = Village::new(SEED + 3, 3);
    let unit = village.coop.hours;
    let [alice, bob, _] = accounts(&village);
    let cap = Cap::new(10 * 3600, NonZeroU64::new(3_600_000).unwrap());
    let open = |village: &mut Village| {
        let store = Arc::new(village.stores[1].clone());
        let settings = village.coop.settings(1, store, &village.network);
        let settings = settings.with_policy(bob, Policy::new(List::new([cap]).unwrap()));
        village.nodes[1] = block_on(settings.open()).unwrap();
    };
    open(&mut village);
    village.ask(1, &Ask::Pay(hours(alice, 6, 1))).unwrap();
    village
        .ask(1, &Ask::Hold(holding(alice, alice, 3 * 3600, 2)))
        .unwrap();
    let refused = |village: &mut Village, request: Ask| {
        let before = village.nodes[1].set().len();
        let answer = village.ask(1, &request);
        let Err(AuthorError::Money(refusal)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(refusal, Refusal::Velocity { cap, left: 3600 });
        assert_eq!(village.nodes[1].set().len(), before, "nothing is written");
    };
    let written = village.now;
    for millis in [written, 0, written + 3_599_999] {
        open(&mut village);
        village.now = millis;
        refused(&mut village, Ask::Pay(hours(alice, 2, 3)));
        refused(&mut village, Ask::Hold(holding(alice, alice, 3601, 3)));
        let requests =
            [hours(alice, 2, 3), hours(alice, 2, 1)].map(|request| (bob, request.into()));
        let times = village.times();
        let results = block_on(village.nodes[1].author_all(Batch::Independent, &requests, times));
        for (result, code) in results
            .unwrap()
            .iter()
            .zip(["authorize.velocity", "authorize.key"])
        {
            assert_eq!(result.as_ref().unwrap_err().code(), code);
        }
        let again = village.ask(1, &Ask::Pay(hours(alice, 6, 1))).unwrap();
        assert!(matches!(again, Authored::Again(_)));
    }
    village.now = written + 3_600_000;
    village.ask(1, &Ask::Pay(hours(alice, 2, 3))).unwrap();
    village.until("others take what its writer allowed itself", |v| {
        v.agree() && v.posted(0, unit, alice) == 8 * 3600
    });
}

#[test]
fn request_is_carried_out_once_also_after_a_restart() {
    let scene = Scene::set();
    let mut village = scene.wake();
    let mut written = Vec::new();
    for (member, request) in &scene.asks {
        let first = village.ask(*member, request).unwrap();
        let Authored::New(id) = first else {
            panic!("{request:?}: {first:?}");
        };
        written.push(id);
    }
    for is_reopened in [false, true] {
        if is_reopened {
            for member in 0..3 {
                village.open_deciding(member, Arc::new(village.stores[member].clone()));
            }
        }
        for ((member, request), id) in scene.asks.iter().zip(&written) {
            let before = village.nodes[*member].set().len();
            let again = village.ask(*member, request).unwrap();
            assert_eq!(again, Authored::Again(*id), "{request:?}");
            assert_eq!(village.nodes[*member].set().len(), before);
        }
    }
    village.until("nodes agree", Village::agree);
    assert_eq!(village.forks(), []);
}

#[test]
fn refused_request_writes_nothing() {
    let scene = Scene::set();
    let mut village = scene.wake();
    let [alice, bob, charlie] = accounts(&village);
    for (member, request) in &scene.asks {
        village.ask(*member, request).unwrap();
    }
    let nobody = RecordId::from_bytes([9; 32]);
    let refused = [
        (1, Ask::Pay(hours(alice, 2, 5)), "authorize.key"),
        (1, Ask::Pay(hours(alice, 2_000, 9)), "authorize.limit"),
        (1, Ask::Pay(hours(bob, 1, 9)), "pay.self"),
        (
            1,
            Ask::Hold(holding(alice, charlie, 51, 6)),
            "authorize.key",
        ),
        (1, Ask::Hold(holding(alice, bob, 50, 5)), "authorize.key"),
        (
            2,
            Ask::Resolve(resolving(&[(nobody, 1)])),
            "authorize.waiting",
        ),
        (
            1,
            Ask::Refund(refunding(first_leg(nobody), 1, 9)),
            "authorize.waiting",
        ),
        (
            1,
            Ask::Remark(disputing(first_leg(nobody), charlie)),
            "authorize.waiting",
        ),
        (
            1,
            Ask::Remark(disputing(first_leg(nobody), ChainId::from_bytes([9; 32]))),
            "authorize.account",
        ),
        (
            1,
            Ask::Remark(RemarkRequest::Close {
                until: Timestamp::from_millis(u64::MAX),
            }),
            "authorize.future",
        ),
        (2, Ask::Acknowledge(first_leg(nobody)), "authorize.leg"),
        (2, Ask::Refuse(first_leg(nobody)), "authorize.leg"),
    ];
    for (member, request, code) in refused {
        let before = village.nodes[member].set().len();
        let rows = block_on(verify_store(&village.coop.genesis, &village.stores[member])).unwrap();
        assert_eq!(rows, []);
        let error = village.ask(member, &request).unwrap_err();
        assert_eq!(error.code(), code, "{request:?}");
        assert_eq!(village.nodes[member].set().len(), before);
        village.open_deciding(member, Arc::new(village.stores[member].clone()));
        assert_eq!(village.nodes[member].set().len(), before, "in the store");
    }
    let taken_otherwise = scene
        .asks
        .iter()
        .find_map(|(member, request)| match request {
            Ask::Acknowledge(leg) => Some((*member, Ask::Refuse(*leg))),
            _ => None,
        });
    let (member, request) = taken_otherwise.unwrap();
    let error = village.ask(member, &request).unwrap_err();
    assert_eq!(error.code(), "authorize.leg");
}

#[test]
fn request_is_carried_out_once_whichever_way_its_commit_fails() {
    let scene = Scene::set();
    for (member, request) in &scene.asks {
        let open = |village: &mut Village, store| village.open_deciding(*member, store);
        let ask = |village: &mut Village| Ok(vec![village.ask(*member, request)?]);
        let trial = scene.before.trial(*member, open);
        trial.is_carried_out_once(ask, |_, _| {});
    }
}
