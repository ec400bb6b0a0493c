//! A member with several devices: a chain and a grant each, one limit.

use icn_ledger::member::{CreditRefusal, MemberAccounts};
use icn_types::authority::{Consent, Finality, Grant, Raise, Start};
use icn_types::canon::to_bytes;
use icn_types::chain::{Chain, Owner};
use icn_types::error::Coded as _;
use icn_types::id::ChainId;
use icn_types::key::{MemberId, Signer as _};
use icn_types::testkit::stage::GRANT;

use crate::market::{Market, NOW, amount, leg};

const LIMIT: u64 = 100;

fn with_floor(floor: i64) -> Option<Grant> {
    Some(Grant { floor, ..GRANT })
}

fn account(market: &Market, member: MemberId, device: u32) -> Chain {
    market.topic().chain(Owner::Member(member, device))
}

/// A member with a phone (-60) and a laptop (-40), and a shop.
fn devices() -> (Market, MemberId, [ChainId; 2], ChainId) {
    let mut market = Market::empty(2, amount(1));
    let people: Vec<_> = market.stage.members().to_vec();
    let member = people[0].inception.id();
    let chains = [(0, -60), (1, -40)].map(|(device, floor)| {
        let chain = account(&market, member, device);
        let key = people[0].key.clone();
        market.stage.open(chain, key, with_floor(floor))
    });
    let shop = account(&market, people[1].inception.id(), 0);
    let shop = market
        .stage
        .open(shop, people[1].key.clone(), with_floor(-100));
    market.feed();
    (market, member, chains, shop)
}

fn view(market: &Market, member: &MemberId) -> MemberAccounts {
    market.ledger.member(&market.stage.set, member)
}

#[test]
fn a_member_stands_where_all_devices_stand_together() {
    let (mut market, member, [phone, laptop], shop) = devices();
    let paid = [market.pay(phone, shop, 50), market.pay(laptop, shop, 10)];
    market.ack(shop, &[leg(paid[0], 0), leg(paid[1], 0)]);
    let accounts = view(&market, &member);
    let chains: Vec<_> = accounts.devices.iter().map(|device| device.chain).collect();
    assert_eq!(chains, [phone, laptop]);
    assert_eq!(accounts.posted.get(), -60);
    assert_eq!((accounts.committed, accounts.spendable), (100, 40));
    let each: Vec<_> = accounts
        .devices
        .iter()
        .map(|device| {
            let limits = device.positions.limits.unwrap();
            (
                device.number,
                device.used,
                device.committed,
                limits.spendable,
            )
        })
        .collect();
    assert_eq!(each, [(0, 50, 60, 10), (1, 10, 40, 30)]);
    let nobody = MemberId::from_bytes([9; 32]);
    assert_eq!(view(&market, &nobody).devices, []);
}

#[test]
fn a_registrar_opens_and_raises_within_the_limit_of_the_member() {
    let (mut market, member, [phone, _], _) = devices();
    let set = &market.stage.set;
    let open = set.open(&market.stage.open_of(&phone)).unwrap();
    let of = |number, floor| {
        let mut open = open.clone();
        open.chain = account(&market, member, number);
        open.grant = with_floor(floor);
        market.ledger.admit_open(set, &open, LIMIT)
    };
    assert_eq!(of(2, 0), Ok(()));
    let above = CreditRefusal::Limit {
        committed: 101,
        limit: LIMIT,
    };
    assert_eq!(of(2, -1), Err(above), "a third device");
    assert_eq!(of(0, -60), Ok(()), "the same again");
    assert_eq!(of(0, -61), Err(above));
    let raise = |floor| Raise {
        open: market.stage.open_of(&phone),
        floor,
    };
    assert_eq!(
        market.ledger.admit_raise(set, &raise(-61), LIMIT),
        Err(above)
    );
    assert_eq!(market.ledger.admit_raise(set, &raise(-61), 101), Ok(()));
    let mut treasury = open.clone();
    treasury.chain = market.topic().chain(Owner::Shared(0));
    let refused = market.ledger.admit_open(set, &treasury, LIMIT);
    assert_eq!(refused, Err(CreditRefusal::NoMember));
    let nowhere = Raise {
        open: icn_types::id::RecordId::from_bytes([9; 32]),
        floor: -1,
    };
    let refused = market.ledger.admit_raise(set, &nowhere, LIMIT);
    assert_eq!(refused, Err(CreditRefusal::NoMember));
    // A raise counts from the moment it is written, named or not.
    market.stage.raise(&phone, -70);
    market.feed();
    assert_eq!(view(&market, &member).committed, 110);
    assert_eq!(market.spendable(phone), 60);
}

