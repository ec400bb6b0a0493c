//! Fork proofs: what proves something, and what cannot be made to.

use super::super::{ClaimedEquivocation, Equivocation, NoProof};
use super::*;
use crate::canon::{from_bytes, to_bytes};
use crate::error::Fault;
use crate::record::Header;
use crate::sign::Signed;

fn place(epoch: u8, seq: u64) -> Place {
    Place::Entry {
        topic: TopicId::from_bytes([1; 32]),
        chain: ChainId::from_bytes([2; 32]),
        epoch: RecordId::from_bytes([epoch; 32]),
        seq,
        prev: (seq > 0).then(|| RecordId::from_bytes([4; 32])),
    }
}

fn signed(place: Place, number: u64) -> Signed<Record> {
    let content = Content::new(Vec::new(), None, &number).unwrap();
    let draft = Draft::new(place, NOTE, Timestamp::from_millis(u64::MAX), content).unwrap();
    draft.sign(&key_of(1, "forker", 0)).unwrap()
}

/// `[tag, half, half]`, whatever the halves are.
fn claim(one: &Record, other: &Record) -> Vec<u8> {
    struct Claim<'a>([&'a Record; 2]);
    impl crate::canon::Encode for Claim<'_> {
        fn encode(&self, w: &mut crate::canon::Writer) {
            w.array(3);
            w.text(<Equivocation as crate::canon::Tagged>::TAG);
            for half in self.0 {
                w.array(2);
                half.header().encode(w);
                half.signature().encode(w);
            }
        }
    }
    to_bytes(&Claim([one, other]))
}

fn ordered() -> [Signed<Record>; 2] {
    let mut halves = [1, 2].map(|number| signed(place(3, 7), number));
    halves.sort_by_key(|half| half.id());
    halves
}

#[test]
fn two_records_at_one_position_are_a_proof_in_any_order() {
    let [low, high] = ordered();
    let proof = Equivocation::between(&low, &high).unwrap();
    assert_eq!(Ok(&proof), Equivocation::between(&high, &low).as_ref());
    assert_eq!(proof.ids(), (low.id(), high.id()));
    assert_eq!(proof.key(), low.key());
    assert_eq!(proof.place(), (low.chain(), low.epoch(), 7));
    let bytes = to_bytes(&proof);
    assert_eq!(bytes, claim(&low, &high));
    let claimed: ClaimedEquivocation = from_bytes(&bytes).unwrap();
    assert_eq!(claimed.epoch(), low.epoch());
    assert_eq!(claimed.verify(&low.key().prepare()), Ok(proof));
}

#[test]
fn a_proof_is_small() {
    let [low, high] = ordered();
    let common = to_bytes(&Equivocation::between(&low, &high).unwrap()).len();
    assert_eq!(common, 572);
    let mut longest = [1, 2].map(|number| {
        let ids = Vec::from([RecordId::from_bytes([number; 32]); 512]);
        let body: List<RecordId, 0, 512> = List::new(ids).unwrap();
        let content = Content::new(Vec::new(), None, &body);
        let kind = Kind::new(u16::MAX);
        let draft = Draft::new(place(3, u64::MAX), kind, low.at(), content.unwrap());
        draft.unwrap().sign(&key_of(1, "forker", 0)).unwrap()
    });
    longest.sort_by_key(|half| half.id());
    let [low, high] = &longest;
    assert_eq!(
        to_bytes(&Equivocation::between(low, high).unwrap()).len(),
        592
    );
}

#[test]
fn one_record_twice_proves_nothing() {
    let [low, _] = ordered();
    let refused = Equivocation::between(&low, &low).unwrap_err();
    assert_eq!((refused, refused.code()), (NoProof::Same, "proof.same"));
    assert_eq!(refused.fault(), Fault::Peer);
    let error = from_bytes::<ClaimedEquivocation>(&claim(&low, &low)).unwrap_err();
    assert_eq!(error.code(), "proof.order");
}

#[test]
fn halves_the_wrong_way_round_are_not_decoded() {
    let [low, high] = ordered();
    let error = from_bytes::<ClaimedEquivocation>(&claim(&high, &low)).unwrap_err();
    assert_eq!(error.reason(), crate::canon::Reason::Value("proof.order"));
}

