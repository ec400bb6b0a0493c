//! Bodies of entries as bytes.

use icn_ledger::bundle::{Bundle, Due, Terms};
use icn_ledger::entry::{
    ACK, HOLD, LEGS_MAX, NOTE, PAYMENT, REFUND, REFUSE, RESOLVE, RESOLVED_MAX, TAKEN_MAX,
};
use icn_ledger::remark::Remark;
use icn_ledger::settle::SETTLEMENT;
use icn_ledger::{
    Ack, DecisionRef, Entry, Hold, Leg, LegRef, Note, Payment, Refund, Refuse, Resolution, Resolve,
    Settlement,
};
use icn_types::canon::{Encode, List, Tagged as _, Writer, from_bytes, to_bytes};
use icn_types::id::{ChainId, OperationKey};
use icn_types::record::{Attachment, Content, Kind};
use icn_types::time::Timestamp;
use proptest::prelude::*;

use crate::market::amount;

fn legs(count: usize) -> Vec<Leg> {
    (1..=count)
        .map(|number| Leg {
            payee: ChainId::from_bytes([3; 32]),
            amount: amount(u64::try_from(number).unwrap()),
        })
        .collect()
}

fn payment(count: usize, decision: Option<DecisionRef>, noted: bool) -> Payment {
    Payment {
        legs: List::new(legs(count)).unwrap(),
        key: OperationKey::from_bytes([4; 32]),
        decision,
        effective: noted.then(|| Timestamp::from_millis(7)),
        memo: Attachment::new(&[5; 32], b"bread").filter(|_| noted),
    }
}

fn taken(count: usize) -> Vec<LegRef> {
    (0..=u8::MAX)
        .cycle()
        .take(count)
        .map(|leg| LegRef {
            reference: u16::from(leg),
            leg,
        })
        .collect()
}

fn resolutions(count: usize, part: u64) -> Vec<Resolution> {
    (0..=u16::MAX)
        .take(count)
        .map(|hold| Resolution { hold, part })
        .collect()
}

fn entries() -> impl Strategy<Value = Entry> {
    let decision = prop::option::of((any::<u16>(), any::<u16>()));
    prop_oneof![
        (1..=LEGS_MAX, decision, any::<bool>()).prop_map(|(count, decision, noted)| {
            let decision = decision.map(|(ready, action)| DecisionRef { ready, action });
            Entry::Payment(payment(count, decision, noted))
        }),
        (1..=TAKEN_MAX).prop_map(|count| Entry::Ack(Ack {
            legs: List::new(taken(count)).unwrap()
        })),
        (1..=TAKEN_MAX).prop_map(|count| Entry::Refuse(Refuse {
            legs: List::new(taken(count)).unwrap()
        })),
        any::<bool>().prop_map(|noted| Entry::Note(Note {
            memo: payment(1, None, noted).memo
        })),
        (any::<bool>(), any::<bool>()).prop_map(|(expires, noted)| {
            let payment = payment(1, None, noted);
            Entry::Hold(Hold {
                leg: payment.legs[0],
                resolver: ChainId::from_bytes([6; 32]),
                key: payment.key,
                decision: payment.decision,
                expires: expires.then(|| Timestamp::from_millis(9)),
                effective: payment.effective,
                memo: payment.memo,
            })
        }),
        (1..=RESOLVED_MAX, any::<u64>()).prop_map(|(count, part)| Entry::Resolve(Resolve {
            holds: List::new(resolutions(count, part)).unwrap(),
            memo: None,
        })),
        (any::<u16>(), any::<bool>()).prop_map(|(reference, noted)| {
            let payment = payment(1, None, noted);
            Entry::Refund(Refund {
                original: LegRef { reference, leg: 3 },
                amount: payment.legs[0].amount,
                key: payment.key,
                decision: None,
                effective: payment.effective,
                memo: payment.memo,
            })
        }),
        (any::<[u16; 4]>(), any::<bool>()).prop_map(|(named, noted)| {
            let payment = payment(1, None, noted);
            let [reference, charge, ready, action] = named;
            Entry::Settlement(Settlement {
                leg: payment.legs[0],
                claim: LegRef { reference, leg: 3 },
                charge,
                key: payment.key,
                decision: DecisionRef { ready, action },
                effective: payment.effective,
                memo: payment.memo,
            })
        }),
    ]
}

