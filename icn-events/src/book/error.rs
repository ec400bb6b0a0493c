use icn_ledger::book::RestoreError;
use icn_types::error::{Coded, Fault};
use icn_types::host::{LimitError, RowError, StoreError};

/// Why a book is not opened, or a change of it not durable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredBookError {
    /// The store failed.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// A row in the store is not what this code writes.
    #[error("stored row cannot be read")]
    Row(#[from] RowError),
    /// A change wrote more than one batch holds.
    #[error("change is larger than a batch")]
    Limit(#[from] LimitError),
    /// The rows are not one book, or the changed book is another one.
    #[error("store and book do not fit")]
    Restore(#[from] RestoreError),
    /// An earlier change did not end. Open the book again from its store.
    #[error("an earlier change did not end, open the book again")]
    Interrupted,
}

impl Coded for StoredBookError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Row(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Restore(error) => error.code(),
            Self::Interrupted => "book.interrupted",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Store(error) => error.fault(),
            Self::Row(error) => error.fault(),
            Self::Limit(error) => error.fault(),
            Self::Restore(error) => error.fault(),
            Self::Interrupted => Fault::Caller,
        }
    }
}
