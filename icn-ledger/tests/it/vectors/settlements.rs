//! Claims that shared accounts pay.

use icn_ledger::settle::SETTLEMENT;
use icn_ledger::{LegId, LegRef, Settlement};
use icn_types::authority::Tip;
use icn_types::id::{ChainId, RecordId};

use super::scene::Scene;
use crate::market::leg;
use crate::settlements::{Fund, Named, settle, settle_under, settling};

/// A member whose last payment of 40 lies beyond the final Seal, and the shop
/// that took it.
struct Loss {
    shop: ChainId,
    claim: LegId,
    /// The Open under which the payment was written.
    before: RecordId,
    /// The one that leaves it out.
    open: RecordId,
    head: RecordId,
}

impl Loss {
    fn new(scene: &mut Scene, charged: u64) -> Self {
        let [member, shop] = [(); 2].map(|()| scene.account());
        let before = scene.market.stage.open_of(&member);
        let head = scene.pay(member, shop, 5, "payment that stands");
        let late = scene.pay(member, shop, 40, "payment beyond the final seal");
        scene.ack(shop, &[leg(late, 0)], "ack of it");
        let tip = Some(Tip { seq: 0, head });
        let open = scene.market.reopen(member, tip, charged);
        Self {
            shop,
            claim: leg(late, 0),
            before,
            open,
            head,
        }
    }

    fn named(&self) -> Named {
        Named {
            leg: (self.shop, 40),
            claim: self.claim,
            open: self.open,
            head: Some(self.head),
        }
    }
}

fn pay(scene: &mut Scene, fund: &mut Fund, named: Named, what: &'static str) -> RecordId {
    let id = settle(&mut scene.market, fund, named);
    scene.say(id, what)
}

/// Writes what is not Valid and starts the account anew where it was.
fn fail(scene: &mut Scene, fund: Fund, named: Named, what: &'static str) {
    let tip = scene.market.tip(fund.chain);
    pay(scene, &mut fund.clone(), named, what);
    scene.market.reopen(fund.chain, tip, 0);
}

pub(super) fn breaches() -> Scene {
    let mut scene = Scene::new("settlements");
    let loss = Loss::new(&mut scene, 40);
    let good = loss.named();
    let mut fund = Fund::open(&mut scene.market, 1);
    let short = Loss::new(&mut scene, 39);
    let shop = scene.market.stage.open_of(&loss.shop);
    let cases = [
        (
            Named {
                leg: (loss.shop, 39),
                ..good
            },
            "settlement of a part",
        ),
        (
            Named { open: shop, ..good },
            "settlement by an open of another chain",
        ),
        (
            Named { head: None, ..good },
            "settlement that does not name where the open starts",
        ),
        (
            Named {
                open: loss.before,
                ..good
            },
            "settlement by the open of the claim itself",
        ),
        (short.named(), "settlement above what the open charges"),
    ];
    for (named, what) in cases {
        fail(&mut scene, fund, named, what);
    }
    named_badly(&mut scene, fund, good);
    own(&mut scene, loss.shop);
    taken(&mut scene, &loss, &mut fund);
    scene
}

/// A position beyond the refs, and an account that nobody decided about.
fn named_badly(scene: &mut Scene, fund: Fund, good: Named) {
    let tip = scene.market.tip(fund.chain);
    let key = fund.clone().key(&scene.market);
    let (refs, body) = settling(good, (fund.ready, 0, key));
    let beyond = Settlement {
        claim: LegRef {
            reference: 4,
            leg: 0,
        },
        ..body
    };
    scene.write(
        fund.chain,
        SETTLEMENT,
        &refs,
        &beyond,
        "settlement of no ref",
    );
    scene.market.reopen(fund.chain, tip, 0);
    let member = scene.account();
    let id = settle_under(&mut scene.market, member, good, (fund.ready, 0, key));
    scene.say(id, "settlement of a member");
}

/// A shared account that was charged itself.
fn own(scene: &mut Scene, shop: ChainId) {
    let mut fund = Fund::open(&mut scene.market, 2);
    let (ready, key) = (fund.ready, fund.key(&scene.market));
    let to = (shop, 7);
    let id = scene.market.pay_decided(fund.chain, &[ready], to, (0, key));
    scene.say(id, "payment of a shared account");
    scene.ack(shop, &[leg(id, 0)], "ack of it");
    let open = scene.market.reopen(fund.chain, None, 7);
    let named = Named {
        leg: to,
        claim: leg(id, 0),
        open,
        head: None,
    };
    pay(scene, &mut fund, named, "settlement of an own debt");
}

/// What a payee may take, and what not.
fn taken(scene: &mut Scene, loss: &Loss, fund: &mut Fund) {
    let shop = loss.shop;
    let first = pay(scene, fund, loss.named(), "settlement");
    fail(scene, *fund, loss.named(), "settlement of the same claim");
    let mut other = Fund::open(&mut scene.market, 3);
    let second = pay(
        scene,
        &mut other,
        loss.named(),
        "settlement by another account",
    );
    let tip = scene.market.tip(shop);
    let both = [leg(first, 0), leg(second, 0)];
    scene.ack(shop, &both, "ack of two settlements of one claim");
    scene.market.reopen(shop, tip, 0);
    scene.ack(shop, &[leg(first, 0)], "ack of a settlement");
    let tip = scene.market.tip(shop);
    scene.ack(shop, &[leg(second, 0)], "ack of a second settlement");
    scene.market.reopen(shop, tip, 0);
    scene.refuse(shop, &[leg(second, 0)], "refusal of a second settlement");
    scene.refund(shop, loss.claim, 1, "refund of a settled leg");
    scene.market.reopen(shop, scene.market.tip(shop), 0);

    let [payer, payee] = [(); 2].map(|()| scene.account());
    let id = scene.pay(payer, payee, 3, "payment that nobody took");
    let open = scene.market.reopen(payer, None, 3);
    let named = Named {
        leg: (payee, 3),
        claim: leg(id, 0),
        open,
        head: None,
    };
    let id = pay(scene, fund, named, "settlement of what nobody took");
    scene.ack(
        payee,
        &[leg(id, 0)],
        "ack of a settlement without its claim",
    );
}

