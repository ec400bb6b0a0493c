//! Several devices of a member: accounts opened, raised and moved between, each
//! once, by the member's node and the registrar's.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, ChainRequest, CreditMove, Node};
use icn_ledger::PaymentRequest;
use icn_types::amount::Amount;
use icn_types::authority::Grant;
use icn_types::chain::{Chain, Owner};
use icn_types::error::{Coded as _, Fault as Party};
use icn_types::host::Store;
use icn_types::id::{ChainId, UnitId};
use icn_types::key::{Keypair, MemberId, Signature, Signer as _};
use icn_types::time::Times;
use icn_types::topic::Topic;

use super::coop::{FLOAT, Village};
use super::faults::Moment;
use super::hours;

const HOUR: u64 = 3_600;
/// What every member may owe.
const LIMIT: u64 = 60 * HOUR;
/// What the phone of the member may owe from the start.
const PHONE: i64 = -40 * 3_600;

fn grant(hours: i64) -> Grant {
    Grant {
        floor: -hours * 3_600,
        ceiling: i64::MAX,
        float: FLOAT,
    }
}

fn laptop_key() -> Keypair {
    Keypair::from_seed(&[77; 32])
}

/// The second member's phone writes on its own node, the laptop on the third.
struct Devices {
    unit: UnitId,
    phone: ChainId,
    laptop: ChainId,
    member: MemberId,
    account: ChainRequest,
}

impl Devices {
    fn of(village: &Village) -> Self {
        let person = &village.coop.members[1];
        let (unit, member) = (village.coop.hours, person.inception.id());
        let topic = Topic::Ledger(village.coop.domain(), unit);
        let account = ChainRequest {
            chain: topic.chain(Owner::Member(member, 1)),
            key: laptop_key().public_key(),
            recovery: person.key.public_key(),
            grant: Some(grant(10)),
        };
        Self {
            unit,
            phone: village.coop.hours_of(1),
            laptop: account.chain.id(),
            member,
            account,
        }
    }

    /// One device more.
    fn third(&self, hours: i64) -> ChainRequest {
        let topic = self.account.chain.topic();
        ChainRequest {
            chain: Chain::new(topic, Owner::Member(self.member, 2)),
            grant: Some(grant(hours)),
            ..self.account
        }
    }

    fn moving(&self, hours: u64) -> CreditMove {
        CreditMove {
            from: self.phone,
            to: self.laptop,
            amount: Amount::new(hours * HOUR).unwrap(),
        }
    }

    fn spendable(&self, node: &Node) -> [u128; 2] {
        let ledger = node.ledger(&self.unit).unwrap();
        [self.phone, self.laptop].map(|chain| {
            let limits = ledger.positions(node.set(), &chain).limits;
            limits.map_or(0, |limits| limits.spendable)
        })
    }
}

impl Village {
    fn open_with_laptop(&mut self, member: usize, store: Arc<dyn Store>) {
        let mut settings = self.coop.settings(member, store, &self.network);
        if member == 2 {
            settings = settings.with_signer(Arc::new(laptop_key()));
        }
        self.nodes[member] = block_on(settings.open()).unwrap();
    }

    fn pay_hours(
        &mut self,
        node: usize,
        chain: ChainId,
        request: &PaymentRequest,
    ) -> Result<Authored, AuthorError> {
        let (unit, times) = (self.coop.hours, self.times());
        block_on(self.nodes[node].pay(&unit, &chain, request, times))
    }

    fn reopen_with_laptop(&mut self, member: usize) {
        self.open_with_laptop(member, Arc::new(self.stores[member].clone()));
    }
}

/// A village in which the laptop's account is open.
fn with_laptop(seed: u64) -> (Village, Devices) {
    let mut village = Village::new(seed, 3);
    village.reopen_with_laptop(2);
    let devices = Devices::of(&village);
    let agreed = village.nodes[1].agree_to_chain(&devices.account);
    let times = village.times();
    let opened = village.nodes[0].open_chain(&devices.account, agreed.unwrap(), LIMIT, times);
    let Authored::New(_) = block_on(opened).unwrap() else {
        panic!("a first account");
    };
    village.until("nodes agree", Village::agree);
    (village, devices)
}

