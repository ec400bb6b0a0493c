//! What governance and the registrar do to accounts, by Open and Seal only:
//! one test each, with where the account stood before and where it stands
//! after.

use icn_ledger::{Charge, Refusal};
use icn_types::authority::{Act, Consent, Finality, Grant, RollChange, Start, Tip};
use icn_types::canon::{List, to_bytes};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::Signer as _;
use icn_types::record::Kind;
use icn_types::set::Label;
use icn_types::testkit::stage::{GRANT, key_of};

use crate::market::{Market, leg};
use crate::treasury::{action, decide};

/// Posted, contested, charged, and what may be spent.
type Stands = (i128, i128, u128, u128);

fn stands(market: &Market, chain: ChainId) -> Stands {
    let column = market.column(chain);
    let (posted, contested, charged) = (column.posted, column.contested, column.charged);
    (posted, contested, charged, market.spendable(chain))
}

/// A member who bought for 30, and the shop that has the credit.
fn traded() -> (Market, ChainId, ChainId) {
    let mut market = Market::new(4);
    let (member, shop) = (market.chains[0], market.chains[1]);
    let paid = market.pay(member, shop, 30);
    market.ack(shop, &[leg(paid, 0)]);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    (market, member, shop)
}

/// Kinds of authority records that were written after so many records.
fn acts_since(market: &Market, count: usize) -> Vec<Kind> {
    let authority = market.stage.set.authority();
    let late = market.stage.records[count..].iter();
    let late = late.filter(|record| record.chain() == authority);
    late.map(|record| record.kind()).collect()
}

fn last_tip(market: &Market, chain: ChainId) -> Option<Tip> {
    market.tip(chain)
}

/// The next Open of an account under terms that somebody signs.
fn open_next(
    market: &mut Market,
    chain: ChainId,
    tip: Option<Tip>,
    grant: Option<Grant>,
    by_recovery: bool,
) -> RecordId {
    let prior = market.stage.open_of(&chain);
    let defined = market.stage.set.open(&prior).unwrap().chain;
    let (key, old) = (market.stage.draw_key(), market.stage.key(&chain).clone());
    let start = Start::After { prior, tip };
    let mut open = market.stage.open_body(defined, &key, start, 0, grant, &old);
    if by_recovery {
        let terms = to_bytes(&open.consent_terms(market.stage.domain()));
        let recovery = market.stage.recovery_key();
        open.consent = Consent::Recovery(recovery.sign(&terms).unwrap());
    }
    let id = market.stage.open_as(open, &key, &[]);
    market.feed();
    id
}

fn freeze(market: &mut Market, chain: ChainId) {
    market.stage.seal(&chain, Finality::Final);
    market.feed();
}

#[test]
fn freeze_stops_an_account_where_it_stands() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    freeze(&mut market, member);
    assert_eq!(acts_since(&market, before), [Kind::SEAL]);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let request = market.request(&[(shop, 1)]);
    assert_eq!(market.authorize(member, &request), Err(Refusal::Frozen));
    let late = market.pay(member, shop, 5);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70), "beyond the seal");
    let claimed = market.ack(shop, &[leg(late, 0)]);
    assert_eq!(market.verdict(&claimed), "valid");
    assert_eq!(market.column(member).charged, 5, "the shop is innocent");
}

#[test]
fn unfreeze_lets_it_go_on_from_there() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    let tip = last_tip(&market, member);
    freeze(&mut market, member);
    open_next(&mut market, member, tip, Some(GRANT), false);
    assert_eq!(acts_since(&market, before), [Kind::SEAL, Kind::OPEN]);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let paid = market.pay(member, shop, 70);
    assert_eq!(market.verdict(&paid), "valid");
}

#[test]
fn raised_limit_is_spent_once_it_is_named() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    let raise = market.stage.raise(&member, -150);
    market.feed();
    assert_eq!(acts_since(&market, before), [Kind::RAISE]);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let note = market.note(member, &[raise]);
    assert_eq!(market.verdict(&note), "valid");
    assert_eq!(stands(&market, member), (-30, 0, 0, 120));
    let paid = market.pay(member, shop, 120);
    assert_eq!(market.verdict(&paid), "valid");
}

