use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Scan(u8, Option<u8>),
}

/// Few keys, so that many are written again after they were deleted, and more
/// of them than stay vacant.
fn step() -> impl Strategy<Value = Step> {
    let key = || 0..60_u8;
    prop_oneof![
        3 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        3 => key().prop_map(Step::Delete),
        1 => (key(), any::<Option<u8>>()).prop_map(|(from, to)| Step::Scan(from, to)),
    ]
}

/// Keys longer than lie inside a [`KeyBytes`] are among them.
fn key(number: u8) -> KeyBytes {
    KeyBytes::from([number].repeat(1 + usize::from(number)))
}

proptest! {
    #[test]
    fn rows_are_an_ordered_map(steps in prop::collection::vec(step(), 0..400)) {
        let (mut rows, mut model) = (Rows::default(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Put(number, value) => {
                    rows.put(key(number), [value].to_vec());
                    model.insert(key(number), [value].to_vec());
                }
                Step::Delete(number) => {
                    rows.delete(&key(number));
                    model.remove(&key(number));
                }
                Step::Scan(from, to) => {
                    let (from, to) = (key(from), to.map(|to| key(to.max(from))));
                    let expected = model.iter().filter(|(key, _)| {
                        **key >= from && to.as_ref().is_none_or(|to| *key < to)
                    });
                    let expected: Vec<_> = expected
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .collect();
                    let copied = |(key, value): (&KeyBytes, &[u8])| (key.clone(), value.to_vec());
                    let found: Vec<_> = rows.within(&from, to.as_deref()).map(copied).collect();
                    prop_assert_eq!(&found, &expected);
                    let back = rows.within(&from, to.as_deref()).rev().map(copied);
                    prop_assert!(back.eq(expected.into_iter().rev()));
                }
            }
            for number in 0..60 {
                let expected = model.get(&key(number)).map(Vec::as_slice);
                prop_assert_eq!(rows.value(&key(number)), expected);
            }
            let all = (0..rows.rows.len()).filter_map(|number| rows.rows.at(number));
            let vacant = all.filter(|row| row.value.is_none()).count();
            prop_assert_eq!(vacant, rows.vacant);
            prop_assert!(vacant <= VACANT_MIN.max(rows.rows.len() / 2));
        }
    }
}
