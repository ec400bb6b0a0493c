//! A receiver writes somebody else's account, and sends only what the decision
//! that appointed it says.

use icn_ledger::entry::NOTE;
use icn_ledger::{Note, Refusal};
use icn_types::authority::{
    Act, Consent, Finality, ProposalId, Seal, SealRow, Start, Tip, operation_key,
};
use icn_types::canon::{List, to_bytes};
use icn_types::id::{ChainId, OperationKey, RecordId, UnitId};
use icn_types::key::{Keypair, Signer as _};
use icn_types::record::{Content, Draft, Place};
use icn_types::set::Label;
use icn_types::testkit::stage::{GRANT, key_of};

use crate::market::{Market, NOW, follow, leg};
use crate::treasury::{action, decide};

const PROPOSAL: ProposalId = ProposalId::from_bytes([5; 32]);
const OTHER: ProposalId = ProposalId::from_bytes([6; 32]);

fn receiver() -> Keypair {
    key_of(1, "receiver", 0)
}

fn key(market: &Market, number: u16) -> OperationKey {
    operation_key(market.stage.domain(), PROPOSAL, number)
}

/// Seals an account for good at `tip` and gives it to the receiver.
fn receive(market: &mut Market, account: ChainId, tip: Option<Tip>, ready: RecordId) -> RecordId {
    market.stage.seal_at(&account, tip, Finality::Final);
    let open = market.stage.receive(&account, tip, &receiver(), (ready, 0));
    market.feed();
    open
}

/// Three accounts: the first one's owner left a debt to the second, and the
/// decision says that a receiver pays it: actions 0 (receive) and 1 (pay 40).
fn received() -> (Market, [ChainId; 3], RecordId) {
    let mut market = Market::new(3);
    let [account, creditor, other] = market.chains[..] else {
        panic!("three accounts");
    };
    let unit = market.unit.id();
    let actions = [
        market.stage.receivership(account, &receiver()),
        action(account, creditor, unit, 40),
        action(other, creditor, unit, 40),
        action(account, creditor, UnitId::from_bytes([8; 32]), 40),
    ];
    let ready = decide(&mut market, PROPOSAL, &actions);
    receive(&mut market, account, None, ready);
    (market, [account, creditor, other], ready)
}

/// Opens the next epoch after a receivership with the recovery key, which the
/// decision left with the owner.
fn give_back(market: &mut Market, account: ChainId, tip: Option<Tip>) -> Keypair {
    market.stage.seal_at(&account, tip, Finality::Final);
    let prior = market.stage.open_of(&account);
    let chain = market.stage.set.open(&prior).unwrap().chain;
    let (owner, recovery) = (market.stage.draw_key(), market.stage.recovery_key());
    let start = Start::After { prior, tip };
    let mut open = market
        .stage
        .open_body(chain, &owner, start, 0, Some(GRANT), &owner);
    let terms = to_bytes(&open.consent_terms(market.stage.domain()));
    open.consent = Consent::Recovery(recovery.sign(&terms).unwrap());
    market.stage.open_as(open, &owner, &[]);
    market.feed();
    owner
}

#[test]
fn a_receiver_pays_what_the_decision_says_once() {
    let (mut market, [account, creditor, _], ready) = received();
    let first = key(&market, 1);
    let paid = market.pay_decided(account, &[ready], (creditor, 40), (1, first));
    assert_eq!(market.verdict(&paid), "valid");
    market.ack(creditor, &[leg(paid, 0)]);
    let positions = [account, creditor].map(|chain| market.posted(chain));
    assert_eq!(positions, [-40, 40]);
    let again = market.pay_decided(account, &[ready], (creditor, 40), (1, first));
    assert_eq!(market.verdict(&again), "pay.key");
}

