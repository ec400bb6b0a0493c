//! A charter of a format that this code does not know.

use super::*;
use crate::authority::FORMAT;
use crate::canon::to_bytes;
use crate::verdict::NeedsUpgrade;

/// The first two records of a domain: charter and a first Open.
fn founded(format: u16) -> (RecordSet, [RecordId; 2]) {
    let stage = Stage::new(1, 4);
    let mut charter = stage.set.charter().unwrap();
    charter.format = format;
    let draft = |place, act: &Act| {
        let (kind, body) = act.body();
        let content = Content::new(Vec::new(), None, &body).unwrap();
        Draft::new(place, kind, Timestamp::default(), content).unwrap()
    };
    let founding = draft(Place::Founding, &Act::Charter(charter));
    let founding = founding.sign(stage.registrar()).unwrap();
    let domain = DomainId::from_bytes(*founding.id().as_bytes());
    let mut set = RecordSet::new(domain);
    let person = &stage.members()[0];
    let chain = Topic::Ledger(domain, UNIT).chain(Owner::Member(person.inception.id(), 0));
    let mut open = stage.open_body(
        chain,
        &person.key,
        Start::First,
        0,
        Some(GRANT),
        &person.key,
    );
    let terms = to_bytes(&open.consent_terms(domain));
    open.consent = Consent::Current(person.key.sign(&terms).unwrap());
    let place = Place::Entry {
        topic: set.authority_topic,
        chain: set.authority(),
        epoch: founding.id(),
        seq: 1,
        prev: Some(founding.id()),
    };
    let open = draft(place, &Act::Open(open))
        .sign(stage.registrar())
        .unwrap();
    let ids = [founding.id(), open.id()];
    for record in [founding, open] {
        set.insert(record).unwrap();
    }
    (set, ids)
}

#[test]
fn a_charter_of_a_newer_format_waits_for_newer_code_and_says_so() {
    let (set, ids) = founded(FORMAT + 1);
    let upgrade = NeedsUpgrade {
        format: FORMAT + 1,
        since: ids[0],
    };
    assert_eq!(set.needs_upgrade(), Some(upgrade));
    for id in ids {
        let slot = set.find(&id).expect("stored, to be passed on");
        assert!(set.verdict(slot).is_waiting());
        assert!(set.canonical().contains(slot));
    }
    assert!(set.office().is_none());
    assert_eq!(set.next_place(&set.authority()), None, "nobody writes on");
}

#[test]
fn a_charter_of_our_format_needs_nothing() {
    let (set, ids) = founded(FORMAT);
    assert_eq!(set.needs_upgrade(), None);
    assert!(
        ids.iter()
            .all(|id| set.verdict(set.find(id).unwrap()).is_valid())
    );
    assert!(set.next_place(&set.authority()).is_some());
}
