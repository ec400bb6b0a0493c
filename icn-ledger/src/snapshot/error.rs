use icn_types::error::{Coded, Fault};
use icn_types::id::TopicId;

/// Pages are not the snapshot of a ledger of this set.
///
/// Pages are counted from 0. No error is found in a page that says something
/// else and could have been written: whoever keeps pages keeps them whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It is none, or not the next one, or of another version.
    #[error("page {page} is not the next of a snapshot")]
    Page {
        /// Which.
        page: u32,
    },
    /// The snapshot goes on after the end of this page, or the page is missing.
    #[error("snapshot is cut off at page {page}")]
    Short {
        /// Which.
        page: u32,
    },
    /// The snapshot ends before this page does.
    #[error("page {page} goes on after the end of the snapshot")]
    Long {
        /// Which.
        page: u32,
    },
    /// A row of it names a record that is not there, or says what no ledger
    /// could have written.
    #[error("page {page} has a row that is none")]
    Row {
        /// Which.
        page: u32,
    },
    /// The snapshot is of another ledger.
    #[error("snapshot is of the ledger with topic {topic}")]
    Ledger {
        /// The topic of that ledger.
        topic: TopicId,
    },
    /// The set does not begin with the records of the one that the snapshot was
    /// made with.
    #[error("set does not begin with the {records} records of the snapshot")]
    Set {
        /// How many there are.
        records: u32,
    },
}

impl Coded for RestoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Page { .. } => "snapshot.page",
            Self::Short { .. } => "snapshot.short",
            Self::Long { .. } => "snapshot.long",
            Self::Row { .. } => "snapshot.row",
            Self::Ledger { .. } => "snapshot.ledger",
            Self::Set { .. } => "snapshot.set",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}
