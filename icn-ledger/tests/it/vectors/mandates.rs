//! Receivers and envelopes.

use icn_types::authority::{
    Act, Action, Envelope, Finality, ProposalId, Release, envelope_key, operation_key,
};
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId};
use icn_types::testkit::stage::key_of;

use super::scene::{GRANT, Scene};
use crate::market::{amount, leg};
use crate::treasury::{action, decide};

const PROPOSAL: ProposalId = ProposalId::from_bytes([5; 32]);
const OTHER: ProposalId = ProposalId::from_bytes([6; 32]);

pub(super) fn scenes() -> Vec<Scene> {
    vec![receivership(), envelopes(), two_writers()]
}

fn receivership() -> Scene {
    let mut scene = Scene::new("receivership");
    let [good, none, foreign, payee] = core::array::from_fn(|_| scene.account());
    let domain = scene.market.stage.domain();
    let unit = scene.market.unit.id();
    let sent = scene.pay(payee, good, 5, "payment to an account that gets a receiver");
    let key = key_of(1, "receiver", 0);
    let accounts = [good, none, foreign];
    let mut actions: Vec<Action> = accounts
        .iter()
        .map(|chain| scene.market.stage.receivership(*chain, &key))
        .collect();
    actions.extend(accounts.map(|chain| action(chain, payee, unit, 40)));
    let ready = decide(&mut scene.market, PROPOSAL, &actions);
    let other = decide(
        &mut scene.market,
        OTHER,
        &[action(foreign, payee, unit, 40)],
    );
    for (number, chain) in (0..).zip(accounts) {
        let stage = &mut scene.market.stage;
        stage.seal_at(&chain, None, Finality::Final);
        stage.receive(&chain, None, &key, (ready, number));
        scene.market.feed();
    }
    let by = |proposal, number| (number, operation_key(domain, proposal, number));
    let market = &mut scene.market;
    let paid = market.pay_decided(good, &[ready], (payee, 40), by(PROPOSAL, 3));
    scene.say(paid, "payment of a receiver as decided");
    scene.refuse(good, &[leg(sent, 0)], "refusal of a receiver");
    let market = &mut scene.market;
    let more = market.pay_decided(good, &[ready], (payee, 41), by(PROPOSAL, 4));
    scene.say(more, "payment of a receiver of something else");
    scene.pay(none, payee, 40, "payment of a receiver without a decision");
    let market = &mut scene.market;
    let paid = market.pay_decided(foreign, &[other], (payee, 40), by(OTHER, 0));
    scene.say(paid, "payment of a receiver by another decision");
    scene
}

/// A treasury with an envelope of three tranches of 30, and its Ready.
fn treasury(scene: &mut Scene, number: u32, payee: Option<ChainId>) -> (ChainId, RecordId) {
    let key = scene.market.stage.draw_key();
    let chain = scene.market.topic().chain(Owner::Shared(number));
    let payer = scene.market.stage.open(chain, key, Some(GRANT));
    let envelope = Envelope {
        payer,
        payee,
        unit: scene.market.unit.id(),
        tranche: amount(30),
        tranches: 3,
        interval: 1000,
    };
    let number = u8::try_from(number).unwrap();
    let proposal = ProposalId::from_bytes([number; 32]);
    let ready = decide(&mut scene.market, proposal, &[Action::Envelope(envelope)]);
    (payer, ready)
}

fn pay(
    scene: &mut Scene,
    payer: (ChainId, u8),
    refs: &[RecordId],
    to: (ChainId, u64),
    payment: u64,
    what: &'static str,
) -> RecordId {
    let domain = scene.market.stage.domain();
    let key = envelope_key(domain, ProposalId::from_bytes([payer.1; 32]), 0, payment);
    let id = scene.market.pay_decided(payer.0, refs, to, (0, key));
    scene.say(id, what)
}

fn release(scene: &mut Scene, ready: RecordId, tranche: u16) -> RecordId {
    scene.market.stage.set_time(1000 * u64::from(tranche));
    let release = Release {
        ready,
        action: 0,
        tranche,
    };
    let id = scene.market.stage.act(&Act::Release(release), &[ready]);
    scene.market.feed();
    scene.say(id, "release of a tranche")
}

fn envelopes() -> Scene {
    let mut scene = Scene::new("envelopes");
    let [a, b] = core::array::from_fn(|_| scene.account());
    let (open, ready) = treasury(&mut scene, 0, None);
    pay(
        &mut scene,
        (open, 0),
        &[ready],
        (a, 20),
        0,
        "payment out of an envelope",
    );
    let first = release(&mut scene, ready, 1);
    let refs = [ready, first];
    pay(
        &mut scene,
        (open, 0),
        &refs,
        (b, 40),
        1,
        "payment out of two tranches",
    );
    pay(
        &mut scene,
        (open, 0),
        &refs,
        (a, 1),
        2,
        "payment above two tranches",
    );
    let (early, ready) = treasury(&mut scene, 1, None);
    pay(
        &mut scene,
        (early, 1),
        &[ready],
        (a, 31),
        0,
        "payment above the first tranche",
    );
    let (skips, ready) = treasury(&mut scene, 2, None);
    pay(
        &mut scene,
        (skips, 2),
        &[ready],
        (a, 1),
        1,
        "payment with a number too high",
    );
    let (only, ready) = treasury(&mut scene, 3, Some(a));
    pay(
        &mut scene,
        (only, 3),
        &[ready],
        (b, 1),
        0,
        "payment to another payee",
    );
    scene
}

fn two_writers() -> Scene {
    let mut scene = Scene::new("an envelope with two writers");
    let payee = scene.account();
    let (payer, ready) = treasury(&mut scene, 0, Some(payee));
    let first = release(&mut scene, ready, 1);
    let second = release(&mut scene, ready, 2);
    let refs = [ready, first, second];
    let old = [80, 10];
    let old = [0, 1].map(|number: u8| {
        let to = (payee, old[usize::from(number)]);
        pay(
            &mut scene,
            (payer, 0),
            &refs,
            to,
            number.into(),
            "payment of the old writer",
        )
    });
    scene.market.reopen(payer, None, 0);
    let new = [10, 80];
    let new = [0, 1].map(|number: u8| {
        let to = (payee, new[usize::from(number)]);
        pay(
            &mut scene,
            (payer, 0),
            &refs,
            to,
            number.into(),
            "payment of the new writer",
        )
    });
    scene.ack(payee, &[leg(old[0], 0)], "ack of the old writer's payment");
    let answers = [
        (new[1], "ack of more than the envelope holds"),
        (new[0], "ack of the same number once more"),
        (old[1], "ack of all that the envelope holds"),
    ];
    for (payment, what) in answers {
        scene.ack(payee, &[leg(payment, 0)], what);
        let tip = scene.market.tip(payee);
        scene.market.reopen(payee, tip, 0);
    }
    scene
}