#[test]
fn second_device_gets_an_account_within_the_limit_and_once() {
    let (mut village, devices) = with_laptop(101);
    let Devices { unit, account, .. } = devices;
    let agreed = village.nodes[1].agree_to_chain(&account).unwrap();
    let times = village.times();
    let again = village.nodes[0].open_chain(&account, agreed, LIMIT, times);
    assert!(matches!(block_on(again), Ok(Authored::Again(_))));
    let third = devices.third(11);
    let agreed = village.nodes[1].agree_to_chain(&third).unwrap();
    let before = village.nodes[0].set().len();
    for (consent, limit, code) in [
        (agreed, LIMIT, "credit.limit"),
        (Signature::from_bytes([1; 64]), 2 * LIMIT, "open.consent"),
    ] {
        let refused = village.nodes[0].open_chain(&third, consent, limit, times);
        assert_eq!(block_on(refused).unwrap_err().code(), code);
    }
    let other = ChainRequest {
        grant: Some(grant(9)),
        ..account
    };
    let agreed_other = village.nodes[1].agree_to_chain(&other).unwrap();
    let refused = village.nodes[0].open_chain(&other, agreed_other, LIMIT, times);
    assert_eq!(block_on(refused).unwrap_err().code(), "open.order");
    assert_eq!(village.nodes[0].set().len(), before, "nothing is written");
    // Whoever is not the registrar opens nothing, and signs for nobody else.
    let refused = village.nodes[2].open_chain(&third, agreed, 2 * LIMIT, times);
    assert_eq!(block_on(refused).unwrap_err().code(), "node.key");
    let refused = village.nodes[2].agree_to_chain(&third);
    assert_eq!(refused.unwrap_err().code(), "node.key");
    // The laptop pays and is paid like any account.
    let alice = village.coop.hours_of(0);
    village
        .pay_hours(2, devices.laptop, &hours(alice, 7, 1))
        .unwrap();
    village.until("alice is paid", |v| {
        v.agree() && v.posted(1, unit, alice) == 7 * 3_600
    });
    let ledger = village.nodes[1].ledger(&unit).unwrap();
    let member = ledger.member(village.nodes[1].set(), &devices.member);
    assert_eq!((member.devices.len(), member.posted.get()), (2, -7 * 3_600));
}

#[test]
fn registrar_raises_credit_within_the_limit_and_once() {
    let (mut village, devices) = with_laptop(102);
    let (unit, laptop) = (devices.unit, devices.laptop);
    let times = village.times();
    let mut raise = |hours: i64| {
        let floor = -hours * 3_600;
        let raised = village.nodes[0].raise_credit(&unit, &laptop, floor, LIMIT, times);
        block_on(raised).map_err(|error| error.code())
    };
    let first = raise(20).unwrap();
    assert!(matches!(first, Authored::New(_)));
    assert_eq!(raise(20), Ok(Authored::Again(first.id())));
    assert_eq!(raise(21), Err("credit.limit"));
    assert_eq!(raise(19), Err("raise.epoch"));
    village.until("nodes agree", Village::agree);
    let alice = village.coop.hours_of(0);
    village.pay_hours(2, laptop, &hours(alice, 20, 1)).unwrap();
    village.until("alice is paid", |v| {
        v.agree() && v.posted(0, unit, alice) == 20 * 3_600
    });
    let treasury = village.coop.treasury();
    let times = village.times();
    let credits = village.coop.credits;
    let refused = village.nodes[0].raise_credit(&credits, &treasury, -20_000, 20_000, times);
    assert_eq!(block_on(refused).unwrap_err().code(), "credit.member");
}

#[test]
fn credit_moves_from_phone_to_laptop_while_the_phone_rests() {
    let (mut village, devices) = with_laptop(103);
    let (unit, phone, laptop) = (devices.unit, devices.phone, devices.laptop);
    let alice = village.coop.hours_of(0);
    village.pay_hours(1, phone, &hours(alice, 5, 1)).unwrap();
    village.until("nodes agree", Village::agree);
    let moving = devices.moving(30);
    let agreed = block_on(village.nodes[1].agree_to_move(&unit, &moving)).unwrap();
    let same = block_on(village.nodes[1].agree_to_move(&unit, &moving)).unwrap();
    assert_eq!(agreed, same);
    for is_reopened in [false, true] {
        if is_reopened {
            village.reopen_with_laptop(1);
        }
        let error = village
            .pay_hours(1, phone, &hours(alice, 1, 2))
            .unwrap_err();
        let expected = ("node.agreed", Party::Environment);
        assert_eq!((error.code(), error.fault()), expected);
    }
    // Money that comes meanwhile is taken later.
    village.pay_hours(0, alice, &hours(phone, 2, 3)).unwrap();
    village.rounds(5);
    assert_eq!(village.posted(1, unit, phone), -5 * 3_600);
    let move_it = |village: &mut Village, request: &CreditMove, consent| {
        let times = village.times();
        let moved = village.nodes[0].move_credit(&unit, request, consent, LIMIT, times);
        block_on(moved).map_err(|error| error.code())
    };
    let before = village.nodes[0].set().len();
    let forged = move_it(&mut village, &devices.moving(29), agreed);
    assert_eq!(forged, Err("node.terms"), "less than what was agreed to");
    assert_eq!(village.nodes[0].set().len(), before);
    let moved = move_it(&mut village, &moving, agreed).unwrap();
    assert_eq!(village.nodes[0].set().len(), before + 3);
    let again = move_it(&mut village, &moving, agreed);
    assert_eq!(again, Ok(Authored::Again(moved.id())));
    village.until("the phone goes on with less credit", |v| {
        v.agree() && v.posted(1, unit, phone) == -3 * 3_600
    });
    let node = &village.nodes[1];
    assert_eq!(devices.spendable(node)[0], 7 * 3_600);
    let member = node
        .ledger(&unit)
        .unwrap()
        .member(node.set(), &devices.member);
    assert_eq!(member.committed, u128::from((10 + 40) * HOUR));
    let above = village.pay_hours(1, phone, &hours(alice, 8, 4));
    assert_eq!(above.unwrap_err().code(), "authorize.limit");
    village.pay_hours(1, phone, &hours(alice, 7, 4)).unwrap();
    village.pay_hours(2, laptop, &hours(alice, 40, 5)).unwrap();
    village.until("both paid all that the member may owe", |v| {
        v.agree() && v.posted(2, unit, alice) == (5 - 2 + 7 + 40) * 3_600
    });
    assert_eq!(village.forks(), []);
}

