//! Why a book does not do what it was asked. Nothing was written then, and
//! the same request may succeed later.

use icn_types::amount::Position;
use icn_types::canon::DecodeError;
use icn_types::error::{Coded, Fault};

use super::name::{AccountKey, EntryNumber, UnitKey};

/// Why a request is not accepted. Where several reasons hold, the first of this
/// list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// It makes no sense in this book, whatever happened there.
    #[error(transparent)]
    Structure(#[from] StructureError),
    /// The key names another request.
    #[error("operation key names another request, entry {first}")]
    KeyConflict {
        /// The entry under that key.
        first: EntryNumber,
    },
    /// The book has no room for another entry.
    #[error("book is full")]
    Full,
    /// What happened before forbids it.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Another item of an atomic batch failed.
    #[error("item {item} of the batch failed")]
    Undone {
        /// Which, counted from 0.
        item: usize,
    },
}

/// Why a request makes no sense in a book. Its parts are looked at in order and
/// then all of them together; the first reason of this list counts each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// The book has no such account.
    #[error("book has no account {account}")]
    Account {
        /// The number that was given.
        account: AccountKey,
    },
    /// The book has no such unit.
    #[error("book has no unit {unit}")]
    Unit {
        /// The number that was given.
        unit: UnitKey,
    },
    /// The account has no limits in the unit.
    #[error("account {account} is not open in unit {unit}")]
    NotOpen {
        /// The account.
        account: AccountKey,
        /// The unit.
        unit: UnitKey,
    },
    /// An account pays itself.
    #[error("account {account} pays itself")]
    PaysItself {
        /// The account.
        account: AccountKey,
    },
    /// Payers and payees differ in a unit.
    #[error("payers and payees differ in unit {unit}")]
    Balance {
        /// The first such unit.
        unit: UnitKey,
    },
    /// A part is below the least amount of its unit.
    #[error("part of account {account} is below the least amount of unit {unit}")]
    Minimum {
        /// Whose part.
        account: AccountKey,
        /// The unit.
        unit: UnitKey,
    },
    /// The named entry is no hold.
    #[error("entry {entry} is no hold")]
    NoHold {
        /// The number that was given.
        entry: EntryNumber,
    },
    /// The named entry moved nothing that could go back.
    #[error("entry {entry} is no payment")]
    NoPayment {
        /// The number that was given.
        entry: EntryNumber,
    },
    /// A payer of a refund was no payee of the original, or a payee no payer.
    #[error("account {account} has no such part in the original")]
    NoParty {
        /// The account.
        account: AccountKey,
    },
}

/// Why what happened before forbids a request. Where several reasons hold, the
/// first of this list counts, of the first part that it holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The hold was resolved before.
    #[error("hold was resolved by entry {by}")]
    Resolved {
        /// The entry that resolved it.
        by: EntryNumber,
    },
    /// More would move than is held.
    #[error("more would move than the {held} atoms held")]
    Part {
        /// What is held, in atoms.
        held: u64,
    },
    /// The period was closed before.
    #[error("period was closed before")]
    Closed,
    /// More would go back than is left of the payment.
    #[error("more would go back than the {left} atoms left of account {account}")]
    Refunded {
        /// Whose part is too large.
        account: AccountKey,
        /// What may still go back, in atoms.
        left: u128,
    },
    /// A payer would fall below its floor, holds included.
    #[error("account {account} would fall below its floor in unit {unit}")]
    Floor {
        /// The payer.
        account: AccountKey,
        /// In which unit.
        unit: UnitKey,
        /// What it could pay when this part was looked at, in atoms.
        available: u128,
    },
    /// A payee would rise above its ceiling, holds included.
    #[error("account {account} would rise above its ceiling in unit {unit}")]
    Ceiling {
        /// The payee.
        account: AccountKey,
        /// In which unit.
        unit: UnitKey,
        /// What it could take when this part was looked at, in atoms.
        room: u128,
    },
}

/// Why an account is not opened, or a unit not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The book has no such unit.
    #[error("book has no unit {unit}")]
    Unit {
        /// The number that was given.
        unit: UnitKey,
    },
    /// The account was opened in the unit with other limits.
    #[error("account {account} is open with other limits")]
    Limits {
        /// The account.
        account: AccountKey,
    },
    /// The book has no room for it.
    #[error("book is full")]
    Full,
}

/// Why a book is not what a question takes it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The account is not open in the unit, or does not exist.
    #[error("account {account} is not open in unit {unit}")]
    NotOpen {
        /// The account.
        account: AccountKey,
        /// The unit.
        unit: UnitKey,
    },
    /// The cursor is of another account, unit or book.
    #[error("cursor belongs to another list")]
    Cursor,
    /// The position is not what was asserted.
    #[error("position is {found} where {expected} was asserted")]
    Differs {
        /// What was asserted, in atoms.
        expected: Position,
        /// What it is, in atoms.
        found: Position,
    },
}

/// Bytes are no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {number} is not the next of this book")]
#[non_exhaustive]
pub struct ReplayError {
    /// Which entry, counted from 0.
    pub number: u64,
    /// What is wrong with it.
    #[source]
    pub reason: ReplayReason,
}

