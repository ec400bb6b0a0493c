//! What is wrong with a text, and where.

use alloc::boxed::Box;
use alloc::string::String;

use icn_types::error::{Coded, Fault};

use super::decimal::{Decimal, Decimals};
use super::word::Symbol;
use crate::book::{BookError, NameError};

/// A file is refused at one of its lines. Nothing of it was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {flaw}")]
#[non_exhaustive]
pub struct TextError {
    /// Name of the file, as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub flaw: Flaw,
}

impl Coded for TextError {
    fn code(&self) -> &'static str {
        self.flaw.code()
    }

    fn fault(&self) -> Fault {
        self.flaw.fault()
    }
}

/// An account has another balance than the one that is asserted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("balance is {found} {symbol}, not {expected}")]
#[non_exhaustive]
pub struct Mismatch {
    /// In which commodity.
    pub symbol: Symbol,
    /// The balance that is asserted.
    pub expected: Decimal,
    /// The balance.
    pub found: Decimal,
}

/// What is wrong with a journal, or with one line of its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The bytes are no UTF-8.
    #[error("line is not UTF-8")]
    Utf8,
    /// The caller has no such file.
    #[error("included file is not there")]
    IncludeMissing,
    /// Files include each other too deeply, perhaps in a circle.
    #[error("files include each other more than {max} deep")]
    IncludeDepth {
        /// The most levels.
        max: u32,
    },
    /// There are too many files.
    #[error("more than {max} files are included")]
    IncludeCount {
        /// The most files.
        max: u32,
    },
    /// A line that starts so is not read. Nothing is skipped in silence, as it
    /// might change amounts.
    #[error("lines that start with {word:?} are not read")]
    Directive {
        /// What the line starts with.
        word: String,
    },
    /// A directive that is read says something that is not.
    #[error("directive is not read in this form")]
    DirectiveForm,
    /// A commodity is declared with different decimals or marks.
    #[error("commodity is declared in different ways")]
    Declared,
    /// An indented line follows nothing that it could belong to.
    #[error("indented line belongs to no transaction")]
    Indent,
    /// There is no such day, or it is not in the years 1400 to 2999.
    #[error("text is no date")]
    Date,
    /// The code is not closed.
    #[error("code has no closing parenthesis")]
    Code,
    /// The text is no description; see [`Description`](super::Description).
    #[error("text is no description")]
    Description,
    /// The text is no comment; see [`Comment`](super::Comment).
    #[error("text is no comment")]
    Comment,
    /// The text is no account name; see [`AccountName`](super::AccountName).
    #[error("text is no account name")]
    Account,
    /// The account of a posting without a status mark starts with a word that
    /// ledger takes for a command, and hledger for part of the name.
    #[error("posting could be read as a command: mark its status")]
    Command,
    /// Another account has that name, or it is one of those under which a
    /// journal shows what is on its way.
    #[error("account name is taken")]
    Taken,
    /// The posting is virtual: it need not balance, so it moves no money.
    #[error("posting is virtual")]
    Virtual,
    /// The text is no commodity symbol; see [`Symbol`](super::Symbol).
    #[error("text is no commodity")]
    Symbol,
    /// The text is no amount, or something follows it.
    #[error("text is no amount")]
    Amount,
    /// A lot with its own cost, date or note follows the amount.
    #[error("lots are not read")]
    Lot,
    /// The digits are no number: marks stand where none can.
    #[error("text is no number")]
    Number,
    /// The mark may group digits or part whole and fraction.
    #[error("mark may be a decimal mark or group digits; declare it")]
    Ambiguous,
    /// The number has more decimals than its commodity.
    #[error("number has more than {} decimals", .decimals.get())]
    Precision {
        /// The decimals of the commodity.
        decimals: Decimals,
    },
    /// The number is too large; see [`ATOMS_MAX`](super::ATOMS_MAX).
    #[error("number is too large")]
    Large,
    /// The price is negative or of no commodity.
    #[error("text is no price")]
    Price,
    /// The amount is left to the balance that is wanted.
    #[error("amount would follow from the balance that is asserted")]
    Assignment,
    /// More than one amount is left out, or there is nothing to infer it from.
    #[error("amount left out cannot be inferred")]
    Elided,
    /// The transaction has no postings.
    #[error("transaction has no postings")]
    Empty,
    /// The transaction does not add up to zero.
    #[error("transaction is off by {off} {symbol}")]
    Unbalanced {
        /// In which commodity.
        symbol: Symbol,
        /// The sum.
        off: Decimal,
    },
    /// The transaction balances at its prices only, and the caller named no
    /// account to convert through.
    #[error("transaction balances only at its prices")]
    Conversion,
    /// The account has another balance.
    #[error("{0}")]
    Assertion(Box<Mismatch>),
    /// The commodity is not declared.
    #[error("commodity is not declared")]
    Undeclared,
    /// The first row lacks a column.
    #[error("column {name:?} is missing")]
    ColumnMissing {
        /// Its name.
        name: &'static str,
    },
    /// The first row has a column twice, or one that is not known.
    #[error("column {name:?} is not known or there twice")]
    Column {
        /// Its name.
        name: String,
    },
    /// The row has more or fewer fields than the first.
    #[error("row has another number of fields than the first")]
    Fields,
    /// A quote is not closed, or stands inside a field without quotes.
    #[error("quote is not closed or out of place")]
    Quote,
    /// The rows of a transaction differ in what it says, or do not stand
    /// together.
    #[error("rows of one transaction differ or stand apart")]
    Rows,
    /// The name is none that books have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The caller named no unit for the commodity.
    #[error("commodity stands for no unit of the book")]
    Unit,
    /// The amount is no whole number of atoms of its unit.
    #[error("amount is no whole number of atoms of its unit")]
    Fraction,
    /// The account is not open in the unit, and the caller named no limits.
    #[error("account is not open in the unit")]
    NotOpen,
    /// More accounts pay or are paid than one entry can hold.
    #[error("transaction has too many payers or payees")]
    Parts,
    /// The book does not accept the transaction.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A status is none of `*`, `!` and nothing.
    #[error("text is no status")]
    Status,
}

