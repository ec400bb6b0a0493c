use icn_types::amount::Amount;
use icn_types::canon::from_bytes;
use icn_types::canon::to_bytes;
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, UnitId};
use proptest::prelude::*;

use super::*;

fn proposal() -> impl Strategy<Value = Proposal> {
    let pay = (1..=Amount::MAX, any::<[u8; 32]>()).prop_map(|(atoms, bytes)| Action::Pay {
        payer: ChainId::from_bytes(bytes),
        payee: ChainId::from_bytes([2; 32]),
        unit: UnitId::from_bytes([3; 32]),
        amount: Amount::new(atoms).unwrap(),
    });
    let subject = prop_oneof![
        Just(Subject::Text),
        prop::collection::vec(pay, 1..=ACTIONS_MAX)
            .prop_map(|actions| Subject::Actions(List::new(actions).unwrap())),
    ];
    let text = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    (any::<[u8; 32]>(), any::<[u8; 32]>(), subject, text).prop_map(
        |(proposer, nonce, subject, text)| Proposal {
            proposer: MemberId::from_bytes(proposer),
            nonce,
            subject,
            text: text.and_then(|text| Attachment::new(&[7; 32], &text)),
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let opening = any::<[u8; 32]>().prop_map(RecordId::from_bytes);
    let choice = prop_oneof![
        Just(Choice::Yes),
        Just(Choice::No),
        Just(Choice::Abstain),
        Just(Choice::Veto),
    ];
    prop_oneof![
        proposal().prop_map(Body::Proposal),
        (opening.clone(), choice)
            .prop_map(|(opening, choice)| Body::Ballot(Ballot { opening, choice })),
        prop::collection::btree_set(any::<u16>(), 1..=RECEIPT_MAX).prop_map(|positions| {
            Body::Receipt(Receipt::new(positions.into_iter().collect()).unwrap())
        }),
        opening.prop_map(|opening| Body::Shut(Shut { opening })),
    ]
}

proptest! {
    #[test]
    fn bodies_read_back_as_written(body in body()) {
        let (kind, raw) = body.body();
        let content = Content::new(Vec::new(), None, &raw).unwrap();
        prop_assert_eq!(Body::read(kind, &content), Ok(Some(body)));
    }

    #[test]
    fn any_change_makes_another_proposal(one in proposal(), other in proposal()) {
        prop_assert_eq!(one == other, one.id() == other.id());
    }
}

#[test]
fn kinds_of_other_topics_are_not_read() {
    let content = Content::new(Vec::new(), None, &1_u64).unwrap();
    for number in (0..32).chain(36..99) {
        assert_eq!(Body::read(Kind::new(number), &content), Ok(None));
    }
}

#[test]
fn an_unknown_choice_does_not_read() {
    let mut bytes = to_bytes(&Ballot {
        opening: RecordId::from_bytes([1; 32]),
        choice: Choice::Veto,
    });
    let last = bytes.len() - 1;
    bytes[last] += 1;
    let error = from_bytes::<Ballot>(&bytes).unwrap_err();
    assert_eq!(error.code(), "ballot.choice");
}

#[test]
fn a_receipt_out_of_order_does_not_read() {
    let mut bytes = to_bytes(&Receipt::new(Vec::from([1, 2])).unwrap());
    let last = bytes.len() - 1;
    bytes[last] = 1;
    let error = from_bytes::<Receipt>(&bytes).unwrap_err();
    assert_eq!(error.code(), "receipt.order");
}
