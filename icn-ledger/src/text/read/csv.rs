//! Rows of comma-separated values, as RFC 4180 has them, as drafts.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::amount::{Cursor, Setting};
use super::draft::{Draft, DraftPosting, Drafts, Marks, Place};
use super::source::{Files, without_mark};
use super::syntax::push_comment;
use crate::text::COLUMNS;
use crate::text::date::Date;
use crate::text::decimal::DecimalMark;
use crate::text::flaw::{Flaw, TextError};
use crate::text::journal::{Status, Transaction};
use crate::text::word::{Code, Comment, Description};

/// Columns that hledger writes and that follow from the amount.
const DERIVED: [&str; 2] = ["credit", "debit"];

/// Columns without which there is nothing to read.
const NEEDED: [&str; 3] = ["date", "account", "amount"];

/// The rows of a file that have any text, the names of the columns first.
pub(super) fn rows(files: &Files) -> Result<Vec<Row<'_>>, TextError> {
    let mut rest = without_mark(files.text(0));
    let mut rows = Vec::new();
    let mut line = 1_u32;
    while !rest.is_empty() {
        let row = Row::read(rest, line);
        let (row, after) = row.map_err(|flaw| files.error(Place { file: 0, line }, flaw))?;
        let len = rest.len() - after.len();
        let taken = rest.get(..len).unwrap_or_default();
        let ends = taken.bytes().filter(|byte| *byte == b'\n').count();
        line = line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        rest = after;
        if row.fields.iter().any(|field| !field.is_empty()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// One row, with the line on which it starts.
pub(super) struct Row<'a> {
    line: u32,
    fields: Vec<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    /// Reads a row and returns what follows it.
    fn read(text: &'a str, line: u32) -> Result<(Self, &'a str), Flaw> {
        let mut fields = Vec::new();
        let mut rest = text;
        loop {
            let (field, after) = match rest.strip_prefix('"') {
                Some(quoted) => read_quoted(quoted)?,
                None => {
                    let end = rest.find([',', '\n']).unwrap_or(rest.len());
                    let (field, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                    if field.contains('"') {
                        return Err(Flaw::Quote);
                    }
                    (Cow::Borrowed(without_return(field, after)), after)
                }
            };
            fields.push(field);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    let after = after.strip_prefix('\r').unwrap_or(after);
                    let row = Self { line, fields };
                    return match after.strip_prefix('\n') {
                        Some(next) => Ok((row, next)),
                        None if after.is_empty() => Ok((row, after)),
                        None => Err(Flaw::Quote),
                    };
                }
            }
        }
    }

    fn field(&self, at: Option<usize>) -> &str {
        at.and_then(|at| self.fields.get(at))
            .map_or("", |field| field.trim())
    }
}

/// A field without the carriage return of its line end.
fn without_return<'a>(field: &'a str, after: &str) -> &'a str {
    match field.strip_suffix('\r') {
        Some(field) if !after.starts_with(',') => field,
        _ => field,
    }
}

/// A field up to its closing quote, and what follows that.
fn read_quoted(text: &str) -> Result<(Cow<'_, str>, &str), Flaw> {
    let mut field = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"').ok_or(Flaw::Quote)?;
        if field.is_empty() {
            field = Cow::Borrowed(part);
        } else {
            field.to_mut().push_str(part);
        }
        match after.strip_prefix('"') {
            Some(next) => {
                field.to_mut().push('"');
                rest = next;
            }
            None => return Ok((field, after)),
        }
    }
}

/// Everything that the rows say.
pub(super) fn read<'a>(
    rows: &'a [Row<'a>],
    mark: Option<DecimalMark>,
    files: &Files,
) -> Result<Drafts<'a>, TextError> {
    let mut drafts = Drafts::default();
    let Some((head, rows)) = rows.split_first() else {
        let flaw = Flaw::ColumnMissing { name: NEEDED[0] };
        return Err(files.error(Place { file: 0, line: 1 }, flaw));
    };
    let place = |row: &Row<'_>| Place {
        file: 0,
        line: row.line,
    };
    let columns = columns(head).map_err(|flaw| files.error(place(head), flaw))?;
    let mut table = Table {
        mark,
        drafts: &mut drafts,
        numbers: BTreeSet::new(),
        last: None,
    };
    for row in rows {
        if row.fields.len() != head.fields.len() {
            return Err(files.error(place(row), Flaw::Fields));
        }
        let fields = columns.map(|at| row.field(at));
        table
            .row(place(row), fields)
            .map_err(|flaw| files.error(place(row), flaw))?;
    }
    Ok(drafts)
}