#[test]
fn a_receiver_pays_nothing_else() {
    let (mut market, [account, creditor, other], ready) = received();
    let unit = market.unit.id();
    let foreign = decide(&mut market, OTHER, &[action(account, creditor, unit, 7)]);
    let of_other = operation_key(market.stage.domain(), OTHER, 0);
    let open = market.stage.open_of(&account);
    let own = |number| key(&market, number);
    let wrong = [
        (
            "another amount",
            ready,
            (creditor, 41),
            (1, own(1)),
            "pay.decision",
        ),
        (
            "another payee",
            ready,
            (other, 40),
            (1, own(1)),
            "pay.decision",
        ),
        (
            "another key",
            ready,
            (creditor, 40),
            (1, own(2)),
            "pay.decision",
        ),
        (
            "another payer",
            ready,
            (creditor, 40),
            (2, own(2)),
            "pay.decision",
        ),
        (
            "another unit",
            ready,
            (creditor, 40),
            (3, own(3)),
            "pay.decision",
        ),
        (
            "an appointment",
            ready,
            (creditor, 40),
            (0, own(0)),
            "pay.decision",
        ),
        (
            "another decision",
            foreign,
            (creditor, 7),
            (0, of_other),
            "pay.receiver",
        ),
        (
            "no decision",
            open,
            (creditor, 40),
            (1, own(1)),
            "pay.receiver",
        ),
    ];
    let mut payments: Vec<_> = wrong
        .into_iter()
        .map(|(what, named, to, by, code)| (what, named, market.decided(&[named], &[to], by), code))
        .collect();
    let two = market.decided(
        &[ready],
        &[(creditor, 20), (creditor, 20)],
        (1, key(&market, 1)),
    );
    payments.push(("two legs", ready, two, "pay.decision"));
    let plain = market.payment(&[(creditor, 40)]);
    payments.push(("an owner's payment", ready, plain, "pay.receiver"));
    for (what, named, payment, code) in payments {
        let kind = icn_ledger::entry::PAYMENT;
        let id = market
            .stage
            .write_after(&account, None, kind, &[named], &payment);
        market.feed();
        assert_eq!(market.verdict(&id), code, "{what}");
    }
}

#[test]
fn a_receiver_is_refused_what_the_decision_does_not_say() {
    let (mut market, [account, creditor, _], _) = received();
    let request = market.request(&[(creditor, 40)]);
    let refused = market.authorize(account, &request);
    assert_eq!(
        refused,
        Err(Refusal::Rule(icn_ledger::LedgerRule::PayReceiver))
    );
}

/// Somebody died owing nothing to anybody; what still arrives goes back.
#[test]
fn a_dead_payee_gets_a_receiver_who_refuses() {
    let mut market = Market::new(2);
    let (dead, payer) = (market.chains[0], market.chains[1]);
    let taken = market.pay(payer, dead, 30);
    let late = market.pay(payer, dead, 5);
    let actions = [market.stage.receivership(dead, &receiver())];
    let ready = decide(&mut market, PROPOSAL, &actions);
    receive(&mut market, dead, None, ready);
    let ack = market.ack(dead, &[leg(taken, 0)]);
    let refusal = market.refuse(dead, &[leg(late, 0)]);
    let back = market.ack(payer, &[leg(refusal, 0)]);
    let note = market.note(dead, &[]);
    for id in [ack, refusal, back, note] {
        assert_eq!(market.verdict(&id), "valid");
    }
    assert_eq!([dead, payer].map(|chain| market.posted(chain)), [30, -30]);
}

#[test]
fn a_receiver_without_credit_refuses_all_the_same() {
    let mut market = Market::new(2);
    let (dead, payer) = (market.chains[0], market.chains[1]);
    let late = market.pay(payer, dead, 5);
    let actions = [market.stage.receivership(dead, &receiver())];
    let ready = decide(&mut market, PROPOSAL, &actions);
    market.stage.seal_at(&dead, None, Finality::Final);
    let prior = market.stage.open_of(&dead);
    let chain = market.stage.set.open(&prior).unwrap().chain;
    let start = Start::After { prior, tip: None };
    let mut open = market
        .stage
        .open_body(chain, &receiver(), start, 0, None, &receiver());
    open.consent = Consent::Decision { ready, action: 0 };
    market.stage.open_as(open, &receiver(), &[ready]);
    market.feed();
    let refusal = market.refuse(dead, &[leg(late, 0)]);
    assert_eq!(market.verdict(&refusal), "valid");
}

