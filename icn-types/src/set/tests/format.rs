//! A charter of a format that this code does not know.

use super::*;
use crate::authority::FORMAT;
use crate::verdict::NeedsUpgrade;

#[test]
fn a_charter_of_a_newer_format_waits_for_newer_code_and_says_so() {
    let mut stage = Stage::with_charter(1, 4, |charter| charter.format = FORMAT + 1);
    let ledger = stage.ledger(UNIT);
    let a = stage.open_member(0, &ledger, Some(GRANT));
    note(&mut stage, &a, 1);
    let set = &stage.set;
    let upgrade = NeedsUpgrade {
        format: FORMAT + 1,
        since: stage.records[0].id(),
    };
    assert_eq!(set.needs_upgrade(), Some(upgrade));
    assert_eq!(set.len(), 3, "stored, to be passed on");
    assert!(set.slots().all(|slot| set.verdict(slot).is_waiting()));
    assert!(set.slots().all(|slot| set.canonical().contains(slot)));
    assert!(set.office().is_none());
    assert_eq!(set.next_place(&set.authority()), None, "nobody writes on");
    assert_eq!(set.next_place(&a), None);
}

#[test]
fn an_open_of_format_zero_is_no_body() {
    let (mut stage, a, _) = two();
    stage.seal(&a, Finality::Final);
    let member = Owner::Member(stage.members()[0].inception.id(), 0);
    let chain = stage.ledger(UNIT).chain(member);
    let start = Start::After {
        prior: stage.open_of(&a),
        tip: None,
    };
    let owner = stage.key(&a).clone();
    let mut open = stage.open_body(chain, &owner, start, 0, Some(GRANT), &owner);
    open.format = 0;
    let id = stage.act(&Act::Open(open), &[]);
    assert_eq!(broken(&stage, &id), "invalid.body");
}

#[test]
fn a_charter_of_our_format_needs_nothing() {
    let (stage, a, _) = two();
    assert_eq!(stage.set.charter().unwrap().format, FORMAT);
    assert_eq!(stage.set.needs_upgrade(), None);
    assert!(stage.set.next_place(&a).is_some());
}
