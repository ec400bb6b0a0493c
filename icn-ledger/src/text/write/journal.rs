//! The journal format that hledger and ledger share.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::text::decimal::{Decimal, Decimals};
use crate::text::journal::{Assertion, Journal, Money, Posting, Reach, Span, Transaction};
use crate::text::word::{Comment, Symbol};

/// What the two tools do not share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Hledger,
    Ledger,
}

pub(super) fn write(journal: &Journal, dialect: Dialect, f: &mut impl Write) -> fmt::Result {
    for (symbol, decimals) in journal.commodities() {
        write_commodity(symbol, decimals, dialect, f)?;
    }
    for account in journal.accounts() {
        writeln!(f, "account {account}")?;
    }
    for tag in tags(journal, dialect) {
        writeln!(f, "tag {tag}")?;
    }
    for price in journal.prices() {
        let (of, price) = (
            Quoted(&price.of),
            (price.date, Amount(price.price, &price.symbol)),
        );
        writeln!(f, "P {} {of} {}", price.0, price.1)?;
    }
    for transaction in journal.transactions() {
        f.write_char('\n')?;
        write_transaction(journal, transaction, dialect, f)?;
    }
    Ok(())
}

fn write_commodity(
    symbol: &Symbol,
    decimals: Decimals,
    dialect: Dialect,
    f: &mut impl Write,
) -> fmt::Result {
    let sample = Sample(decimals, dialect);
    match (symbol.as_str(), dialect) {
        ("", Dialect::Hledger) => writeln!(f, "commodity {sample}"),
        // Ledger has no word for it; bare amounts need no declaration there.
        ("", Dialect::Ledger) => writeln!(f, "D {sample}"),
        _ => {
            let symbol = Quoted(symbol);
            writeln!(f, "commodity {symbol}\n    format {sample} {symbol}")
        }
    }
}

/// A number that shows how many decimals there are.
struct Sample(Decimals, Dialect);

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.0.show(1000 * 10_i128.pow(u32::from(self.0.get())));
        // hledger insists on a decimal mark, ledger refuses one at the end.
        let is_bare = self.0 == Decimals::NONE && self.1 == Dialect::Hledger;
        write!(f, "{one}{}", if is_bare { "." } else { "" })
    }
}

fn tags(journal: &Journal, dialect: Dialect) -> BTreeSet<&str> {
    journal
        .transactions()
        .iter()
        .flat_map(|transaction| {
            let of_postings = transaction
                .postings
                .iter()
                .flat_map(|posting| &posting.comments);
            transaction.comments.iter().chain(of_postings)
        })
        .flat_map(|comment| -> Vec<&str> {
            match dialect {
                Dialect::Hledger => comment.tags().map(|(name, _)| name).collect(),
                Dialect::Ledger => comment.ledger_tags().collect(),
            }
        })
        .collect()
}

fn write_transaction(
    journal: &Journal,
    transaction: &Transaction,
    dialect: Dialect,
    f: &mut impl Write,
) -> fmt::Result {
    write!(f, "{}", transaction.date)?;
    if let Some(secondary) = transaction.secondary {
        write!(f, "={secondary}")?;
    }
    if !transaction.status.mark().is_empty() {
        write!(f, " {}", transaction.status.mark())?;
    }
    if let Some(code) = &transaction.code {
        write!(f, " ({code})")?;
    }
    if !transaction.description.as_str().is_empty() {
        write!(f, " {}", transaction.description)?;
    }
    f.write_char('\n')?;
    write_comments(&transaction.comments, f)?;
    transaction
        .postings
        .iter()
        .try_for_each(|posting| write_posting(journal, posting, dialect, f))
}

fn write_comments(comments: &[Comment], f: &mut impl Write) -> fmt::Result {
    comments
        .iter()
        .try_for_each(|comment| writeln!(f, "    ; {comment}"))
}

fn write_posting(
    journal: &Journal,
    posting: &Posting,
    dialect: Dialect,
    f: &mut impl Write,
) -> fmt::Result {
    f.write_str("    ")?;
    if !posting.status.mark().is_empty() {
        write!(f, "{} ", posting.status.mark())?;
    }
    write!(
        f,
        "{}  {}",
        posting.account,
        money(journal, &posting.amount)
    )?;
    if let Some(assertion) = &posting.assertion
        && let Some(mark) = assertion_mark(assertion, dialect)
    {
        write!(f, " {mark} {}", money(journal, &assertion.balance))?;
    }
    f.write_char('\n')?;
    write_comments(&posting.comments, f)
}

/// How the assertion is marked, where the tool has such a one.
fn assertion_mark(assertion: &Assertion, dialect: Dialect) -> Option<&'static str> {
    let (reach, span) = (assertion.reach, assertion.span);
    match dialect {
        Dialect::Hledger => Some(match (reach, span) {
            (Reach::Alone, Span::One) => "=",
            (Reach::Alone, Span::Sole) => "==",
            (Reach::Below, Span::One) => "=*",
            (Reach::Below, Span::Sole) => "==*",
        }),
        // A bare number is compared with all commodities there.
        Dialect::Ledger => {
            let is_bare = assertion.balance.symbol.as_str().is_empty();
            (reach == Reach::Alone && !is_bare).then_some("=")
        }
    }
}

/// The assertion as a field of its own.
pub(super) fn write_assertion(
    journal: &Journal,
    assertion: &Assertion,
    f: &mut impl Write,
) -> fmt::Result {
    let mark = assertion_mark(assertion, Dialect::Hledger).unwrap_or_default();
    write!(f, "{mark} {}", money(journal, &assertion.balance))
}

fn money<'a>(journal: &Journal, money: &'a Money) -> Amount<'a> {
    Amount(journal.number(&money.symbol, money.atoms), &money.symbol)
}

/// A number and its commodity.
struct Amount<'a>(Decimal, &'a Symbol);

impl fmt::Display for Amount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, symbol) = self;
        match symbol.as_str() {
            "" => write!(f, "{number}"),
            _ => write!(f, "{number} {}", Quoted(symbol)),
        }
    }
}

/// A symbol, in quotes where it needs them.
struct Quoted<'a>(&'a Symbol);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_plain() && !self.0.as_str().is_empty() {
            write!(f, "{}", self.0)
        } else {
            write!(f, "\"{}\"", self.0)
        }
    }
}
