//! Keys, batches and scans. Keys are few, so that they meet each other.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::host::{Batch, KEY_LEN_MAX, Key, LimitError, Scan, Space};

/// The spaces of all keys here; one name is the start of another.
pub const SPACES: [Space; 3] = [
    Space::new("arb/one"),
    Space::new("arb/two"),
    Space::new("arb/two/more"),
];

/// Spaces.
pub fn space() -> impl Strategy<Value = Space> {
    select(SPACES.as_slice())
}

/// Bytes of keys: mostly short ones of few letters, the lowest and the highest
/// among them, now and then any that are allowed.
pub fn key_bytes() -> impl Strategy<Value = Vec<u8>> {
    let letter = select([0_u8, 1, 0x7f, 0x80, 0xff].as_slice());
    prop_oneof![
        9 => vec(letter, 0..=2),
        1 => vec(any::<u8>(), 0..=KEY_LEN_MAX),
    ]
}

/// Keys.
pub fn key() -> impl Strategy<Value = Key> {
    (space(), key_bytes())
        .prop_filter_map("key too long", |(space, bytes)| Key::new(space, bytes).ok())
}

/// Values: mostly empty or one of three bytes.
pub fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        9 => vec(0_u8..3, 0..=1),
        1 => vec(any::<u8>(), 0..=1000),
    ]
}

/// Batches of up to eight operations, several of them often on one key.
pub fn batch() -> impl Strategy<Value = Batch> {
    vec(operation(), 0..=8).prop_filter_map("batch too large", |operations| {
        let mut batch = Batch::new();
        operations
            .into_iter()
            .try_for_each(|operation| operation.join(&mut batch))
            .ok()
            .map(|()| batch)
    })
}

/// Scans of all shapes, with pages of up to five rows.
pub fn scan() -> impl Strategy<Value = Scan> {
    let range = prop_oneof![
        space().prop_map(Scan::all),
        (space(), key_bytes()).prop_map(|(space, prefix)| Scan::prefix(space, prefix)),
        (space(), key_bytes(), key_bytes())
            .prop_map(|(space, from, to)| Scan::range(space, from, to)),
        (space(), key_bytes()).prop_map(|(space, key)| Scan::all(space).above(key)),
        (space(), key_bytes()).prop_map(|(space, key)| Scan::all(space).below(key)),
    ];
    (range, any::<bool>(), 1_u32..=5).prop_map(|(scan, descending, rows)| {
        let scan = scan.limit(NonZeroU32::new(rows).unwrap_or(NonZeroU32::MIN));
        if descending { scan.descending() } else { scan }
    })
}

#[derive(Clone, Debug)]
enum Operation {
    Absent(Key),
    Equals(Key, Vec<u8>),
    Put(Key, Vec<u8>),
    Delete(Key),
}

impl Operation {
    fn join(self, batch: &mut Batch) -> Result<(), LimitError> {
        match self {
            Self::Absent(key) => batch.absent(key),
            Self::Equals(key, value) => batch.equals(key, value),
            Self::Put(key, value) => batch.put(key, value),
            Self::Delete(key) => batch.delete(key),
        }
    }
}

/// Few demands, so that many batches succeed.
fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => key().prop_map(Operation::Absent),
        1 => (key(), value()).prop_map(|(key, value)| Operation::Equals(key, value)),
        9 => (key(), value()).prop_map(|(key, value)| Operation::Put(key, value)),
        4 => key().prop_map(Operation::Delete),
    ]
}
