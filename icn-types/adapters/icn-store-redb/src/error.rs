use icn_types::error::{Coded, Fault};
use icn_types::host::{StoreError, StoreErrorKind};

/// Why a file was not opened as a store. The file is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Newer code wrote the file.
    #[error("store has data version {found}, this code knows {supported}")]
    Newer {
        /// Version of the file.
        found: u64,
        /// Newest version this code knows.
        supported: u64,
    },
    /// Another process, or another handle of this one, has the file open.
    #[error("store is open elsewhere")]
    Locked,
    /// The file is damaged, or is no store.
    #[error("file is damaged or is no store")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file system refuses.
    #[error("store cannot be opened")]
    Io(#[source] std::io::Error),
}

impl Coded for OpenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "store.redb.newer",
            Self::Locked => "store.redb.locked",
            Self::Corrupt(_) => "store.redb.corrupt",
            Self::Io(_) => "store.redb.io",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        let kind = match error {
            OpenError::Newer { .. } => StoreErrorKind::Newer,
            OpenError::Locked => StoreErrorKind::Locked,
            OpenError::Corrupt(_) => StoreErrorKind::Corrupt,
            OpenError::Io(_) => StoreErrorKind::Unavailable,
        };
        Self::new(kind).because(error)
    }
}

impl From<redb::Error> for OpenError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Locked,
            redb::Error::Io(error) if !is_damage(&error) => Self::Io(error),
            error => Self::Corrupt(Box::new(error)),
        }
    }
}

/// redb reports a file that ends early or starts wrongly as an I/O error.
fn is_damage(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
    )
}

/// What a failed read or a failed step before the commit means to a caller.
pub(crate) fn store_error(error: impl Into<redb::Error>) -> StoreError {
    let error = error.into();
    StoreError::new(kind_of(&error)).because(error)
}

/// redb refuses to go on after its first I/O error, so trying again is no use.
pub(crate) const fn kind_of(error: &redb::Error) -> StoreErrorKind {
    match error {
        redb::Error::Io(_)
        | redb::Error::PreviousIo
        | redb::Error::DatabaseClosed
        | redb::Error::LockPoisoned(_)
        | redb::Error::TransactionPoisoned => StoreErrorKind::Closed,
        redb::Error::ValueTooLarge(_) => StoreErrorKind::LimitExceeded,
        _ => StoreErrorKind::Corrupt,
    }
}