proptest! {
    #[test]
    fn an_entry_is_read_back_from_its_content(entry in entries()) {
        let (kind, body) = entry.body();
        let content = Content::new(Vec::new(), None, &body).unwrap();
        prop_assert_eq!(Entry::read(kind, &content), Ok(Some(entry)));
        prop_assert_eq!(Entry::read(Kind::new(95), &content), Ok(None));
        for other in [PAYMENT, ACK, REFUSE, NOTE, HOLD, RESOLVE, REFUND, SETTLEMENT] {
            prop_assert_eq!(Entry::read(other, &content).is_ok(), other == kind);
        }
    }
}

/// A payment as it would be spelled with these legs.
fn spelled(legs: &[Leg]) -> Vec<u8> {
    let mut w = Writer::new();
    w.array(6);
    w.text(Payment::TAG);
    w.array(legs.len());
    legs.iter().for_each(|leg| leg.encode(&mut w));
    OperationKey::from_bytes([4; 32]).encode(&mut w);
    (0..3).for_each(|_| w.null());
    w.into_bytes()
}

#[test]
fn a_payment_has_one_to_64_legs() {
    assert_eq!(spelled(&legs(2)), to_bytes(&payment(2, None, false)));
    for (count, is_read) in [(0, false), (1, true), (64, true), (65, false)] {
        let read = from_bytes::<Payment>(&spelled(&legs(count)));
        assert_eq!(read.is_ok(), is_read, "{count} legs");
    }
}

#[test]
fn an_acknowledgement_takes_one_to_256_legs() {
    for (count, is_read) in [(0, false), (1, true), (256, true), (257, false)] {
        let mut w = Writer::new();
        w.array(2);
        w.text(Ack::TAG);
        w.array(count);
        taken(count).iter().for_each(|leg| leg.encode(&mut w));
        let read = from_bytes::<Ack>(&w.into_bytes());
        assert_eq!(read.is_ok(), is_read, "{count} legs");
    }
}

#[test]
fn a_resolve_ends_one_to_128_holds() {
    for (count, is_read) in [(0, false), (1, true), (128, true), (129, false)] {
        let mut w = Writer::new();
        w.array(3);
        w.text(Resolve::TAG);
        w.array(count);
        for hold in resolutions(count, 7) {
            hold.encode(&mut w);
        }
        w.null();
        let read = from_bytes::<Resolve>(&w.into_bytes());
        assert_eq!(read.is_ok(), is_read, "{count} holds");
    }
}

#[test]
fn what_sends_says_its_key_decision_and_date() {
    let decided = DecisionRef {
        ready: 1,
        action: 2,
    };
    let decision = Some(decided);
    let payment = payment(1, decision, true);
    let hold = Hold {
        leg: payment.legs[0],
        resolver: ChainId::from_bytes([6; 32]),
        key: payment.key,
        decision,
        expires: None,
        effective: payment.effective,
        memo: None,
    };
    let refund = Refund {
        original: LegRef {
            reference: 0,
            leg: 0,
        },
        amount: payment.legs[0].amount,
        key: payment.key,
        decision,
        effective: payment.effective,
        memo: None,
    };
    let said = (Some(payment.key), decision, payment.effective);
    let due = Due {
        payer: ChainId::from_bytes([8; 32]),
        payee: ChainId::from_bytes([9; 32]),
        amount: payment.legs[0].amount,
    };
    let bundle = Remark::Bundle(Bundle {
        terms: Terms::Dues(List::new([due; 2]).unwrap()),
        key: payment.key,
        memo: None,
    });
    let settlement = Settlement {
        leg: payment.legs[0],
        claim: refund.original,
        charge: 0,
        key: payment.key,
        decision: decided,
        effective: payment.effective,
        memo: None,
    };
    let keyed = (Some(payment.key), None, None);
    let note = Entry::Note(Note::default());
    for (entry, expected) in [
        (Entry::Payment(payment), said),
        (Entry::Hold(hold), said),
        (Entry::Refund(refund), said),
        (Entry::Settlement(settlement), said),
        (Entry::Remark(bundle), keyed),
        (note, (None, None, None)),
    ] {
        let found = (entry.key(), entry.decision(), entry.effective());
        assert_eq!(found, expected, "{entry:?}");
    }
}