/// What is wrong with an entry that is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayReason {
    /// Its bytes are no entry.
    #[error("bytes are no entry")]
    Bytes(#[source] DecodeError),
    /// It does not name the entry before it.
    #[error("it does not name the entry before it")]
    Link,
    /// The book would not have accepted it.
    #[error("book would not have accepted it")]
    Refused(#[source] BookError),
    /// The unit or account would not have been opened.
    #[error("book would not have opened it")]
    NotOpened(#[source] OpenError),
    /// The book would have written nothing.
    #[error("book had it before")]
    Again,
}

/// What a store holds is not one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A run is missing, or starts in the middle of another one.
    #[error("no run starts with entry {entry}")]
    Gap {
        /// The next entry.
        entry: EntryNumber,
    },
    /// The bytes of an entry are none.
    #[error("bytes of entry {entry} are no entry")]
    Bytes {
        /// Which.
        entry: EntryNumber,
        /// What is wrong with them.
        #[source]
        source: DecodeError,
    },
    /// An entry does not name the one before it.
    #[error("entry {entry} does not name the entry before it")]
    Link {
        /// Which.
        entry: EntryNumber,
    },
    /// An entry refers to something that is not there or is over.
    #[error("entry {entry} cannot follow those before it")]
    Effect {
        /// Which.
        entry: EntryNumber,
    },
    /// The steps of an entry do not add up to zero, or are of accounts that
    /// nobody opened.
    #[error("steps of entry {entry} are not those of an entry")]
    Steps {
        /// Whose.
        entry: EntryNumber,
    },
    /// The entries end elsewhere: a part of them is missing, or they are another
    /// book.
    #[error("store holds another book")]
    Head,
    /// The row of an account is missing, or the account stands elsewhere.
    #[error("row of account {account} in unit {unit} is not where its steps lead")]
    Account {
        /// The account.
        account: AccountKey,
        /// The unit.
        unit: UnitKey,
    },
}

/// A book is not what its entries make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Its entries are no book.
    #[error(transparent)]
    Entry(#[from] ReplayError),
    /// The id of the newest entry is not its hash.
    #[error("head is not the hash of the newest entry")]
    Head,
    /// An account stands elsewhere.
    #[error("account {account} does not stand in unit {unit} where its entries put it")]
    Standing {
        /// The account.
        account: AccountKey,
        /// The unit.
        unit: UnitKey,
    },
    /// An entry made other steps.
    #[error("entry {entry} does not make the steps of the book")]
    Steps {
        /// Which.
        entry: EntryNumber,
    },
    /// Other holds are open.
    #[error("open holds are not those of the entries")]
    Holds,
}

impl Coded for BookError {
    fn code(&self) -> &'static str {
        match self {
            Self::Structure(error) => error.code(),
            Self::KeyConflict { .. } => "book.key",
            Self::Rule(error) => error.code(),
            Self::Full => "book.full",
            Self::Undone { .. } => "book.undone",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Structure(error) => error.fault(),
            Self::KeyConflict { .. } | Self::Undone { .. } => Fault::Caller,
            Self::Rule(error) => error.fault(),
            Self::Full => Fault::Environment,
        }
    }
}

impl Coded for StructureError {
    fn code(&self) -> &'static str {
        match self {
            Self::Account { .. } => "book.account",
            Self::Unit { .. } => "book.unit",
            Self::NotOpen { .. } => "book.not_open",
            Self::Minimum { .. } => "book.minimum",
            Self::PaysItself { .. } => "book.self",
            Self::Balance { .. } => "book.balance",
            Self::NoHold { .. } => "book.hold.none",
            Self::NoPayment { .. } => "book.refund.none",
            Self::NoParty { .. } => "book.refund.party",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Coded for RuleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Resolved { .. } => "book.hold.resolved",
            Self::Part { .. } => "book.hold.part",
            Self::Refunded { .. } => "book.refund.sum",
            Self::Closed => "book.closed",
            Self::Floor { .. } => "book.limit.floor",
            Self::Ceiling { .. } => "book.limit.ceiling",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}

impl Coded for OpenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unit { .. } => "book.open.unit",
            Self::Limits { .. } => "book.open.limits",
            Self::Full => "book.open.full",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Unit { .. } | Self::Limits { .. } => Fault::Caller,
            Self::Full => Fault::Environment,
        }
    }
}

impl Coded for QueryError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotOpen { .. } => "book.query.not_open",
            Self::Cursor => "book.query.cursor",
            Self::Differs { .. } => "book.query.differs",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Coded for ReplayError {
    fn code(&self) -> &'static str {
        match &self.reason {
            ReplayReason::Bytes(error) => error.code(),
            ReplayReason::Link => "book.replay.link",
            ReplayReason::Refused(error) => error.code(),
            ReplayReason::NotOpened(error) => error.code(),
            ReplayReason::Again => "book.replay.again",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}

impl Coded for RestoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "book.restore.gap",
            Self::Bytes { source, .. } => source.code(),
            Self::Link { .. } => "book.restore.link",
            Self::Effect { .. } => "book.restore.effect",
            Self::Steps { .. } => "book.restore.steps",
            Self::Head => "book.restore.head",
            Self::Account { .. } => "book.restore.account",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}

impl Coded for VerifyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Entry(error) => error.code(),
            Self::Head => "book.verify.head",
            Self::Standing { .. } => "book.verify.standing",
            Self::Steps { .. } => "book.verify.steps",
            Self::Holds => "book.verify.holds",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}