#[test]
fn device_whose_owner_withdrew_writes_on_and_the_old_terms_are_worth_nothing() {
    let (mut village, devices) = with_laptop(104);
    let (unit, phone) = (devices.unit, devices.phone);
    let alice = village.coop.hours_of(0);
    let moving = devices.moving(30);
    let agreed = block_on(village.nodes[1].agree_to_move(&unit, &moving)).unwrap();
    block_on(village.nodes[1].withdraw(&phone)).unwrap();
    village.pay_hours(1, phone, &hours(alice, 1, 1)).unwrap();
    village.until("the registrar knows", |v| v.posted(0, unit, alice) == 3_600);
    let before = village.nodes[0].set().len();
    let times = village.times();
    let moved = village.nodes[0].move_credit(&unit, &moving, agreed, LIMIT, times);
    assert_eq!(block_on(moved).unwrap_err().code(), "node.terms");
    assert_eq!(village.nodes[0].set().len(), before);
    village.reopen_with_laptop(1);
    village.pay_hours(1, phone, &hours(alice, 1, 2)).unwrap();
}

/// What the registrar's host asks, with what the member signed.
#[derive(Clone, Copy, Debug)]
enum Grantings {
    Open,
    Raise,
    Move,
}

async fn ask(
    node: &mut Node,
    what: Grantings,
    devices: &Devices,
    consent: Signature,
    times: Times,
) -> Result<Authored, AuthorError> {
    let unit = &devices.unit;
    match what {
        Grantings::Open => {
            let third = devices.third(5);
            node.open_chain(&third, consent, LIMIT, times).await
        }
        Grantings::Raise => {
            let floor = PHONE - 3_600;
            node.raise_credit(unit, &devices.phone, floor, LIMIT, times)
                .await
        }
        Grantings::Move => {
            let moving = devices.moving(30);
            node.move_credit(unit, &moving, consent, LIMIT, times).await
        }
    }
}

#[test]
fn registrar_grants_once_whichever_way_the_commit_fails() {
    let (mut village, devices) = with_laptop(105);
    let unit = devices.unit;
    let to_account = village.nodes[1].agree_to_chain(&devices.third(5));
    let to_move = block_on(village.nodes[1].agree_to_move(&unit, &devices.moving(30)));
    let (to_account, to_move) = (to_account.unwrap(), to_move.unwrap());
    let before = Moment::of(105, &village);
    let trial = before.trial(0, |village, store| village.open_with_laptop(0, store));
    for what in [Grantings::Open, Grantings::Raise, Grantings::Move] {
        let consent = match what {
            Grantings::Move => to_move,
            _ => to_account,
        };
        let grant = |village: &mut Village| {
            let times = village.times();
            let granted = ask(&mut village.nodes[0], what, &devices, consent, times);
            Ok(vec![block_on(granted)?])
        };
        trial.is_carried_out_once(grant, |_, _| {});
    }
}

#[test]
fn nothing_is_signed_before_the_phone_rests_for_good() {
    let (village, devices) = with_laptop(106);
    let (unit, phone) = (devices.unit, devices.phone);
    let moving = devices.moving(30);
    let before = Moment::of(106, &village);
    let trial = before.trial(1, |village, store| village.open_with_laptop(1, store));
    let ask = |village: &mut Village| block_on(village.nodes[1].agree_to_move(&unit, &moving));
    for (mut village, rests) in trial.failures(ask) {
        trial.reopen(&mut village);
        let alice = village.coop.hours_of(0);
        let paid = village.pay_hours(1, phone, &hours(alice, 1, 1));
        assert_eq!(paid.is_err(), rests);
        let agreed = ask(&mut village).unwrap();
        village.until("the registrar knows the last record", |v| {
            v.tip(0, &phone) == v.tip(1, &phone)
        });
        let times = village.times();
        let moved = village.nodes[0].move_credit(&unit, &moving, agreed, LIMIT, times);
        block_on(moved).unwrap();
        village.until("nodes agree", Village::agree);
        assert_eq!(
            devices.spendable(&village.nodes[2])[1],
            u128::from(10 * HOUR)
        );
    }
}