/// What a frozen account owes is still owed, whatever the others get.
#[test]
fn a_frozen_device_commits_what_it_used() {
    let (mut market, member, [phone, laptop], shop) = devices();
    market.pay(phone, shop, 45);
    market.stage.seal(&phone, Finality::Final);
    market.feed();
    let accounts = view(&market, &member);
    assert_eq!((accounts.committed, accounts.spendable), (45 + 40, 40));
    let raise = |floor| Raise {
        open: market.stage.open_of(&laptop),
        floor,
    };
    let set = &market.stage.set;
    assert_eq!(market.ledger.admit_raise(set, &raise(-55), LIMIT), Ok(()));
    let above = market.ledger.admit_raise(set, &raise(-56), LIMIT);
    assert_eq!(above.unwrap_err().code(), "credit.limit");
}

#[test]
fn credit_moves_between_devices_and_the_sum_stays_within_the_limit() {
    let (mut market, member, [phone, laptop], shop) = devices();
    market.pay(phone, shop, 20);
    let set = &market.stage.set;
    let plan = market
        .ledger
        .plan_move(set, (&phone, &laptop), amount(30), LIMIT)
        .unwrap();
    let terms = to_bytes(&plan.terms(set));
    let consent = Consent::Current(market.stage.key(&phone).sign(&terms).unwrap());
    let drafts = plan.drafts(set, consent, NOW).unwrap();
    let before = market.stage.open_of(&phone);
    let mut committed = Vec::new();
    for draft in drafts {
        let id = market.submit(draft);
        let set = &market.stage.set;
        assert!(set.verdict(set.find(&id).unwrap()).is_valid());
        committed.push(view(&market, &member).committed);
    }
    assert_eq!(committed, [20 + 40, 30 + 40, 30 + 70]);
    let seat = *market.stage.set.office().unwrap().seat(&phone).unwrap();
    assert_ne!(seat.open(), before);
    assert_eq!(seat.floor(), Some(-30));
    let start = market.stage.set.open(&seat.open()).unwrap().start;
    assert!(matches!(start, Start::After { prior, tip: Some(_) } if prior == before));
    let spendable = [phone, laptop].map(|chain| market.spendable(chain));
    assert_eq!(spendable, [10, 40], "the laptop has not named its raise");
}

#[test]
fn credit_that_is_used_or_beyond_the_limit_does_not_move() {
    let (mut market, _, [phone, laptop], shop) = devices();
    market.pay(phone, shop, 20);
    let plan = |market: &Market, between: (&ChainId, &ChainId), atoms, limit| {
        let planned = market
            .ledger
            .plan_move(&market.stage.set, between, amount(atoms), limit);
        planned.map(|_| ()).map_err(|refusal| refusal.code())
    };
    assert_eq!(plan(&market, (&phone, &laptop), 40, LIMIT), Ok(()));
    assert_eq!(
        plan(&market, (&phone, &laptop), 41, LIMIT),
        Err("credit.used")
    );
    assert_eq!(plan(&market, (&phone, &laptop), 1, 99), Err("credit.limit"));
    assert_eq!(
        plan(&market, (&phone, &phone), 1, LIMIT),
        Err("credit.devices")
    );
    assert_eq!(
        plan(&market, (&phone, &shop), 1, LIMIT),
        Err("credit.devices")
    );
    let tip = market.tip(phone);
    market.pay_after(phone, None, shop, 1);
    assert_eq!(
        plan(&market, (&phone, &laptop), 1, LIMIT),
        Err("credit.tip")
    );
    market.stage.seal_at(&phone, tip, Finality::Final);
    market.feed();
    assert_eq!(
        plan(&market, (&phone, &laptop), 1, LIMIT),
        Err("credit.devices")
    );
}

/// Phone and laptop trade for a week without hearing of each other, or of the
/// shop. Nothing forks, and neither goes below its own floor.
#[test]
fn two_devices_offline_for_a_week_neither_fork_nor_pass_the_limit() {
    let (mut market, member, chains, shop) = devices();
    let mut legs = Vec::new();
    for day in 0..7 {
        for chain in chains {
            let paid = market.pay(chain, shop, if day < 4 { 10 } else { 3 });
            if market.verdict(&paid) == "valid" {
                legs.push(leg(paid, 0));
            } else {
                assert_eq!(market.verdict(&paid), "limit.floor");
                let tip = market.tip(chain).unwrap();
                market.reopen(chain, Some(tip), 0);
            }
        }
    }
    market.ack(shop, &legs);
    for chain in chains {
        assert_eq!(market.stage.set.fork(&chain), None);
    }
    let accounts = view(&market, &member);
    assert!(accounts.posted.get() >= -i128::from(LIMIT));
    assert_eq!(accounts.posted.get(), -(49 + 40));
    assert_eq!(accounts.committed, u128::from(LIMIT));
}
