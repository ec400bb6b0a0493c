//! Small sets in which records count in every way that there is.

use icn_types::authority::{Finality, Tip};
use icn_types::id::{ChainId, RecordId};

use super::scene::Scene;
use crate::market::leg;

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        straight(),
        forked(),
        settled(),
        understated(),
        laundering(),
        threefold(),
        withheld(),
        contradicted(),
        invalid_on_the_spine(),
        ended_twice(),
    ]
}

fn accounts<const N: usize>(scene: &mut Scene) -> [ChainId; N] {
    core::array::from_fn(|_| scene.account())
}

fn straight() -> Scene {
    let mut scene = Scene::new("in transit, taken and returned");
    let [a, b, c] = accounts(&mut scene);
    scene.pay(a, b, 10, "payment that nobody took");
    let taken = scene.pay(a, b, 20, "payment");
    scene.ack(b, &[leg(taken, 0)], "ack");
    let unwanted = scene.pay(a, c, 30, "payment");
    let back = scene.refuse(c, &[leg(unwanted, 0)], "refusal");
    scene.ack(a, &[leg(back, 0)], "ack of a return");
    let unwanted = scene.pay(b, c, 5, "payment");
    scene.refuse(c, &[leg(unwanted, 0)], "refusal whose return nobody took");
    scene
}

/// Two payees take one payer's money on two branches.
fn branches(scene: &mut Scene) -> ([ChainId; 3], [RecordId; 2]) {
    let [payer, one, other] = accounts(scene);
    scene.pay(payer, one, 5, "payment before the fork");
    let tip = scene.market.tip(payer);
    let left = scene.pay(payer, one, 90, "payment on one branch");
    let right = scene.market.pay_after(payer, tip, other, 80);
    scene.say(right, "payment on the other branch");
    scene.ack(one, &[leg(left, 0)], "ack of one branch");
    scene.ack(other, &[leg(right, 0)], "ack of the other branch");
    ([payer, one, other], [left, right])
}

fn forked() -> Scene {
    let mut scene = Scene::new("open fork");
    branches(&mut scene);
    scene
}

fn settled() -> Scene {
    let mut scene = Scene::new("settled fork with its charge");
    let ([payer, one, _], [left, _]) = branches(&mut scene);
    let tip = Some(Tip { seq: 1, head: left });
    scene.market.reopen(payer, tip, 80);
    scene.pay(payer, one, 1, "payment after the charge");
    scene
}

fn understated() -> Scene {
    let mut scene = Scene::new("settled fork that is charged too little");
    let ([payer, one, _], [left, _]) = branches(&mut scene);
    let tip = Some(Tip { seq: 1, head: left });
    scene.market.reopen(payer, tip, 79);
    scene.pay(payer, one, 5, "payment of what is not charged");
    scene
}

/// A refusal does not turn what never stood into credit.
fn laundering() -> Scene {
    let mut scene = Scene::new("refusals of branches that are dropped");
    let [payer, payee] = accounts(&mut scene);
    let one = scene.pay(payer, payee, 100, "payment on one branch");
    let two = scene.market.pay_after(payer, None, payee, 100);
    scene.say(two, "payment on another branch");
    scene.market.reopen(payer, None, 0);
    let both = [leg(one, 0), leg(two, 0)];
    let back = scene.refuse(payee, &both, "refusal of both");
    let seal = scene.market.seal(payee);
    let head = scene.market.tip(payee).unwrap().head;
    scene.note(payer, &[seal, head], "note");
    let returned = [leg(back, 0), leg(back, 1)];
    scene.ack(
        payer,
        &returned,
        "ack of returns without the payments on the path",
    );
    scene
}

/// Of three branches the two lowest ids are canonical, and what others rely on.
fn threefold() -> Scene {
    let mut scene = Scene::new("fork of many branches");
    let [payer, payee, other] = accounts(&mut scene);
    let mut branch = Vec::new();
    for atoms in 1..=5 {
        let id = scene.market.pay_after(payer, None, payee, atoms);
        branch.push(scene.say(id, "payment on a branch"));
    }
    branch.sort_unstable();
    let highest = branch[4];
    scene.ack(
        payee,
        &[leg(highest, 0)],
        "ack of the branch with the highest id",
    );
    scene.note(other, &[branch[3]], "note that names a branch");
    scene
}

fn withheld() -> Scene {
    let mut scene = Scene::new("withheld content");
    let [a, b, c] = accounts(&mut scene);
    let paid = scene.pay(a, b, 10, "payment whose content nobody has");
    scene.withhold(paid);
    scene.ack(b, &[leg(paid, 0)], "ack that waits");
    scene.pay(a, c, 5, "payment that waits for the one before");
    scene.pay(c, b, 7, "payment that waits for nothing");
    scene
}

/// After a row beside the sealed path no row of the chain has an effect.
fn contradicted() -> Scene {
    let mut scene = Scene::new("contradicting seals");
    let [payer, payee] = accounts(&mut scene);
    let one = scene.pay(payer, payee, 10, "payment on the sealed branch");
    let two = scene.market.pay_after(payer, None, payee, 20);
    scene.say(two, "payment on the other branch");
    let tip = |head| Some(Tip { seq: 0, head });
    scene.market.seal_at(payer, tip(one));
    let false_seal = scene.market.seal_at(payer, tip(two));
    let more = scene.pay(payer, payee, 30, "payment after the sealed one");
    let late = scene.market.seal(payer);
    let both = [leg(one, 0), leg(more, 0)];
    scene.ack(payee, &both, "ack");
    scene.note(
        payee,
        &[false_seal, two],
        "note that names a seal without effect",
    );
    scene.note(payee, &[late, more], "note that names a seal after it");
    scene
}

fn invalid_on_the_spine() -> Scene {
    let mut scene = Scene::new("invalid record on the spine");
    let [a, b] = accounts(&mut scene);
    let paid = scene.pay(a, b, 10, "payment");
    scene.pay(a, b, 91, "payment below the floor");
    scene.pay(a, b, 1, "payment after an invalid record");
    scene.ack(b, &[leg(paid, 0)], "ack");
    scene
}

/// What a final row ended stays ended when a next epoch is sealed there too.
fn ended_twice() -> Scene {
    let mut scene = Scene::new("records beyond a final seal");
    let [a, b] = accounts(&mut scene);
    scene.pay(a, b, 10, "payment");
    let tip = scene.market.tip(a);
    let beyond = scene.pay(a, b, 20, "payment beyond the final seal");
    scene.ack(b, &[leg(beyond, 0)], "ack");
    scene.market.reopen(a, tip, 20);
    let seal = scene.market.stage.seal_at(&a, tip, Finality::Open);
    scene.say(seal, "checkpoint at the same head");
    scene.market.feed();
    scene.pay(a, b, 30, "payment in the next epoch");
    scene
}
