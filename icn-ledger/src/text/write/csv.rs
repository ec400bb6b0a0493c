//! Rows of comma-separated values, as RFC 4180 has them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::journal::write_assertion;
use crate::text::COLUMNS;
use crate::text::journal::{Journal, Posting, Transaction};
use crate::text::word::Comment;

pub(super) fn write(journal: &Journal, f: &mut impl Write) -> fmt::Result {
    write_row(COLUMNS, f)?;
    for (number, transaction) in (1_u64..).zip(journal.transactions()) {
        for posting in &transaction.postings {
            write_posting(journal, number, transaction, posting, f)?;
        }
    }
    Ok(())
}

fn write_posting(
    journal: &Journal,
    number: u64,
    transaction: &Transaction,
    posting: &Posting,
    f: &mut impl Write,
) -> fmt::Result {
    let amount = &posting.amount;
    let mut assertion = String::new();
    if let Some(asserted) = &posting.assertion {
        write_assertion(journal, asserted, &mut assertion)?;
    }
    let fields: [&str; COLUMNS.len()] = [
        &number.to_string(),
        &transaction.date.to_string(),
        &transaction
            .secondary
            .map(|date| date.to_string())
            .unwrap_or_default(),
        transaction.status.mark(),
        transaction.code.as_ref().map_or("", |code| code.as_str()),
        transaction.description.as_str(),
        &lines(&transaction.comments),
        posting.account.as_str(),
        &journal.number(&amount.symbol, amount.atoms).to_string(),
        amount.symbol.as_str(),
        posting.status.mark(),
        &lines(&posting.comments),
        &assertion,
    ];
    write_row(fields, f)
}

/// Comments in one field, each on a line of its own.
fn lines(comments: &[Comment]) -> String {
    let lines: Vec<&str> = comments.iter().map(Comment::as_str).collect();
    lines.join("\n")
}

fn write_row<const N: usize>(fields: [&str; N], f: &mut impl Write) -> fmt::Result {
    for (number, field) in fields.into_iter().enumerate() {
        if number > 0 {
            f.write_char(',')?;
        }
        write_field(field, f)?;
    }
    f.write_char('\n')
}

fn write_field(field: &str, f: &mut impl Write) -> fmt::Result {
    if !field.contains([',', '"', '\n', '\r']) {
        return f.write_str(field);
    }
    f.write_char('"')?;
    for (number, part) in field.split('"').enumerate() {
        f.write_str(if number > 0 { "\"\"" } else { "" })?;
        f.write_str(part)?;
    }
    f.write_char('"')
}
