use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::host::{Batch, KEY_LEN_MAX, VALUE_LEN_MAX};

const ROWS: Table<(u32, i64), u64> = Table::new("test/row", 2);

proptest! {
    #[test]
    fn keys_order_like_their_values(a: (u32, i64), b: (u32, i64)) {
        prop_assert_eq!(ROWS.key(&a).cmp(&ROWS.key(&b)), a.cmp(&b));
        prop_assert_eq!(ROWS.decode_key(&ROWS.key(&a)), Ok(a));
    }
}

#[test]
fn row_of_another_format_or_shape_is_refused() {
    let space = ROWS.space();
    let code = |bytes: &[u8]| ROWS.decode_value(bytes).unwrap_err().code();
    assert_eq!(code(&[]), "store.row.empty");
    assert_eq!(code(&[1, 0]), "store.row.older");
    assert_eq!(code(&[3, 0]), "store.row.newer");
    assert_eq!(code(&[2, 0xff]), "store.row.value");
    let short = Key::new(space, b"short").unwrap();
    assert_eq!(ROWS.decode_key(&short), Err(RowError::Key { space }));
    let other = Key::new(Space::new("other"), &[0; 12]).unwrap();
    assert_eq!(
        ROWS.decode_key(&other).unwrap_err().code(),
        "store.row.space"
    );
}

#[test]
fn too_long_keys_and_values_are_refused() {
    let key = |len| Key::new(ROWS.space(), vec![0; len]);
    assert_eq!(
        key(KEY_LEN_MAX + 1),
        Err(LimitError::Key {
            len: KEY_LEN_MAX + 1
        })
    );
    let len = VALUE_LEN_MAX + 1;
    let mut batch = Batch::new();
    let refused = batch.put(key(KEY_LEN_MAX).unwrap(), vec![0; len]);
    assert_eq!(refused, Err(LimitError::Value { len }));
    assert!(batch.is_empty());
}
