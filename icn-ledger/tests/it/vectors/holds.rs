//! Holds and refunds: each rule is kept and broken, and parts count in every
//! way that there is.

use icn_ledger::entry::{HOLD, REFUND, RESOLVE};
use icn_ledger::{LegRef, Refund, Resolution, Resolve};
use icn_types::authority::{Grant, Tip};
use icn_types::canon::List;
use icn_types::id::RecordId;
use icn_types::record::Attachment;
use icn_types::time::Timestamp;

use super::scene::{GRANT, Scene};
use crate::holds::{part, rest};
use crate::market::{amount, leg};

pub(super) fn breaches() -> Vec<Scene> {
    vec![holds(), resolves(), parts(), refunds()]
}

pub(super) fn labels() -> Vec<Scene> {
    vec![
        in_every_state(),
        forked_resolver(),
        dropped_hold(),
        sealed_parts(),
    ]
}

fn holds() -> Scene {
    let mut scene = Scene::with_min_leg("holds", amount(5));
    let [a, b, c, d, e, z] = core::array::from_fn(|_| scene.account());
    let none = scene.account_with(None);
    let mut body = scene.market.hold_body((b, 60), z);
    body.expires = Some(Timestamp::from_millis(1_700_000_000_000));
    body.effective = Some(Timestamp::from_millis(1_600_000_000_000));
    body.memo = Attachment::new(&[9; 32], b"until the roof is done");
    scene.write(a, HOLD, &[], &body, "hold with two dates and a memo");
    scene.hold(a, (b, 40), a, "hold down to the floor");
    scene.hold(a, (b, 5), z, "hold below the floor");
    scene.hold(b, (b, 5), z, "hold for its own payer");
    scene.hold(c, (a, 4), z, "hold below the least amount");
    let body = scene.market.hold_body((b, 5), b);
    scene.write(d, HOLD, &[], &body, "hold under a key");
    let mut payment = scene.market.payment(&[(b, 5)]);
    payment.key = body.key;
    let kind = icn_ledger::entry::PAYMENT;
    scene.write(d, kind, &[], &payment, "payment under the key of a hold");
    scene.hold(none, (a, 5), z, "hold of an epoch without a grant");
    let mut decided = scene.market.hold_body((b, 5), z);
    decided.decision = Some(icn_ledger::DecisionRef {
        ready: 0,
        action: 0,
    });
    scene.write(e, HOLD, &[], &decided, "member who holds for a decision");
    scene
}

fn resolves() -> Scene {
    let mut scene = Scene::new("resolves");
    let [a, b, good, other, kind, far, high, twice] = core::array::from_fn(|_| scene.account());
    let none = scene.account_with(None);
    let one = scene.hold(a, (b, 10), good, "hold");
    let two = scene.hold(a, (b, 20), good, "hold");
    let both = [(one, 0), (two, 20)];
    scene.resolve(good, &both, "resolve of two holds, nothing and all");
    scene.resolve(good, &[(two, 20)], "resolve of a hold that was resolved");
    scene.resolve(other, &[(one, 1)], "resolve of a hold of another resolver");
    let paid = scene.pay(a, b, 1, "payment");
    scene.resolve(kind, &[(paid, 1)], "resolve of a payment");
    let body = Resolve {
        holds: List::new([Resolution { hold: 1, part: 1 }]).unwrap(),
        memo: None,
    };
    scene.write(far, RESOLVE, &[one], &body, "resolve that names no ref");
    let held = scene.hold(a, (b, 3), high, "hold");
    scene.resolve(high, &[(held, 4)], "part above its hold");
    let held = scene.hold(a, (b, 3), twice, "hold");
    scene.resolve(twice, &[(held, 1), (held, 1)], "hold twice in one resolve");
    let held = scene.hold(a, (b, 3), none, "hold");
    scene.resolve(none, &[(held, 2)], "resolve in an epoch without a grant");
    scene
}