impl Coded for Flaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Utf8 => "text.utf8",
            Self::IncludeMissing => "text.include.missing",
            Self::IncludeDepth { .. } => "text.include.depth",
            Self::IncludeCount { .. } => "text.include.count",
            Self::Directive { .. } => "text.directive",
            Self::DirectiveForm => "text.directive.form",
            Self::Declared => "text.declared",
            Self::Indent => "text.indent",
            Self::Date => "text.date",
            Self::Code => "text.code",
            Self::Description => "text.description",
            Self::Comment => "text.comment",
            Self::Account => "text.account",
            Self::Command => "text.command",
            Self::Taken => "text.account.taken",
            Self::Virtual => "text.virtual",
            Self::Symbol => "text.symbol",
            Self::Amount => "text.amount",
            Self::Lot => "text.lot",
            Self::Number => "text.number",
            Self::Ambiguous => "text.number.ambiguous",
            Self::Precision { .. } => "text.number.precision",
            Self::Large => "text.number.large",
            Self::Price => "text.price",
            Self::Assignment => "text.assignment",
            Self::Elided => "text.elided",
            Self::Empty => "text.empty",
            Self::Unbalanced { .. } => "text.unbalanced",
            Self::Conversion => "text.conversion",
            Self::Assertion(_) => "text.assertion",
            Self::Undeclared => "text.undeclared",
            Self::ColumnMissing { .. } => "text.column.missing",
            Self::Column { .. } => "text.column",
            Self::Fields => "text.fields",
            Self::Quote => "text.quote",
            Self::Rows => "text.rows",
            Self::Name(error) => error.code(),
            Self::Unit => "text.unit",
            Self::Fraction => "text.fraction",
            Self::NotOpen => "text.not_open",
            Self::Parts => "text.parts",
            Self::Book(error) => error.code(),
            Self::Status => "text.status",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Name(error) => error.fault(),
            Self::Book(error) => error.fault(),
            _ => Fault::Caller,
        }
    }
}
