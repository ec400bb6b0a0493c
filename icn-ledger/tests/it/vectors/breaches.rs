//! Every rule is kept by many records and broken by one.

use icn_ledger::entry::{ACK, NOTE, PAYMENT, REFUSE};
use icn_ledger::{Ack, DecisionRef, Leg, LegId, LegRef, Note, Payment, Refuse};
use icn_types::authority::{Act, Consent, Finality, Grant, ProposalId, Start, Tip, operation_key};
use icn_types::canon::{List, Raw, Writer, from_bytes, to_bytes};
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId};
use icn_types::key::{Keypair, Signature, Signer as _};
use icn_types::record::{Attachment, Content, Draft, Kind, Place};
use icn_types::time::Timestamp;

use super::scene::{GRANT, Scene};
use crate::market::{amount, leg, taking};
use crate::treasury::{action, decide};

const PROPOSAL: ProposalId = ProposalId::from_bytes([5; 32]);

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        payments(),
        acknowledgements(),
        returns(),
        decisions(),
        credit(),
        bodies(),
        unreadable(),
        epochs(),
        precedence(),
        super::remarks::scene(),
        super::bundles::scene(),
    ]
}

fn payments() -> Scene {
    let mut scene = Scene::with_min_leg("payments", amount(5));
    let [a, b, c, d, e] = core::array::from_fn(|_| scene.account());
    let none = scene.account_with(None);
    let mut many = scene.market.payment(&[(b, 5), (c, 6), (b, 7)]);
    many.effective = Some(Timestamp::from_millis(1_700_000_000_000));
    many.memo = Attachment::new(&[9; 32], b"for the roof");
    let paid = scene.write(
        a,
        PAYMENT,
        &[],
        &many,
        "payment of three legs with a date and a memo",
    );
    let legs: Vec<LegId> = (0..3).map(|number| leg(paid, number)).collect();
    scene.ack(b, &[legs[2], legs[0]], "ack of two legs of one payment");
    scene.refuse(c, &[legs[1]], "refusal");
    scene.pay(a, b, 82, "payment down to the floor");
    scene.pay(a, b, 5, "payment below the floor");
    scene.pay(a, b, 5, "payment after an invalid record");
    scene.pay(b, b, 5, "payment to the payer's own chain");
    scene.pay(c, a, 4, "leg below the least amount");
    let payment = scene.market.payment(&[(a, 5)]);
    scene.write(d, PAYMENT, &[], &payment, "payment under a key");
    let tip = scene.market.tip(d);
    scene.market.reopen(d, tip, 0);
    scene.write(
        d,
        PAYMENT,
        &[],
        &payment,
        "payment under the same key in the next epoch",
    );
    scene.pay(none, a, 5, "payment of an epoch without a grant");
    let most = scene.market.payment(&[(a, i64::MAX.unsigned_abs()); 64]);
    scene.write(e, PAYMENT, &[], &most, "legs that add up beyond 64 bits");
    scene
}

