//! Snapshots: what is read back is the ledger that was written, and stays so.

use icn_ledger::{Ledger, Unit};
use icn_types::set::RecordSet;

/// The ledger read back, if it can be written down now.
pub(crate) fn again(ledger: &Ledger, set: &RecordSet, unit: Unit) -> Option<Ledger> {
    let pages = ledger.snapshot(set)?;
    let same = Ledger::restore(set, unit, &pages).unwrap();
    assert_same(ledger, &same, set);
    assert_eq!(same.snapshot(set).as_ref(), Some(&pages));
    Some(same)
}

/// Everything that a ledger answers.
pub(crate) fn assert_same(one: &Ledger, other: &Ledger, set: &RecordSet) {
    assert_eq!(one.columns(set), other.columns(set));
    assert_eq!(one.label_digest(set), other.label_digest(set));
    assert_eq!(one.decided(), other.decided());
    assert_eq!(one.needs_upgrade(), other.needs_upgrade());
    let waiting = |ledger: &Ledger| {
        let waiting = ledger.waiting().map(|(id, slots)| (id, slots.to_vec()));
        waiting.collect::<Vec<_>>()
    };
    assert_eq!(waiting(one), waiting(other));
    for slot in set.slots() {
        assert_eq!(one.verdict(slot), other.verdict(slot));
    }
    for (chain, topic) in set.chains() {
        if topic != one.topic() {
            continue;
        }
        assert_eq!(one.positions(set, &chain), other.positions(set, &chain));
        assert_eq!(one.charge(set, &chain), other.charge(set, &chain));
        let incoming = one.columns(set).incoming(chain).collect::<Vec<_>>();
        assert!(other.columns(set).incoming(chain).eq(incoming));
        let unresolved = one.columns(set).unresolved(chain).collect::<Vec<_>>();
        assert!(other.columns(set).unresolved(chain).eq(unresolved));
    }
}