fn parts() -> Scene {
    let mut scene = Scene::new("parts of holds");
    let [a, b, z, wrong, refuses, early] = core::array::from_fn(|_| scene.account());
    let held = scene.hold(a, (b, 50), z, "hold");
    scene.ack(early, &[leg(held, 0)], "ack of a hold");
    let tip = scene.market.tip(z);
    let one = scene.resolve(z, &[(held, 30)], "resolve");
    let two = scene.market.resolve_after(z, tip, &[(held, 20)]);
    scene.say(two, "another resolve beside it");
    scene.ack(wrong, &[part(one, 0)], "ack of a part of another chain");
    scene.ack(b, &[part(one, 0)], "ack of the payee's part");
    scene.ack(b, &[part(two, 0)], "ack of a second part");
    scene.ack(a, &[rest(two, 0)], "ack of the rest by the other resolve");
    scene.ack(a, &[rest(one, 0)], "ack of a second rest");
    let held = scene.hold(b, (refuses, 5), z, "hold after an invalid record");
    assert_eq!(scene.market.verdict(&held), "invalid.ended");

    let [payer, payee, beside, resolver] = core::array::from_fn(|_| scene.account());
    let held = scene.hold(payer, (refuses, 5), resolver, "hold");
    let body = scene.market.hold_body((payee, 7), resolver);
    let keyed = scene.write(payer, HOLD, &[], &body, "hold under a key");
    let ended = [(held, 5), (keyed, 7)];
    let ended = scene.resolve(resolver, &ended, "resolve of all of two holds");
    scene.refuse(refuses, &[part(ended, 0)], "refusal of a part");
    scene.ack(beside, &[rest(ended, 1)], "ack of a rest of nothing");
    let mut payment = scene.market.payment(&[(payee, 7)]);
    payment.key = body.key;
    let twin =
        scene
            .market
            .stage
            .write_after(&payer, None, icn_ledger::entry::PAYMENT, &[], &payment);
    scene.market.feed();
    scene.say(twin, "payment under the same key beside the holds");
    scene.ack(payee, &[part(ended, 1)], "ack of the part under the key");
    scene.ack(payee, &[leg(twin, 0)], "ack of the payment under the key");

    let [lost, other] = core::array::from_fn(|_| scene.account());
    let held = scene.hold(lost, (other, 9), other, "hold beyond the final seal");
    let ended = scene.resolve(other, &[(held, 4)], "resolve");
    scene.market.reopen(lost, None, 0);
    scene.ack(lost, &[rest(ended, 0)], "ack of a rest without its hold");
    scene
}

fn refunds() -> Scene {
    let mut scene = Scene::new("refunds");
    let [a, shop, z] = core::array::from_fn(|_| scene.account());
    let paid = scene.pay(a, shop, 40, "payment");
    let held = scene.hold(a, (shop, 20), z, "hold");
    let ended = scene.resolve(z, &[(held, 15)], "resolve");
    let both = [leg(paid, 0), part(ended, 0)];
    scene.ack(shop, &both, "ack of a payment and of a part");
    scene.refund(shop, leg(paid, 0), 30, "refund");
    scene.refund(shop, part(ended, 0), 15, "refund of a whole part");
    let tip = scene.market.tip(shop);
    scene.market.reopen(shop, tip, 0);
    let back = scene.refund(shop, leg(paid, 0), 10, "refund of the rest, an epoch later");
    scene.refund(shop, leg(paid, 0), 1, "refund of more than was paid");
    scene.refuse(a, &[leg(back, 0)], "refusal of a refund");

    let [rich, refused, untaken, far, poor] = core::array::from_fn(|_| scene.account());
    let paid = [refused, untaken, far, poor].map(|to| scene.pay(rich, to, 20, "payment"));
    scene.refuse(refused, &[leg(paid[0], 0)], "refusal");
    scene.refund(refused, leg(paid[0], 0), 1, "refund of what was refused");
    scene.refund(untaken, leg(paid[1], 0), 1, "refund of what nobody took");
    scene.ack(far, &[leg(paid[2], 0)], "ack");
    let body = Refund {
        original: LegRef {
            reference: 1,
            leg: 0,
        },
        amount: amount(1),
        key: scene.market.key(),
        decision: None,
        effective: None,
        memo: None,
    };
    scene.write(far, REFUND, &[paid[2]], &body, "refund that names no ref");
    scene.ack(poor, &[leg(paid[3], 0)], "ack");
    scene.pay(poor, rich, 119, "payment");
    scene.refund(poor, leg(paid[3], 0), 2, "refund below the floor");
    scene
}