/// Where each of our columns stands.
fn columns(head: &Row<'_>) -> Result<[Option<usize>; COLUMNS.len()], Flaw> {
    let mut columns = [None; COLUMNS.len()];
    for (at, name) in head.fields.iter().enumerate() {
        let name = name.trim();
        let known = COLUMNS.into_iter().position(|column| column == name);
        match known.and_then(|known| columns.get_mut(known)) {
            Some(column @ None) => *column = Some(at),
            None if DERIVED.contains(&name) => {}
            _ => return Err(Flaw::Column { name: name.into() }),
        }
    }
    for (name, at) in COLUMNS.into_iter().zip(columns) {
        if at.is_none() && NEEDED.contains(&name) {
            return Err(Flaw::ColumnMissing { name });
        }
    }
    Ok(columns)
}

/// Rows being read.
struct Table<'a, 'd> {
    mark: Option<DecimalMark>,
    drafts: &'d mut Drafts<'a>,
    /// Numbers of the transactions so far.
    numbers: BTreeSet<&'a str>,
    /// Number and head of the last transaction.
    last: Option<[&'a str; 7]>,
}

impl<'a> Table<'a, '_> {
    fn row(&mut self, place: Place, fields: [&'a str; COLUMNS.len()]) -> Result<(), Flaw> {
        let [
            number,
            date,
            date2,
            status,
            code,
            description,
            comment,
            account,
            amount,
            commodity,
            posting_status,
            posting_comment,
            assertion,
        ] = fields;
        let head = [number, date, date2, status, code, description, comment];
        let is_same = self.last.is_some_and(|[last, ..]| last == number) && !number.is_empty();
        if is_same && self.last != Some(head) {
            return Err(Flaw::Rows);
        }
        if !is_same {
            if !number.is_empty() && !self.numbers.insert(number) {
                return Err(Flaw::Rows);
            }
            self.last = Some(head);
            self.drafts.transactions.push(draft(place, head)?);
        }
        let names = &mut self.drafts.names;
        let setting = Setting {
            symbol: Some(names.symbol(commodity)?),
            marks: Marks {
                file: None,
                other: self.mark,
            },
        };
        let (status, account) = (read_status(posting_status)?, names.account(account)?);
        status.check_before(&account)?;
        let posting = DraftPosting {
            line: place.line,
            status,
            account,
            amount: whole(amount, |cursor| {
                let amount = cursor.amount(names, &setting)?;
                let is_same = commodity.is_empty() || amount.symbol.as_str() == commodity;
                is_same.then_some(Some(amount)).ok_or(Flaw::Amount)
            })?,
            price: None,
            assertion: whole(assertion, |cursor| cursor.assertion(names, &setting))?,
            comments: comments(posting_comment)?,
        };
        if posting.amount.is_none() && posting.assertion.is_some() {
            return Err(Flaw::Assignment);
        }
        if let Some(draft) = self.drafts.transactions.last_mut() {
            draft.postings.push(posting);
        }
        Ok(())
    }
}

/// Reads all of a field, or nothing where it is empty.
fn whole<'a, T>(
    field: &'a str,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<Option<T>, Flaw>,
) -> Result<Option<T>, Flaw> {
    let mut cursor = Cursor::new(field);
    if field.is_empty() {
        return Ok(None);
    }
    let value = read(&mut cursor)?;
    if value.is_none() || !cursor.rest().is_empty() {
        return Err(Flaw::Amount);
    }
    Ok(value)
}

fn draft<'a>(place: Place, head: [&'a str; 7]) -> Result<Draft<'a>, Flaw> {
    let [_number, date, date2, status, code, description, comment] = head;
    let date = Date::parse(date).ok_or(Flaw::Date)?;
    Ok(Draft {
        place,
        head: Transaction {
            date,
            secondary: optional(date2, |text| date.parse_after(text).ok_or(Flaw::Date))?,
            status: read_status(status)?,
            code: optional(code, |text| Code::new(text).ok_or(Flaw::Code))?,
            description: Description::new(description).ok_or(Flaw::Description)?,
            comments: comments(comment)?,
            postings: Vec::new(),
        },
        postings: Vec::new(),
    })
}

fn optional<T>(field: &str, read: impl FnOnce(&str) -> Result<T, Flaw>) -> Result<Option<T>, Flaw> {
    if field.is_empty() {
        return Ok(None);
    }
    read(field).map(Some)
}

fn read_status(field: &str) -> Result<Status, Flaw> {
    match field {
        "" => Ok(Status::Unmarked),
        "!" => Ok(Status::Pending),
        "*" => Ok(Status::Cleared),
        _ => Err(Flaw::Status),
    }
}

fn comments(field: &str) -> Result<Vec<Comment>, Flaw> {
    let mut comments = Vec::new();
    for line in field.lines() {
        push_comment(&mut comments, line)?;
    }
    Ok(comments)
}