#[test]
fn a_receiver_writes_nothing_that_counts_after_its_successor_began() {
    let (mut market, [account, creditor, _], ready) = received();
    let mine = key(&market, 1);
    let late = market.decided(&[ready], &[(creditor, 40)], (1, mine));
    let kind = icn_ledger::entry::PAYMENT;
    let draft = market.stage.draft_after(
        &account,
        None,
        kind,
        Content::new(vec![ready], None, &late).unwrap(),
    );
    give_back(&mut market, account, None);
    let late = market.stage.sign(draft, &receiver());
    market.feed();
    let set = &market.stage.set;
    assert_eq!(market.verdict(&late), "valid");
    assert!(!set.canonical().contains(set.find(&late).unwrap()));
    assert_eq!(market.column(account).outgoing, 0);
    let free = market.pay(account, creditor, 3);
    assert_eq!(market.verdict(&free), "valid", "the owner pays as before");
    assert_eq!(market.column(account).outgoing, 3);
}

/// Two answers of the owner on two branches and one of the receiver race each
/// other. Whatever the Seal honours and in whatever order all of it arrives,
/// the leg is taken once and every replica says the same.
#[test]
fn owner_fork_and_receiver_take_a_leg_once_in_all_orders() {
    for honoured in 0..3 {
        for refuses in [false, true] {
            let mut market = Market::new(3);
            let [account, payer, _] = market.chains[..] else {
                panic!("three accounts");
            };
            let paid = market.pay(payer, account, 30);
            let sent = leg(paid, 0);
            let actions = [market.stage.receivership(account, &receiver())];
            let ready = decide(&mut market, PROPOSAL, &actions);
            let base = market.stage.records.len();
            let ack = market.ack_after(account, None, &[sent]);
            let (refs, legs) = crate::market::taking(&[sent]);
            let body = icn_ledger::Refuse {
                legs: List::new(legs).unwrap(),
            };
            let kind = icn_ledger::entry::REFUSE;
            let refusal = market.stage.write_after(&account, None, kind, &refs, &body);
            market.feed();
            let head = [None, Some(ack), Some(refusal)][honoured];
            let tip = head.map(|head| Tip { seq: 0, head });
            receive(&mut market, account, tip, ready);
            let answer = if refuses {
                market.refuse(account, &[sent])
            } else {
                market.ack(account, &[sent])
            };
            let expected = if honoured == 0 { "valid" } else { "ack.twice" };
            assert_eq!(market.verdict(&answer), expected);
            let column = market.column(account);
            let payer_in = market.column(payer).incoming;
            assert_eq!(column.incoming, 0, "nothing is in transit to it");
            let returned = honoured == 2 || (honoured == 0 && refuses);
            let credited = honoured == 1 || (honoured == 0 && !refuses);
            assert_eq!(column.posted, if credited { 30 } else { 0 });
            assert_eq!(payer_in, if returned { 30 } else { 0 });
            let digest = market.ledger.label_digest(&market.stage.set);
            all_orders(&market, base, digest);
        }
    }
}

/// Every rotation and reversal of what came last.
fn all_orders(market: &Market, base: usize, digest: icn_types::id::Digest) {
    let (before, after) = market.stage.records.split_at(base);
    for shift in 0..after.len() {
        for reversed in [false, true] {
            let mut late = after.to_vec();
            late.rotate_left(shift);
            if reversed {
                late.reverse();
            }
            let set = market.stage.replay(before.iter().chain(&late));
            let ledger = follow(&set, market.unit);
            assert_eq!(ledger.label_digest(&set), digest);
        }
    }
}

