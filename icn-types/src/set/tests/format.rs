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
fn a_charter_of_our_format_needs_nothing() {
    let (stage, a, _) = two();
    assert_eq!(stage.set.charter().unwrap().format, FORMAT);
    assert_eq!(stage.set.needs_upgrade(), None);
    assert!(stage.set.next_place(&a).is_some());
}