/// The member is offline and spends: entries up to the Seal stand, later ones
/// are void, and charged where somebody acknowledged them.
#[test]
fn lowered_limit_reaches_a_member_who_is_offline_and_spending() {
    let (mut market, member, shop) = traded();
    let sealed = last_tip(&market, member);
    let before = market.stage.records.len();
    let late = [market.pay(member, shop, 40), market.pay(member, shop, 25)];
    market.ack(shop, &[leg(late[0], 0)]);
    assert_eq!(stands(&market, member), (-95, 0, 0, 5));
    let lower = Some(Grant {
        floor: -50,
        ..GRANT
    });
    market.stage.reopen_with(&member, sealed, 40, lower);
    market.feed();
    assert_eq!(acts_since(&market, before), [Kind::SEAL, Kind::OPEN]);
    assert_eq!(stands(&market, member), (-30, -40, 40, 0));
    let label = |id: &RecordId| {
        let set = &market.stage.set;
        let slot = set.find(id).unwrap();
        let canonical = set.canonical();
        canonical.contains(slot).then(|| canonical.label(slot))
    };
    assert_eq!(late.map(|id| label(&id)), [Some(Label::Void), None]);
    let charge = market.ledger.charge(&market.stage.set, &member);
    assert_eq!(charge, Some(Charge::Confirmed));
    assert_eq!(market.posted(shop), 70, "the shop keeps its credit");
    let more = market.pay(member, shop, 1);
    assert_eq!(market.verdict(&more), "limit.floor");
}

#[test]
fn rotation_changes_the_key_and_nothing_else() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    let (tip, old) = (last_tip(&market, member), market.stage.key(&member).clone());
    freeze(&mut market, member);
    open_next(&mut market, member, tip, Some(GRANT), false);
    assert_eq!(acts_since(&market, before), [Kind::SEAL, Kind::OPEN]);
    assert_ne!(market.stage.key(&member).public_key(), old.public_key());
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let paid = market.pay(member, shop, 1);
    assert_eq!(market.verdict(&paid), "valid");
}

#[test]
fn recovery_needs_no_key_of_the_epoch_before() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    let tip = last_tip(&market, member);
    freeze(&mut market, member);
    let open = open_next(&mut market, member, tip, Some(GRANT), true);
    assert_eq!(acts_since(&market, before), [Kind::SEAL, Kind::OPEN]);
    let open = market.stage.set.open(&open).unwrap();
    assert!(matches!(open.consent, Consent::Recovery(_)));
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let paid = market.pay(member, shop, 1);
    assert_eq!(market.verdict(&paid), "valid");
}

/// Who leaves keeps the debt and the credit; only nobody writes the account.
#[test]
fn removal_ends_the_epoch_and_leaves_the_position() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    freeze(&mut market, member);
    let id = market
        .stage
        .set
        .open(&market.stage.open_of(&member))
        .unwrap();
    let id = id.chain.owner().member().unwrap();
    let change = RollChange {
        join: List::empty(),
        leave: List::new([id]).unwrap(),
    };
    market.stage.act(&Act::Roll(change), &[]);
    market.feed();
    assert_eq!(acts_since(&market, before), [Kind::SEAL, Kind::ROLL]);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let request = market.request(&[(shop, 1)]);
    assert_eq!(market.authorize(member, &request), Err(Refusal::Frozen));
    assert_eq!(market.posted(shop), 30);
}

#[test]
fn receivership_pays_what_was_decided_from_where_the_owner_stood() {
    let (mut market, member, shop) = traded();
    let before = market.stage.records.len();
    let receiver = key_of(1, "receiver", 0);
    let proposal = icn_types::authority::ProposalId::from_bytes([5; 32]);
    let actions = [
        market.stage.receivership(member, &receiver),
        action(member, shop, market.unit.id(), 20),
    ];
    let ready = decide(&mut market, proposal, &actions);
    let tip = last_tip(&market, member);
    freeze(&mut market, member);
    market.stage.receive(&member, tip, &receiver, (ready, 0));
    market.feed();
    let vote = [Kind::OPENING, Kind::CLOSE, Kind::READY];
    assert_eq!(acts_since(&market, before)[..3], vote);
    assert_eq!(acts_since(&market, before)[3..], [Kind::SEAL, Kind::OPEN]);
    assert_eq!(stands(&market, member), (-30, 0, 0, 70));
    let key = icn_types::authority::operation_key(market.stage.domain(), proposal, 1);
    let paid = market.pay_decided(member, &[ready], (shop, 20), (1, key));
    assert_eq!(market.verdict(&paid), "valid");
    assert_eq!(stands(&market, member), (-50, 0, 0, 50));
}

#[test]
fn fork_resolution_honours_one_branch_and_charges_the_other() {
    let (mut market, member, shop) = traded();
    let tip = last_tip(&market, member);
    let branches = [10, 25].map(|atoms| market.pay_after(member, tip, shop, atoms));
    market.ack(shop, &[leg(branches[0], 0), leg(branches[1], 0)]);
    assert_eq!(stands(&market, member), (-30, -35, 35, 70));
    let before = market.stage.records.len();
    let honoured = Some(Tip {
        seq: tip.unwrap().seq + 1,
        head: branches[0],
    });
    market.reopen(member, honoured, 25);
    assert_eq!(acts_since(&market, before), [Kind::SEAL, Kind::OPEN]);
    assert_eq!(stands(&market, member), (-40, -25, 25, 35));
    let paid = market.pay(member, shop, 35);
    assert_eq!(market.verdict(&paid), "valid");
    assert_eq!(stands(&market, member), (-75, -25, 25, 0));
}