/// Without a decision nobody but the owner's keys opens an epoch, and what is
/// written under an Open that is not Valid is Invalid itself.
#[test]
fn nothing_counts_that_was_written_under_an_open_which_nobody_decided() {
    let mut market = Market::new(2);
    let (account, thief) = (market.chains[0], market.chains[1]);
    let actions = [market.stage.receivership(thief, &receiver())];
    let ready = decide(&mut market, PROPOSAL, &actions);
    receive(&mut market, account, None, ready);
    let paid = market.pay(account, thief, 100);
    assert_eq!(market.verdict(&paid), "invalid.open");
    assert_eq!(market.column(account).outgoing, 0);
    assert_eq!(market.spendable(account), 100, "still the owner's");
}

/// A certificate is a claim, and the registrar writes it: with a false one it
/// can appoint a friend. Whoever holds the ballots sees that, and a Recall of
/// the record before drops all of it.
#[test]
fn a_recall_gives_an_account_back_that_a_false_decision_took() {
    let mut market = Market::new(4);
    let [account, friend, ..] = market.chains[..] else {
        panic!("four accounts");
    };
    let owner = market.stage.key(&account).clone();
    let own = market.pay(account, friend, 10);
    let honoured = market.stage.records[market.stage.records.len() - 2].id();
    assert_eq!(honoured, market.stage.open_of(&market.chains[3]));
    let unit = market.unit.id();
    let actions = [
        market.stage.receivership(account, &receiver()),
        action(account, friend, unit, 90),
    ];
    let ready = decide(&mut market, PROPOSAL, &actions);
    let tip = market.tip(account);
    let prior = market.stage.open_of(&account);
    receive(&mut market, account, tip, ready);
    let mine = key(&market, 1);
    let taken = market.pay_decided(account, &[ready], (friend, 90), (1, mine));
    assert_eq!(market.verdict(&taken), "valid");
    assert_eq!(market.posted(account), -100);
    market.stage.recall(honoured, &[]);
    market.feed();
    let set = &market.stage.set;
    let seat = set.office().unwrap().seat(&account).unwrap();
    assert_eq!((seat.open(), seat.key()), (prior, owner.public_key()));
    // The owner goes on from its own last record, and a Seal says which counts.
    let place = Place::Entry {
        topic: market.topic().id(),
        chain: account,
        epoch: prior,
        seq: 1,
        prev: Some(own),
    };
    let content = Content::new(Vec::new(), None, &Note::default()).unwrap();
    let draft = Draft::new(place, NOTE, NOW, content).unwrap();
    let head = market.stage.sign(draft, &owner);
    let row = SealRow {
        open: prior,
        ..market
            .stage
            .seal_row(&account, Some(Tip { seq: 1, head }), Finality::Open)
    };
    let rows = List::new([row]).unwrap();
    market.stage.act(&Act::Seal(Seal { rows }), &[]);
    market.feed();
    assert_eq!(market.posted(account), -10);
    let label = |id: &RecordId| {
        let set = &market.stage.set;
        set.canonical().label(set.find(id).unwrap())
    };
    assert_eq!(label(&own), Label::Posted);
    assert_eq!(label(&taken), Label::Void);
}

#[test]
fn an_owner_whose_account_was_received_is_told_that_it_is_frozen_or_has_no_key() {
    let mut market = Market::new(2);
    let (account, other) = (market.chains[0], market.chains[1]);
    market.stage.seal_at(&account, None, Finality::Final);
    market.feed();
    let request = market.request(&[(other, 1)]);
    assert_eq!(market.authorize(account, &request), Err(Refusal::Frozen));
    let draft = market.ledger.draft_acks(&market.stage.set, &account, NOW);
    assert_eq!(draft, Err(Refusal::Frozen));
}