fn acknowledgements() -> Scene {
    let mut scene = Scene::new("acknowledgements");
    let payer = scene.account();
    let mut payee = || scene.account();
    let [twice, again, other, key, refused, far, kind, office, high] =
        core::array::from_fn(|_| payee());
    let none = scene.account_with(None);

    let paid = scene.pay(payer, twice, 1, "payment");
    scene.ack(twice, &[leg(paid, 0)], "ack");
    scene.ack(twice, &[leg(paid, 0)], "leg that the chain took before");
    let paid = scene.pay(payer, again, 1, "payment");
    scene.ack(
        again,
        &[leg(paid, 0), leg(paid, 0)],
        "leg that one record takes twice",
    );
    let paid = scene.pay(payer, far, 1, "payment");
    scene.ack(other, &[leg(paid, 0)], "leg that is sent to another chain");
    scene.refuse(far, &[leg(paid, 1)], "refusal of a leg that does not exist");
    let paid = scene.pay(payer, none, 1, "payment");
    scene.refuse(none, &[leg(paid, 0)], "refusal in an epoch without a grant");
    let paid = scene.pay(payer, none, 1, "payment");
    scene.ack(none, &[leg(paid, 0)], "ack in an epoch without a grant");
    let paid = scene.pay(payer, high, 1, "payment");
    let past = Ack {
        legs: List::new([LegRef {
            reference: 1,
            leg: 0,
        }])
        .unwrap(),
    };
    scene.write(high, ACK, &[paid], &past, "ack that names no ref");
    let said = scene.note(payer, &[], "note");
    scene.ack(kind, &[leg(said, 0)], "ack of a note");
    let open = scene.market.stage.open_of(&payer);
    scene.ack(office, &[leg(open, 0)], "ack of an open");

    // A payer who forks uses one key twice.
    let tip = scene.market.tip(payer);
    let payment = scene.market.payment(&[(key, 1), (refused, 1)]);
    let one = scene.write(payer, PAYMENT, &[], &payment, "payment under a key");
    let twin = Payment {
        effective: Some(Timestamp::from_millis(1)),
        ..payment
    };
    let twin = scene
        .market
        .stage
        .write_after(&payer, tip, PAYMENT, &[], &twin);
    scene.market.feed();
    scene.say(twin, "payment under the same key beside it");
    scene.ack(key, &[leg(one, 0)], "ack");
    scene.ack(
        key,
        &[leg(twin, 0)],
        "ack of another payment under the same key",
    );
    scene.refuse(refused, &[leg(twin, 1)], "refusal of one of the two");
    scene.ack(refused, &[leg(one, 1)], "ack of the other one");

    let low = scene.account_with(Some(Grant {
        ceiling: 30,
        ..GRANT
    }));
    let rich = scene.account();
    let paid = [10, 20, 1].map(|atoms| scene.pay(rich, low, atoms, "payment"));
    let two = [leg(paid[0], 0), leg(paid[1], 0)];
    scene.ack(low, &two, "acks up to the ceiling");
    scene.ack(low, &[leg(paid[2], 0)], "ack above the ceiling");
    scene
}

fn returns() -> Scene {
    let mut scene = Scene::new("returned legs");
    let [payer, payee, wrong, forked, stranger] = core::array::from_fn(|_| scene.account());
    let paid = scene.pay(payer, payee, 30, "payment");
    let back = scene.refuse(payee, &[leg(paid, 0)], "refusal");
    scene.ack(payer, &[leg(back, 0)], "ack of the returned leg");
    scene.ack(
        wrong,
        &[leg(back, 0)],
        "ack of a leg that is returned to another chain",
    );
    let (refs, legs) = taking(&[leg(back, 0)]);
    let body = Refuse {
        legs: List::new(legs).unwrap(),
    };
    let id = scene.write(stranger, REFUSE, &refs, &body, "refusal of a returned leg");
    assert_eq!(scene.market.verdict(&id), "refuse.kind");
    scene.ack(
        payer,
        &[leg(back, 1)],
        "ack of a returned leg that does not exist",
    );

    // The payment lies on a branch that the payer's next epoch does not follow.
    let lost = scene.pay(forked, payee, 40, "payment beyond the final seal");
    scene.market.reopen(forked, None, 0);
    let back = scene.refuse(
        payee,
        &[leg(lost, 0)],
        "refusal of a payment beyond a final seal",
    );
    scene.ack(
        forked,
        &[leg(back, 0)],
        "ack of a return without the payment on the path",
    );
    scene
}

