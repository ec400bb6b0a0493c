use alloc::string::ToString as _;
use alloc::vec;

use super::*;
use crate::host::Space;

const SPACE: Space = Space::new("test/batch");

fn key(len: usize) -> Key {
    Key::new(SPACE, vec![7; len]).unwrap()
}

/// As many bytes as fit, in values as long as they may be.
fn full() -> Batch {
    let mut batch = Batch::new();
    while batch.bytes_len() < BATCH_LEN_MAX {
        batch.put(key(0), vec![0; VALUE_LEN_MAX]).unwrap();
    }
    batch
}

#[test]
fn batch_holds_the_longest_bytes_and_not_one_more() {
    let mut batch = full();
    assert_eq!(batch.bytes_len(), BATCH_LEN_MAX);
    batch.put(key(0), vec![]).unwrap();
    let before = batch.writes().len();
    assert_eq!(batch.put(key(0), vec![1]), Err(LimitError::Batch));
    assert_eq!(batch.equals(key(0), vec![1]), Err(LimitError::Batch));
    assert_eq!(batch.absent(key(1)), Err(LimitError::Batch));
    assert_eq!(batch.delete(key(1)), Err(LimitError::Batch));
    assert_eq!(batch.writes().len(), before);
    assert_eq!(batch.preconditions(), []);
    assert_eq!(batch.bytes_len(), BATCH_LEN_MAX);
}

#[test]
fn batch_holds_the_most_operations_and_not_one_more() {
    let mut batch = Batch::new();
    for _ in 0..BATCH_OPS_MAX / 2 {
        batch.delete(key(0)).unwrap();
        batch.absent(key(0)).unwrap();
    }
    assert_eq!(batch.delete(key(0)), Err(LimitError::Ops));
    assert_eq!(batch.absent(key(0)), Err(LimitError::Ops));
    let mut one = Batch::new();
    one.delete(key(0)).unwrap();
    assert_eq!(batch.merge(one), Err(LimitError::Ops));
    assert_eq!(batch.writes().len(), BATCH_OPS_MAX / 2);
    batch.merge(Batch::new()).unwrap();
}

#[test]
fn merged_batch_asks_for_both_in_order() {
    let mut first = Batch::new();
    first.absent(key(1)).unwrap();
    first.put(key(2), vec![1]).unwrap();
    let mut second = Batch::new();
    second.equals(key(3), vec![2]).unwrap();
    second.delete(key(2)).unwrap();
    let both = {
        let mut both = Batch::new();
        both.absent(key(1)).unwrap();
        both.put(key(2), vec![1]).unwrap();
        both.equals(key(3), vec![2]).unwrap();
        both.delete(key(2)).unwrap();
        both
    };
    let mut merged = Batch::new();
    merged.merge(first).unwrap();
    merged.merge(second).unwrap();
    assert_eq!(merged, both);
    assert_eq!(merged.bytes_len(), 1 + 2 + 1 + 3 + 1 + 2);
}

#[test]
fn batch_that_would_grow_too_long_is_not_merged() {
    let mut batch = full();
    let mut other = Batch::new();
    other.absent(key(1)).unwrap();
    let before = batch.clone();
    assert_eq!(batch.merge(other), Err(LimitError::Batch));
    assert!(batch == before);
}

#[test]
fn limits_have_codes_and_texts_of_their_own() {
    let cases = [
        (
            LimitError::Key { len: 2000 },
            "store.limit.key",
            "key of 2000 bytes, at most 1024 are allowed",
        ),
        (
            LimitError::Value { len: 3 },
            "store.limit.value",
            "value of 3 bytes is too long",
        ),
        (
            LimitError::Ops,
            "store.limit.ops",
            "batch has more than 1048576 operations",
        ),
        (
            LimitError::Batch,
            "store.limit.batch",
            "batch is longer than 67108864 bytes",
        ),
    ];
    for (error, code, text) in cases {
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
        assert_eq!(error.fault(), Fault::Caller);
    }
}