fn in_every_state() -> Scene {
    let mut scene = Scene::new("holds in every state");
    let [a, b, z] = core::array::from_fn(|_| scene.account());
    scene.hold(a, (b, 10), z, "hold that nobody resolved");
    let held = [20, 30].map(|atoms| scene.hold(a, (b, atoms), z, "hold"));
    scene.resolve(z, &[(held[0], 5)], "resolve that nobody took of");
    let ended = scene.resolve(z, &[(held[1], 12)], "resolve");
    scene.ack(b, &[part(ended, 0)], "ack of a part");
    scene.ack(a, &[rest(ended, 0)], "ack of a rest");
    scene.refund(b, part(ended, 0), 2, "refund that nobody took");
    scene
}

fn forked_resolver() -> Scene {
    let mut scene = Scene::new("resolver that forks");
    let [a, b, z] = core::array::from_fn(|_| scene.account());
    let held = scene.hold(a, (b, 50), z, "hold");
    let one = scene.market.resolve_after(z, None, &[(held, 30)]);
    scene.say(one, "resolve on one branch");
    let two = scene.market.resolve_after(z, None, &[(held, 0)]);
    scene.say(two, "resolve on the other branch");
    scene.ack(b, &[part(one, 0)], "ack of the part");
    scene.ack(a, &[rest(two, 0)], "ack of the rest");
    let [c, d, y] = core::array::from_fn(|_| scene.account());
    let held = scene.hold(c, (d, 50), y, "hold");
    let branches: Vec<RecordId> = [30, 0]
        .iter()
        .map(|&atoms| scene.market.resolve_after(y, None, &[(held, atoms)]))
        .collect();
    scene.say(branches[0], "resolve on the settled branch");
    scene.say(branches[1], "resolve beside it");
    scene.ack(d, &[part(branches[0], 0)], "ack of the settled part");
    scene.ack(c, &[rest(branches[1], 0)], "ack of a rest that is owed");
    let tip = Some(Tip {
        seq: 0,
        head: branches[0],
    });
    scene.market.reopen(y, tip, 50);
    scene
}

fn dropped_hold() -> Scene {
    let mut scene = Scene::new("hold that is dropped");
    let [a, b, z] = core::array::from_fn(|_| scene.account());
    let kept = scene.market.pay_after(a, None, b, 1);
    scene.say(kept, "payment on the settled branch");
    let held = scene.market.hold_after(a, None, (b, 50), z);
    scene.say(held, "hold beside it");
    let ended = scene.resolve(z, &[(held, 30)], "resolve of a hold that is dropped");
    let tip = |head| Some(Tip { seq: 0, head });
    let regain = scene.market.ack_after(a, tip(held), &[rest(ended, 0)]);
    scene.say(regain, "ack of the rest, dropped too");
    scene.ack(b, &[part(ended, 0)], "ack of a part that its payer owes");
    scene.market.seal_at(a, tip(kept));
    scene
}

fn sealed_parts() -> Scene {
    let mut scene = Scene::new("sealed parts");
    let rich = scene.account();
    let strict = Some(Grant { float: 0, ..GRANT });
    let [b, c, z] = core::array::from_fn(|_| scene.account_with(strict));
    let held = [30, 20].map(|atoms| scene.hold(rich, (b, atoms), z, "hold"));
    let own = scene.hold(c, (b, 25), z, "hold");
    let ended = [(held[0], 30), (held[1], 20), (own, 0)];
    let ended = scene.resolve(z, &ended, "resolve");
    let (payer_seal, resolver_seal) = (scene.market.seal(rich), scene.market.seal(z));
    scene.ack(b, &[part(ended, 0)], "ack of a part that no seal covers");
    scene.note(b, &[payer_seal, held[1]], "note that seals the hold");
    scene.note(b, &[resolver_seal, ended], "note that seals the resolve");
    scene.ack(b, &[part(ended, 1)], "ack of a part under both seals");
    scene.ack(c, &[rest(ended, 2)], "ack of a rest");
    scene.note(c, &[resolver_seal, ended], "note that seals the rest");
    scene
}
