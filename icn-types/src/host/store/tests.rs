use alloc::format;
use alloc::string::ToString as _;
use core::error::Error as _;

use super::*;

const SPACE: Space = Space::new("test/store");

#[test]
fn every_kind_has_a_code_a_text_and_a_fault() {
    use StoreErrorKind as K;

    let cases = [
        (
            K::Conflict,
            "conflict",
            "a precondition does not hold",
            Fault::Caller,
            false,
        ),
        (
            K::Unavailable,
            "unavailable",
            "store is not available",
            Fault::Environment,
            true,
        ),
        (
            K::Uncertain,
            "uncertain",
            "commit may or may not have happened",
            Fault::Environment,
            false,
        ),
        (
            K::Corrupt,
            "corrupt",
            "stored bytes are damaged",
            Fault::Environment,
            false,
        ),
        (
            K::LimitExceeded,
            "limit_exceeded",
            "request is larger than the store",
            Fault::Caller,
            false,
        ),
        (
            K::Closed,
            "closed",
            "store is closed",
            Fault::Environment,
            false,
        ),
        (
            K::Newer,
            "newer",
            "store was written by newer code",
            Fault::Environment,
            false,
        ),
        (
            K::Locked,
            "locked",
            "store is open elsewhere",
            Fault::Environment,
            true,
        ),
    ];
    for (kind, code, text, fault, retryable) in cases {
        let error = StoreError::new(kind);
        assert_eq!(error.code(), format!("store.{code}"));
        assert_eq!(error.to_string(), text);
        assert_eq!(error.fault(), fault);
        assert_eq!(error.is_retryable(), retryable, "{kind:?}");
        assert_eq!(
            error.in_space(SPACE).to_string(),
            format!("{text} in space test/store")
        );
    }
}

#[test]
fn text_does_not_repeat_the_source() {
    let error = StoreError::new(StoreErrorKind::Closed).because("disk on fire");
    assert_eq!(error.source().unwrap().to_string(), "disk on fire");
    assert!(!error.to_string().contains("fire"));
    assert!(StoreError::new(StoreErrorKind::Closed).source().is_none());
}

#[test]
fn row_of_newer_code_is_newer_and_every_other_bad_row_is_damage() {
    let space = SPACE;
    let value = crate::canon::from_bytes::<u64>(&[0xff]).unwrap_err();
    let cases = [
        (
            RowError::Newer {
                space,
                found: 2,
                supported: 1,
            },
            StoreErrorKind::Newer,
        ),
        (
            RowError::Older {
                space,
                found: 1,
                supported: 2,
            },
            StoreErrorKind::Corrupt,
        ),
        (RowError::Empty { space }, StoreErrorKind::Corrupt),
        (RowError::Key { space }, StoreErrorKind::Corrupt),
        (
            RowError::Space {
                space,
                found: Space::new("other"),
            },
            StoreErrorKind::Corrupt,
        ),
        (
            RowError::Value {
                space,
                error: value,
            },
            StoreErrorKind::Corrupt,
        ),
    ];
    for (row, kind) in cases {
        let text = row.to_string();
        let error = StoreError::from(row);
        assert_eq!((error.kind(), error.space()), (kind, Some(SPACE)));
        assert_eq!(error.source().unwrap().to_string(), text);
    }
}
