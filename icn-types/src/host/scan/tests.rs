use alloc::vec::Vec;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;

const SPACE: Space = Space::new("test/scan");

/// Short keys of few letters, the lowest and the highest among them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![Just(0_u8), Just(1), Just(0xfe), Just(0xff)],
        0..4,
    )
}

fn holds(scan: &Scan, key: &[u8]) -> bool {
    key >= scan.from() && scan.to().is_none_or(|to| key < to)
}

proptest! {
    #[test]
    fn prefix_holds_what_starts_with_it(prefix in bytes(), key in bytes()) {
        let scan = Scan::prefix(SPACE, prefix.as_slice());
        prop_assert_eq!(holds(&scan, &key), key.starts_with(&prefix));
    }

    #[test]
    fn range_holds_its_start_but_not_its_end(from in bytes(), to in bytes(), key in bytes()) {
        let scan = Scan::range(SPACE, from.as_slice(), to.as_slice());
        prop_assert_eq!(holds(&scan, &key), from <= key && key < to);
        prop_assert!(scan.to().is_some_and(|to| to >= scan.from()));
    }

    #[test]
    fn above_and_below_narrow_and_leave_their_key_out(
        from in bytes(), to in bytes(), low in bytes(), high in bytes(), key in bytes(),
    ) {
        for scan in [
            Scan::all(SPACE),
            Scan::range(SPACE, from.as_slice(), to.as_slice()),
            Scan::prefix(SPACE, from.as_slice()),
        ] {
            let inside = holds(&scan, &key);
            let above = scan.clone().above(low.as_slice());
            prop_assert_eq!(holds(&above, &key), inside && key > low);
            let below = scan.clone().below(high.as_slice());
            prop_assert_eq!(holds(&below, &key), inside && key < high);
            let both = above.below(high.as_slice());
            prop_assert_eq!(holds(&both, &key), inside && low < key && key < high);
            // A store may hand the ends to a sorted map, which panics otherwise.
            prop_assert!(both.to().is_none_or(|to| to >= both.from()));
        }
    }

    #[test]
    fn pages_together_are_the_range(
        keys in btree_set(bytes(), 0..20), rows in 1_u32..6, descending: bool,
    ) {
        let mut scan = Scan::all(SPACE).limit(NonZeroU32::new(rows).unwrap());
        let mut expected: Vec<_> = keys.iter().cloned().collect();
        if descending {
            scan = scan.descending();
            expected.reverse();
        }
        let mut found = Vec::new();
        let mut next = Some(scan);
        while let Some(scan) = next {
            let page = page(&scan, &expected);
            prop_assert!(page.rows.len() <= rows as usize);
            found.extend(page.rows.iter().map(|row| row.key.as_bytes().to_vec()));
            next = page.next;
        }
        prop_assert_eq!(found, expected);
    }
}

fn page(scan: &Scan, keys: &[Vec<u8>]) -> Page {
    let rows = keys.iter().filter(|key| holds(scan, key)).map(|key| {
        Ok::<_, ()>(StoredRow {
            key: Key::new(SPACE, key.as_slice()).unwrap(),
            value: Vec::new(),
        })
    });
    Page::collect(scan, rows).unwrap()
}

#[test]
fn page_ends_after_the_row_that_fills_it() {
    let row = |number: u8| {
        Ok::<_, ()>(StoredRow {
            key: Key::new(SPACE, &[number]).unwrap(),
            value: alloc::vec![0; PAGE_BYTES_MAX / 2],
        })
    };
    let page = Page::collect(&Scan::all(SPACE), (0..5).map(row)).unwrap();
    assert_eq!(page.rows.len(), 2);
    assert_eq!(page.next, Some(Scan::all(SPACE).above(&[1])));
}

#[test]
fn page_fails_with_its_rows() {
    let failed = Page::collect(&Scan::all(SPACE), [Err("torn")]);
    assert_eq!(failed, Err("torn"));
}
