//! Lines of a journal as drafts.

use alloc::vec::Vec;

use super::amount::{Cursor, Setting};
use super::directive::{self, Block};
use super::draft::{Draft, DraftPosting, Drafts, Marks, Place};
use super::source::{Files, included, lines};
use crate::text::date::Date;
use crate::text::decimal::DecimalMark;
use crate::text::flaw::{Flaw, TextError};
use crate::text::journal::{Status, Transaction};
use crate::text::word::{Code, Comment, Description};

/// Everything that a journal and the files that it includes say.
pub(super) fn read(files: &Files, mark: Option<DecimalMark>) -> Result<Drafts<'_>, TextError> {
    let mut drafts = Drafts::default();
    let setting = Setting {
        symbol: None,
        marks: Marks {
            file: None,
            other: mark,
        },
    };
    read_file(files, 0, setting, &mut drafts)?;
    Ok(drafts)
}

/// Reads one file. What it sets holds for the files that it includes, and not
/// for the one that includes it.
fn read_file<'a>(
    files: &'a Files,
    file: usize,
    setting: Setting,
    drafts: &mut Drafts<'a>,
) -> Result<(), TextError> {
    let mut includes = files.includes(file).iter();
    let mut page = Page {
        setting,
        block: Block::None,
        drafts,
    };
    for (line, text) in lines(files.text(file)) {
        let place = Place { file, line };
        if included(text).is_some() {
            page.block = Block::None;
            if let Some(&next) = includes.next() {
                read_file(files, next, page.setting.clone(), page.drafts)?;
            }
            continue;
        }
        page.line(place, text)
            .map_err(|flaw| files.error(place, flaw))?;
    }
    Ok(())
}

/// A file being read.
pub(super) struct Page<'a, 'd> {
    pub(super) setting: Setting,
    pub(super) block: Block<'a>,
    pub(super) drafts: &'d mut Drafts<'a>,
}

impl<'a> Page<'a, '_> {
    fn line(&mut self, place: Place, line: &'a str) -> Result<(), Flaw> {
        let text = line.trim();
        let Some(first) = line.bytes().next().filter(|_| !text.is_empty()) else {
            self.block = Block::None;
            return Ok(());
        };
        match first {
            b' ' | b'\t' => self.indented(place, text),
            b';' | b'#' | b'*' | b'%' | b'|' => {
                self.block = Block::None;
                Ok(())
            }
            b'0'..=b'9' => {
                let draft = transaction(place, text)?;
                self.drafts.transactions.push(draft);
                self.block = Block::Transaction;
                Ok(())
            }
            _ => directive::read(self, place, text),
        }
    }

    /// A line that belongs to what stands above it.
    fn indented(&mut self, place: Place, text: &'a str) -> Result<(), Flaw> {
        if let Block::Transaction = self.block {
            let Some(draft) = self.drafts.transactions.last_mut() else {
                return Err(Flaw::Indent);
            };
            if let Some(comment) = text.strip_prefix(';') {
                let comments = match draft.postings.last_mut() {
                    Some(posting) => &mut posting.comments,
                    None => &mut draft.head.comments,
                };
                return push_comment(comments, comment);
            }
            let posting = posting(place.line, text, self)?;
            if let Some(draft) = self.drafts.transactions.last_mut() {
                draft.postings.push(posting);
            }
            return Ok(());
        }
        if text.starts_with(';') {
            return Ok(());
        }
        directive::indented(self, place, text)
    }
}

/// `DATE[=DATE] [STATUS] [(CODE)] [DESCRIPTION] [; COMMENT]`
fn transaction<'a>(place: Place, line: &str) -> Result<Draft<'a>, Flaw> {
    let (dates, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let (date, secondary) = read_dates(dates)?;
    let mut cursor = Cursor::new(rest);
    let status = status(&mut cursor);
    let mut rest = cursor.rest();
    let mut code = None;
    if let Some(opened) = rest.strip_prefix('(') {
        let (inside, after) = opened.split_once(')').ok_or(Flaw::Code)?;
        let inside = inside.trim();
        if !inside.is_empty() {
            code = Some(Code::new(inside).ok_or(Flaw::Code)?);
        }
        rest = after;
    }
    let (description, comment) = rest.split_once(';').unwrap_or((rest, ""));
    let description = Description::new(description.trim()).ok_or(Flaw::Description)?;
    let mut comments = Vec::new();
    push_comment(&mut comments, comment)?;
    Ok(Draft {
        place,
        head: Transaction {
            date,
            secondary,
            status,
            code,
            description,
            comments,
            postings: Vec::new(),
        },
        postings: Vec::new(),
    })
}

fn read_dates(text: &str) -> Result<(Date, Option<Date>), Flaw> {
    let (first, second) = match text.split_once('=') {
        Some((first, second)) => (first, Some(second)),
        None => (text, None),
    };
    let date = Date::parse(first).ok_or(Flaw::Date)?;
    let secondary = match second {
        Some(text) => Some(date.parse_after(text).ok_or(Flaw::Date)?),
        None => None,
    };
    Ok((date, secondary))
}

fn status(cursor: &mut Cursor<'_>) -> Status {
    if cursor.take("*") {
        Status::Cleared
    } else if cursor.take("!") {
        Status::Pending
    } else {
        Status::Unmarked
    }
}

/// Adds a comment, unless it is empty.
pub(super) fn push_comment(comments: &mut Vec<Comment>, text: &str) -> Result<(), Flaw> {
    let text = text.trim();
    if !text.is_empty() {
        comments.push(Comment::new(text).ok_or(Flaw::Comment)?);
    }
    Ok(())
}

/// `[STATUS] ACCOUNT  [AMOUNT] [PRICE] [ASSERTION] [; COMMENT]`
fn posting<'a>(
    line: u32,
    text: &'a str,
    page: &mut Page<'a, '_>,
) -> Result<DraftPosting<'a>, Flaw> {
    let names = &mut page.drafts.names;
    let mut cursor = Cursor::new(text);
    let status = status(&mut cursor);
    let (account, rest) = split_account(cursor.rest());
    if account.starts_with(['(', '[']) {
        return Err(Flaw::Virtual);
    }
    let account = names.account(account)?;
    status.check_before(&account)?;
    let mut cursor = Cursor::new(rest);
    let mut posting = DraftPosting {
        line,
        status,
        account,
        amount: None,
        price: None,
        assertion: None,
        comments: Vec::new(),
    };
    if cursor.rest().starts_with('=') {
        return Err(Flaw::Assignment);
    }
    if !cursor.is_done() {
        posting.amount = Some(cursor.amount(names, &page.setting)?);
        if let Some((price, text)) = cursor.price(names, &page.setting)? {
            posting.price = Some(price);
            push_comment(&mut posting.comments, &alloc::format!("price: {text}"))?;
        }
        posting.assertion = cursor.assertion(names, &page.setting)?;
        if !cursor.is_done() {
            return Err(Flaw::Amount);
        }
    }
    push_comment(
        &mut posting.comments,
        cursor.rest().strip_prefix(';').unwrap_or_default(),
    )?;
    Ok(posting)
}

/// An account ends at two blanks, a tab or a semicolon.
pub(super) fn split_account(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let ends = |at: &usize| match bytes.get(*at) {
        Some(b';' | b'\t') => true,
        Some(b' ') => matches!(bytes.get(at + 1), Some(b' ' | b'\t')),
        _ => false,
    };
    let end = (0..bytes.len()).find(ends).unwrap_or(bytes.len());
    let (account, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (account.trim_end(), rest)
}
