//! Remarks: assertions, period closes, disputes and outcomes.

use icn_ledger::LegRef;
use icn_ledger::remark::{
    ASSERTION, Assertion, DISPUTE, Dispute, OUTCOME, Outcome, PERIOD_CLOSE, PeriodClose, Ruling,
};
use icn_types::authority::ProposalId;
use icn_types::canon::{List, Raw, Writer};
use icn_types::id::ChainId;
use icn_types::record::Attachment;
use icn_types::time::Timestamp;

use super::scene::Scene;
use crate::market::leg;

const fn close(until: u64) -> PeriodClose {
    PeriodClose {
        until: Timestamp::from_millis(until),
    }
}

fn dispute(reference: u16, mediator: ChainId) -> Dispute {
    Dispute {
        leg: LegRef { reference, leg: 0 },
        evidence: List::empty(),
        mediator,
        memo: None,
    }
}

const fn outcome(dispute: u16, ruling: Ruling) -> Outcome {
    Outcome {
        dispute,
        ruling,
        memo: None,
    }
}

const fn assertion(reference: u16, position: i64) -> Assertion {
    Assertion {
        reference,
        position,
    }
}

pub(super) fn scene() -> Scene {
    let mut scene = Scene::new("remarks");
    let [a, b, mediator] = core::array::from_fn(|_| scene.account());
    let paid = scene.pay(a, b, 5, "payment");
    scene.ack(b, &[leg(paid, 0)], "ack");
    asserts_and_closes(&mut scene, a, paid, mediator);
    disputes(&mut scene, [a, b, mediator], paid);
    scene
}

fn asserts_and_closes(
    scene: &mut Scene,
    a: ChainId,
    paid: icn_types::id::RecordId,
    mediator: ChainId,
) {
    let [past, office, twice] = core::array::from_fn(|_| scene.account());
    let mut assert = |chain, refs: &[_], body: &Assertion, what| {
        scene.write(chain, ASSERTION, refs, body, what);
    };
    assert(mediator, &[paid], &assertion(0, -5), "assertion");
    assert(
        mediator,
        &[paid],
        &assertion(0, -4),
        "assertion that does not hold",
    );
    assert(
        past,
        &[paid],
        &assertion(1, -5),
        "assertion that names no ref",
    );
    let open = scene.market.stage.open_of(&a);
    let about = assertion(0, 0);
    scene.write(
        office,
        ASSERTION,
        &[open],
        &about,
        "assertion about an open",
    );
    for (until, what) in [
        (100, "close of a period"),
        (101, "close of the next period"),
        (101, "close of the same period"),
    ] {
        scene.write(twice, PERIOD_CLOSE, &[], &close(until), what);
    }
}

fn disputes(scene: &mut Scene, [a, b, mediator]: [ChainId; 3], paid: icn_types::id::RecordId) {
    let mut account = || scene.account();
    let [past, stranger, noted, side, none, other, unruled] = core::array::from_fn(|_| account());
    let whole = Dispute {
        evidence: List::new([1, 2].map(|salt| Attachment::new(&[salt; 32], b"photo").unwrap()))
            .unwrap(),
        memo: Attachment::new(&[3; 32], b"not what was agreed"),
        ..dispute(0, mediator)
    };
    let by_payee = scene.write(b, DISPUTE, &[paid], &whole, "dispute of a payee");
    let body = dispute(0, mediator);
    let by_payer = scene.write(a, DISPUTE, &[paid], &body, "dispute of a payer");
    let body = dispute(1, mediator);
    scene.write(past, DISPUTE, &[paid], &body, "dispute that names no ref");
    let body = dispute(0, mediator);
    scene.write(stranger, DISPUTE, &[paid], &body, "dispute of a stranger");
    let note = scene.note(noted, &[], "note");
    scene.write(noted, DISPUTE, &[note], &body, "dispute of a note");
    let sent = scene.pay(a, side, 1, "payment");
    let body = dispute(0, a);
    scene.write(side, DISPUTE, &[sent], &body, "mediator who is the payer");

    let escalated = Ruling::Escalated(ProposalId::from_bytes([5; 32]));
    let body = outcome(0, escalated);
    scene.write(mediator, OUTCOME, &[by_payee], &body, "escalated dispute");
    let body = outcome(0, Ruling::Upheld);
    scene.write(none, OUTCOME, &[paid], &body, "outcome of a payment");
    scene.write(other, OUTCOME, &[by_payer], &body, "outcome of a stranger");
    let mut writer = Writer::new();
    writer.array(4);
    writer.text("icn/ledger/outcome/v1");
    writer.uint(0);
    writer.array(1);
    writer.uint(4);
    writer.null();
    let bytes = writer.into_bytes();
    let body: Raw = icn_types::canon::from_bytes(&bytes).unwrap();
    let what = "escalation without a proposal";
    scene.write(unruled, OUTCOME, &[by_payer], &body, what);
    let body = outcome(0, Ruling::Settled);
    scene.write(mediator, OUTCOME, &[by_payer], &body, "settled dispute");
    let body = outcome(0, Ruling::WrittenOff);
    scene.write(mediator, OUTCOME, &[by_payer], &body, "dispute ended twice");
}