fn decisions() -> Scene {
    let mut scene = Scene::new("decided payments");
    let (payee, member) = (scene.account(), scene.account());
    let topic = scene.market.topic();
    let mut shared = |number| {
        let key = scene.market.stage.draw_key();
        let grant = Some(GRANT);
        scene
            .market
            .stage
            .open(topic.chain(Owner::Shared(number)), key, grant)
    };
    let [good, bare, short] = core::array::from_fn(|number| shared(u32::try_from(number).unwrap()));
    scene.market.feed();
    let unit = scene.market.unit.id();
    let actions = [good, bare, short].map(|payer| action(payer, payee, unit, 40));
    let ready = decide(&mut scene.market, PROPOSAL, &actions);
    let domain = scene.market.stage.domain();
    let paying = |action: u16, atoms: u64| Payment {
        legs: List::new([Leg {
            payee,
            amount: amount(atoms),
        }])
        .unwrap(),
        key: operation_key(domain, PROPOSAL, action),
        decision: Some(DecisionRef { ready: 0, action }),
        effective: None,
        memo: None,
    };
    let refs = [ready];
    scene.write(
        good,
        PAYMENT,
        &refs,
        &paying(0, 40),
        "payment of a decided action",
    );
    let none = Payment {
        decision: None,
        ..paying(1, 40)
    };
    scene.write(
        bare,
        PAYMENT,
        &refs,
        &none,
        "payment of a shared account that nobody decided",
    );
    scene.write(
        short,
        PAYMENT,
        &refs,
        &paying(2, 39),
        "payment of another amount than decided",
    );
    let member_pays = paying(0, 40);
    scene.write(
        member,
        PAYMENT,
        &refs,
        &member_pays,
        "member who carries out a decision",
    );
    scene
}

fn credit() -> Scene {
    let mut scene = Scene::new("sealed and unsealed credit");
    let [rich, a, b, c] = core::array::from_fn(|_| scene.account());
    for payee in [a, b, c] {
        let paid = scene.pay(rich, payee, 30, "payment");
        scene.ack(payee, &[leg(paid, 0)], "ack of unsealed credit");
    }
    let head = scene.market.tip(rich).unwrap().head;
    let seal = scene.market.seal(rich);
    scene.pay(a, b, 120, "payment down to the floor and the float");
    scene.pay(a, b, 1, "payment of credit above the float");
    scene.note(b, &[seal, head], "note that names a seal and its head");
    scene.pay(b, a, 130, "payment of sealed credit");
    scene.note(c, &[seal], "note that names a seal only");
    let raise = scene.market.stage.raise(&c, -150);
    let payment = scene.market.payment(&[(a, 170)]);
    scene.write(c, PAYMENT, &[raise], &payment, "payment that names a raise");
    scene.pay(c, a, 1, "payment below the raised floor");
    let tip = scene.market.tip(b);
    scene.market.reopen(b, tip, 0);
    let again = Grant {
        floor: -140,
        ..GRANT
    };
    scene.market.stage.reopen_with(&b, tip, 9, Some(again));
    scene.market.feed();
    scene.pay(b, a, 31, "payment up to the charge");
    scene.pay(b, a, 1, "payment of what the open charges");
    scene
}