pub(super) fn labels() -> Vec<Scene> {
    vec![
        compensated(),
        forked(),
        returned(),
        parts(),
        refunded(),
        fallen(),
    ]
}

fn compensated() -> Scene {
    let mut scene = Scene::new("claims that are settled, one of them taken");
    let [first, second] = [(); 2].map(|()| Loss::new(&mut scene, 40));
    let mut fund = Fund::open(&mut scene.market, 1);
    let id = pay(&mut scene, &mut fund, first.named(), "settlement");
    scene.ack(first.shop, &[leg(id, 0)], "ack of a settlement");
    let seal = scene.market.seal(fund.chain);
    scene.note(first.shop, &[seal, id], "note that names its seal");
    pay(
        &mut scene,
        &mut fund,
        second.named(),
        "settlement in transit",
    );
    scene
}

/// The shop takes the settlement on one branch and not on the other.
fn forked() -> Scene {
    let mut scene = Scene::new("settlement that is taken on one branch");
    let loss = Loss::new(&mut scene, 40);
    let mut fund = Fund::open(&mut scene.market, 1);
    let id = pay(&mut scene, &mut fund, loss.named(), "settlement");
    let tip = scene.market.tip(loss.shop);
    scene.ack(loss.shop, &[leg(id, 0)], "ack of a settlement");
    let member = scene.account();
    let other = scene.market.pay_after(loss.shop, tip, member, 1);
    scene.say(other, "payment on another branch");
    scene
}

fn returned() -> Scene {
    let mut scene = Scene::new("settlement that comes back and is paid again");
    let loss = Loss::new(&mut scene, 40);
    let mut fund = Fund::open(&mut scene.market, 1);
    let id = pay(&mut scene, &mut fund, loss.named(), "settlement");
    let back = scene.refuse(loss.shop, &[leg(id, 0)], "refusal");
    scene.ack(fund.chain, &[leg(back, 0)], "ack of a return");
    let id = pay(&mut scene, &mut fund, loss.named(), "settlement once more");
    scene.ack(loss.shop, &[leg(id, 0)], "ack of a settlement");
    scene
}

/// A resolver owes both parts of a hold that stands, a payer one of a hold
/// that falls.
fn parts() -> Scene {
    let mut scene = Scene::new("parts of holds that are settled");
    let [a, b, c, d] = [(); 4].map(|()| scene.account());
    let held = scene.hold(a, (b, 50), c, "hold that stands");
    let resolve = scene.resolve(c, &[(held, 30)], "resolve that falls");
    scene.ack(b, &[leg(resolve, 0)], "ack of a part");
    scene.ack(a, &[leg(resolve, 1)], "ack of a rest");
    let dropped = scene.hold(c, (d, 20), a, "hold that falls");
    let given = scene.resolve(a, &[(dropped, 20)], "resolve that stands");
    scene.ack(d, &[leg(given, 0)], "ack of a part");
    let open = scene.market.reopen(c, None, 70);
    let mut fund = Fund::open(&mut scene.market, 1);
    let claims = [
        ((b, 30), leg(resolve, 0)),
        ((a, 20), leg(resolve, 1)),
        ((d, 20), leg(given, 0)),
    ];
    for (to, claim) in claims {
        let named = Named {
            leg: to,
            claim,
            open,
            head: None,
        };
        let id = pay(&mut scene, &mut fund, named, "settlement of a part");
        scene.ack(to.0, &[leg(id, 0)], "ack of a settlement");
    }
    scene
}

fn refunded() -> Scene {
    let mut scene = Scene::new("settlement of a leg of which some was paid back");
    let loss = Loss::new(&mut scene, 40);
    let mut fund = Fund::open(&mut scene.market, 1);
    scene.refund(loss.shop, loss.claim, 15, "refund of the claim");
    let id = pay(&mut scene, &mut fund, loss.named(), "settlement");
    scene.ack(loss.shop, &[leg(id, 0)], "ack of a settlement");
    let tip = scene.market.tip(loss.shop);
    let of = leg(id, 0);
    scene.refund(loss.shop, of, 26, "refund above what is left");
    scene.market.reopen(loss.shop, tip, 0);
    scene.refund(loss.shop, of, 25, "refund of what is left");
    scene
}

/// The account that settled is cut below its settlement and owes that now.
fn fallen() -> Scene {
    let mut scene = Scene::new("settlement that falls and is settled");
    let loss = Loss::new(&mut scene, 40);
    let mut fund = Fund::open(&mut scene.market, 1);
    let id = pay(&mut scene, &mut fund, loss.named(), "settlement");
    scene.ack(loss.shop, &[leg(id, 0)], "ack of a settlement");
    let open = scene.market.reopen(fund.chain, None, 40);
    let mut other = Fund::open(&mut scene.market, 2);
    let named = Named {
        claim: leg(id, 0),
        open,
        head: None,
        ..loss.named()
    };
    let again = pay(&mut scene, &mut other, named, "settlement of a settlement");
    scene.ack(loss.shop, &[leg(again, 0)], "ack of it");
    scene
}
