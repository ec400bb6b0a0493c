use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::{Batch, Key, MaybeSend, MaybeSync, Page, RowError, Scan, Space};
use crate::error::{Coded, Fault};

/// Ordered bytes that outlive the process, changed in atomic steps.
///
/// The contract is a list of laws; `icn_types::testkit::store` checks
/// each of them under its name:
///
/// 1. `commit_is_all_or_nothing`: of a batch everything happens or nothing,
///    whoever reads meanwhile.
/// 2. `conflict_leaves_no_trace`: when one precondition does not hold, commit
///    answers [`Conflict`](StoreErrorKind::Conflict) and nothing changes.
/// 3. `preconditions_see_the_state_before_the_batch`, not the batch's own writes.
/// 4. `last_write_to_a_key_wins` within a batch.
/// 5. `commit_is_read_back`: what was committed is read from then on.
/// 6. `read_answers_in_the_order_asked`, duplicates included.
/// 7. `read_is_one_snapshot`: never the middle of a commit.
/// 8. `scan_is_ordered_and_bounded` in both directions.
/// 9. `paging_is_stable` while rows are written and deleted in between.
/// 10. `spaces_are_apart`, whatever their names and keys.
/// 11. `empty_value_is_a_value`, `empty_key_is_a_key`, keys order as bytes.
/// 12. `deleting_nothing_is_ok`; `deleted_key_is_absent` for preconditions too.
/// 13. `largest_values_fit`: everything a [`Batch`] admits can be committed.
/// 14. `dropped_commit_is_all_or_nothing`: a commit future may be dropped at
///     any point; the batch then happened or did not.
/// 15. `one_of_many_wins`: of concurrent commits with one precondition that each
///     of them breaks for the others, exactly one succeeds.
/// 16. `reopened_store_keeps_what_was_committed`: durable when `commit` answers
///     `Ok` (a volatile store declares that it keeps nothing).
/// 17. `store_equals_its_model` over random batches.
///
/// Methods take `&self` and may be called concurrently. A method may block the
/// polling thread for the time of one disk access.
#[cfg_attr(not(target_family = "wasm"), async_trait::async_trait)]
#[cfg_attr(target_family = "wasm", async_trait::async_trait(?Send))]
pub trait Store: MaybeSend + MaybeSync {
    /// Values of all `keys`, read in one snapshot, in the order asked.
    ///
    /// # Errors
    /// [`StoreError`]: unavailable, corrupt or closed.
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// One page of a range, read in one snapshot. Answer with
    /// [`Page::collect`]. Pages of one scan are separate snapshots.
    ///
    /// # Errors
    /// [`StoreError`]: unavailable, corrupt or closed.
    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError>;

    /// Makes all writes of `batch` durable if all its preconditions hold, and
    /// nothing otherwise.
    ///
    /// # Errors
    /// - [`Conflict`](StoreErrorKind::Conflict): a precondition does not hold;
    ///   nothing happened. Read again and decide again.
    /// - [`Uncertain`](StoreErrorKind::Uncertain): all of it happened or nothing.
    ///   Read before going on. The same holds when the future is dropped.
    /// - Every other kind: nothing happened.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}

macro_rules! store_behind {
    ($($pointer:ty),*) => { $(
        #[cfg_attr(not(target_family = "wasm"), async_trait::async_trait)]
        #[cfg_attr(target_family = "wasm", async_trait::async_trait(?Send))]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Store + ?Sized> Store for $pointer {
            async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
                (**self).read(keys).await
            }

            async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
                (**self).scan(scan).await
            }

            async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
                (**self).commit(batch).await
            }
        }
    )* };
}
store_behind!(&T, Box<T>, Arc<T>);

/// Why a store did not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    space: Option<Space>,
    source: Option<Box<dyn core::error::Error + Send + Sync>>,
}

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// A precondition of the batch does not hold; nothing was written.
    Conflict,
    /// The store cannot answer now; nothing was written.
    Unavailable,
    /// The commit happened as a whole or not at all, and the store cannot say
    /// which.
    Uncertain,
    /// What is stored is not what was written.
    Corrupt,
    /// The store is smaller than the request.
    LimitExceeded,
    /// The store was closed, or gave up after a failure; open it again.
    Closed,
    /// What is stored was written by newer code.
    Newer,
    /// Somebody else has the store open.
    Locked,
}

impl StoreError {
    /// An error of that kind.
    #[must_use]
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self {
            kind,
            space: None,
            source: None,
        }
    }

    /// Adds the space it happened in.
    #[must_use]
    pub fn in_space(mut self, space: Space) -> Self {
        self.space = Some(space);
        self
    }

    /// Adds the error that caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a caller can act on.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The space it happened in, when one is to blame.
    #[must_use]
    pub const fn space(&self) -> Option<Space> {
        self.space
    }

    /// Whether the same call, unchanged, may succeed later.
    ///
    /// Not so for a conflict (decide again first) nor for an uncertain commit
    /// (read first).
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Unavailable | StoreErrorKind::Locked
        )
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self::new(kind)
    }
}

/// A row that does not decode is corruption, unless newer code wrote it.
impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        let kind = match error {
            RowError::Newer { .. } => StoreErrorKind::Newer,
            _ => StoreErrorKind::Corrupt,
        };
        Self::new(kind).in_space(error.space()).because(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Conflict => "a precondition does not hold",
            StoreErrorKind::Unavailable => "store is not available",
            StoreErrorKind::Uncertain => "commit may or may not have happened",
            StoreErrorKind::Corrupt => "stored bytes are damaged",
            StoreErrorKind::LimitExceeded => "request is larger than the store",
            StoreErrorKind::Closed => "store is closed",
            StoreErrorKind::Newer => "store was written by newer code",
            StoreErrorKind::Locked => "store is open elsewhere",
        })?;
        self.space
            .map_or(Ok(()), |space| write!(f, " in space {space}"))
    }
}

impl core::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

impl Coded for StoreError {
    fn code(&self) -> &'static str {
        match self.kind {
            StoreErrorKind::Conflict => "store.conflict",
            StoreErrorKind::Unavailable => "store.unavailable",
            StoreErrorKind::Uncertain => "store.uncertain",
            StoreErrorKind::Corrupt => "store.corrupt",
            StoreErrorKind::LimitExceeded => "store.limit_exceeded",
            StoreErrorKind::Closed => "store.closed",
            StoreErrorKind::Newer => "store.newer",
            StoreErrorKind::Locked => "store.locked",
        }
    }

    fn fault(&self) -> Fault {
        match self.kind {
            StoreErrorKind::Conflict | StoreErrorKind::LimitExceeded => Fault::Caller,
            _ => Fault::Environment,
        }
    }
}

#[cfg(test)]
mod tests;