fn bodies() -> Scene {
    let mut scene = Scene::new("kinds and bodies");
    let to = scene.account();
    let mut odd = |kind: Kind, body: &dyn Fn(&mut Writer), what| {
        let chain = scene.account();
        let mut writer = Writer::new();
        body(&mut writer);
        let body = from_bytes::<Raw>(writer.as_bytes());
        scene.write(chain, kind, &[], &body.unwrap(), what);
    };
    let payment = |w: &mut Writer, legs: usize, amount: u64| {
        w.array(6);
        w.text("icn/ledger/payment/v1");
        w.array(legs);
        for _ in 0..legs {
            w.array(2);
            w.bytes(to.as_bytes());
            w.uint(amount);
        }
        w.bytes(&[1; 32]);
        (0..3).for_each(|_| w.null());
    };
    odd(Kind::new(95), &|w| w.uint(1), "kind that does not exist");
    odd(Kind::new(33), &|w| w.uint(1), "kind of another topic");
    odd(PAYMENT, &|w| w.uint(1), "payment that is a number");
    odd(ACK, &|w| payment(w, 1, 1), "ack with the body of a payment");
    odd(PAYMENT, &|w| payment(w, 0, 1), "payment without legs");
    odd(PAYMENT, &|w| payment(w, 65, 1), "payment of 65 legs");
    odd(PAYMENT, &|w| payment(w, 1, 0), "payment of nothing");
    odd(
        PAYMENT,
        &|w| payment(w, 1, 1 << 63),
        "payment of 2^63 atoms",
    );
    odd(PAYMENT, &|w| payment(w, 1, 1), "payment of the same shape");
    odd(PAYMENT, &|w| payment(w, 64, 1), "payment of 64 legs");
    let taken = |w: &mut Writer, tag, legs: u64, reference: u64, leg: u64| {
        w.array(2);
        w.text(tag);
        w.array(usize::try_from(legs).unwrap());
        for _ in 0..legs {
            w.array(2);
            w.uint(reference);
            w.uint(leg);
        }
    };
    let (ack, refuse) = ("icn/ledger/ack/v1", "icn/ledger/refuse/v1");
    odd(ACK, &|w| taken(w, ack, 0, 0, 0), "ack of no leg");
    odd(ACK, &|w| taken(w, ack, 257, 0, 0), "ack of 257 legs");
    odd(
        ACK,
        &|w| taken(w, ack, 1, 1 << 16, 0),
        "position beyond 16 bits",
    );
    odd(
        REFUSE,
        &|w| taken(w, refuse, 1, 0, 256),
        "leg beyond 8 bits",
    );
    odd(
        REFUSE,
        &|w| taken(w, ack, 1, 0, 0),
        "refusal with the tag of an ack",
    );
    odd(NOTE, &|w| w.null(), "note without a body");
    scene
}

/// What a record relies on is Invalid, out of reach, or not here.
fn unreadable() -> Scene {
    let mut scene = Scene::new("refs");
    let [a, b, c, d, e] = core::array::from_fn(|_| scene.account());
    let wrong = scene.pay(a, a, 1, "payment to the payer's own chain");
    scene.note(b, &[wrong], "note that names an invalid record");
    let votes = scene.market.stage.governance();
    let elsewhere = scene.market.stage.open_member(0, &votes, None);
    let ballot = scene
        .market
        .stage
        .write(&elsewhere, Kind::new(33), &[], &1_u64);
    scene.market.feed();
    scene.say(ballot, "record of another topic");
    scene.note(c, &[ballot], "note that names a record of another topic");
    let nothing = RecordId::from_bytes([6; 32]);
    scene.note(
        d,
        &[wrong, nothing],
        "note that names a record that is not here",
    );
    let after = scene.note(d, &[], "note after one that waits");
    scene.note(e, &[after], "note that names one that waits");
    scene
}

fn epochs() -> Scene {
    let mut scene = Scene::new("epochs");
    let [a, b, c] = core::array::from_fn(|_| scene.account());
    // An epoch of a newer format: Valid, but not for this code to judge.
    let tip = scene.market.tip(a);
    newer_epoch(&mut scene, a, tip);
    // After an Invalid record a next Open goes on at any head.
    scene.pay(b, b, 1, "payment to the payer's own chain");
    let tip = scene.market.tip(b);
    scene.market.reopen(b, tip, 0);
    scene.pay(b, c, 1, "payment in the epoch after an invalid record");
    let tip = scene.market.tip(c);
    unwanted_epoch(&mut scene, c, tip);
    scene
}