#[test]
fn records_of_two_places_prove_nothing() {
    let base = signed(place(3, 7), 1);
    let Place::Entry {
        topic,
        chain,
        epoch,
        seq,
        prev,
    } = place(3, 7)
    else {
        unreachable!()
    };
    let elsewhere = [
        place(3, 8),
        place(9, 7), // after a rotation: another epoch
        Place::Entry {
            topic: TopicId::from_bytes([9; 32]),
            chain,
            epoch,
            seq,
            prev,
        },
        Place::Entry {
            topic,
            chain: ChainId::from_bytes([9; 32]),
            epoch,
            seq,
            prev,
        },
    ];
    for other in elsewhere {
        let other = signed(other, 2);
        let refused = Equivocation::between(&base, &other).unwrap_err();
        assert_eq!((refused, refused.code()), (NoProof::Apart, "proof.apart"));
        let mut halves = [&base, &other];
        halves.sort_by_key(|half| half.id());
        let claimed: ClaimedEquivocation = from_bytes(&claim(halves[0], halves[1])).unwrap();
        assert_eq!(claimed.verify(&base.key().prepare()), Err(NoProof::Apart));
    }
}

#[test]
fn two_lineages_at_one_position_are_still_a_proof() {
    let Place::Entry {
        topic,
        chain,
        epoch,
        seq,
        ..
    } = place(3, 7)
    else {
        unreachable!()
    };
    let prev = Some(RecordId::from_bytes([5; 32]));
    let beside = signed(
        Place::Entry {
            topic,
            chain,
            epoch,
            seq,
            prev,
        },
        1,
    );
    assert!(Equivocation::between(&beside, &signed(place(3, 7), 1)).is_ok());
}

#[test]
fn recalls_are_no_halves() {
    let recall = |number: u8| {
        let place = Place::Succession {
            topic: TopicId::from_bytes([1; 32]),
            chain: ChainId::from_bytes([2; 32]),
            seq: 7,
            prev: RecordId::from_bytes([number; 32]),
        };
        let content = Content::new(Vec::new(), None, &0_u64).unwrap();
        let draft = Draft::new(place, Kind::RECALL, Timestamp::default(), content).unwrap();
        draft.sign(&key_of(1, "forker", 0)).unwrap()
    };
    let refused = Equivocation::between(&recall(1), &recall(2));
    assert_eq!(refused, Err(NoProof::Apart));
}

#[test]
fn halves_under_another_key_prove_nothing() {
    let [low, high] = ordered();
    let other = key_of(1, "somebody else", 0);
    let content = Content::new(Vec::new(), None, &9_u64).unwrap();
    let draft = Draft::new(place(3, 7), NOTE, Timestamp::default(), content).unwrap();
    let forged = draft.sign(&other).unwrap();
    let refused = Equivocation::between(&low, &forged).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (NoProof::Signature, "proof.signature")
    );
    let claimed: ClaimedEquivocation = from_bytes(&claim(&low, &high)).unwrap();
    let key = other.public_key().prepare();
    assert_eq!(claimed.verify(&key), Err(NoProof::Signature));
    let mut halves = [&low, &forged];
    halves.sort_by_key(|half| half.id());
    let claimed: ClaimedEquivocation = from_bytes(&claim(halves[0], halves[1])).unwrap();
    for key in [low.key(), forged.key()] {
        let refused = claimed.clone().verify(&key.prepare());
        assert_eq!(refused, Err(NoProof::Signature));
    }
}

#[test]
fn a_rotation_neither_hides_nor_fakes_a_fork() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let root = stage.tip(&a);
    let one = note_after(&mut stage, &a, root, 1).head;
    let other = note_after(&mut stage, &a, root, 2).head;
    stage.reopen(&a, root, 0);
    let next = note_after(&mut stage, &a, root, 3).head;
    let find = |id: RecordId| stage.records.iter().find(|r| r.id() == id).unwrap();
    assert!(Equivocation::between(find(one), find(other)).is_ok());
    for old in [one, other] {
        assert!(Equivocation::between(find(old), find(next)).is_err());
    }
    let header: &Header = find(next).header();
    assert_eq!(header.seq(), find(one).seq());
}