fn newer_epoch(scene: &mut Scene, chain: ChainId, tip: Option<Tip>) {
    let stage = &mut scene.market.stage;
    let (prior, old) = (stage.open_of(&chain), stage.key(&chain).clone());
    stage.seal_at(&chain, tip, Finality::Final);
    let body = stage.set.open(&prior).unwrap().clone();
    let key = stage.draw_key();
    let start = Start::After { prior, tip };
    let mut open = stage.open_body(body.chain, &key, start, 0, Some(GRANT), &old);
    open.format = 2;
    let terms = to_bytes(&open.consent_terms(stage.domain()));
    open.consent = Consent::Current(old.sign(&terms).unwrap());
    let id = stage.act(&Act::Open(open), &[]);
    let note = write_under(scene, body.chain.id(), id, &key, tip);
    scene.say(note, "note in an epoch of a newer format");
}

/// An Open that its owner did not agree to ends the registrar's epoch, and
/// nothing under it counts.
fn unwanted_epoch(scene: &mut Scene, chain: ChainId, tip: Option<Tip>) {
    let stage = &mut scene.market.stage;
    let prior = stage.open_of(&chain);
    stage.seal_at(&chain, tip, Finality::Final);
    let body = stage.set.open(&prior).unwrap().clone();
    let key = stage.draw_key();
    let start = Start::After { prior, tip };
    let mut open = stage.open_body(body.chain, &key, start, 0, Some(GRANT), &key);
    open.consent = Consent::Current(Signature::from_bytes([1; 64]));
    let id = stage.act(&Act::Open(open), &[]);
    scene.say(id, "open without the owner's consent");
    let note = write_under(scene, body.chain.id(), id, &key, tip);
    scene.say(note, "note under an open that is not valid");
    let act = scene.market.stage.raise(&chain, -200);
    scene.say(act, "act after an invalid one");
}

/// A note under an Open that is none of the stage's own.
fn write_under(
    scene: &mut Scene,
    chain: ChainId,
    epoch: RecordId,
    key: &Keypair,
    tip: Option<Tip>,
) -> RecordId {
    let place = Place::Entry {
        topic: scene.market.topic().id(),
        chain,
        epoch,
        seq: tip.map_or(0, |tip| tip.seq + 1),
        prev: tip.map(|tip| tip.head),
    };
    let content = Content::new(Vec::new(), None, &Note::default()).unwrap();
    let draft = Draft::new(place, NOTE, Timestamp::default(), content).unwrap();
    let id = scene.market.stage.sign(draft, key);
    scene.market.feed();
    id
}

/// Records that break several rules, and which of them counts.
fn precedence() -> Scene {
    let mut scene = Scene::with_min_leg("which rule counts", amount(5));
    let [a, b, c, d, e, f] = core::array::from_fn(|_| scene.account());
    let none = scene.account_with(None);
    let wrong = scene.pay(a, a, 4, "own chain before the least amount");
    let odd = scene.market.stage.write(&b, PAYMENT, &[wrong], &1_u64);
    scene.market.feed();
    scene.say(odd, "invalid ref before a body");
    let paid = scene.market.payment(&[(d, 4), (c, 900)]);
    scene.write(
        c,
        PAYMENT,
        &[],
        &paid,
        "own chain in a later leg before the least amount",
    );
    let mut paid = scene.market.payment(&[(a, 900)]);
    paid.decision = Some(DecisionRef {
        ready: 0,
        action: 0,
    });
    scene.write(d, PAYMENT, &[], &paid, "decision before the floor");
    let paid = scene.pay(e, f, 10, "payment");
    scene.pay(none, a, 900, "no grant before the floor");
    let low = scene.account_with(None);
    let past = LegRef {
        reference: 7,
        leg: 0,
    };
    let body = Ack {
        legs: List::new([past]).unwrap(),
    };
    scene.write(low, ACK, &[paid], &body, "no grant before a ref");
    let first = LegRef {
        reference: 0,
        leg: 0,
    };
    let again = [
        first,
        first,
        LegRef {
            reference: 0,
            leg: 9,
        },
    ];
    let body = Ack {
        legs: List::new(again).unwrap(),
    };
    scene.write(f, ACK, &[paid], &body, "legs are looked at in order");
    scene
}
