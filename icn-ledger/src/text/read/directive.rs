//! Directives, and the lines below them.

use super::amount::{Cursor, Setting};
use super::draft::{Marks, Place, Written};
use super::syntax::{Page, split_account};
use crate::text::date::Date;
use crate::text::decimal::DecimalMark;
use crate::text::flaw::Flaw;

/// What indented lines belong to.
pub(super) enum Block<'a> {
    None,
    Transaction,
    Account,
    /// A commodity that is declared by its symbol.
    Commodity(&'a str),
    /// The name of a payee or tag.
    Name,
}

/// A line that starts with a word.
pub(super) fn read<'a>(page: &mut Page<'a, '_>, place: Place, line: &'a str) -> Result<(), Flaw> {
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let rest = rest.trim();
    page.block = Block::None;
    match word {
        "account" => {
            let (name, _comment) = split_account(rest);
            page.drafts.names.account(name)?;
            page.block = Block::Account;
            Ok(())
        }
        "commodity" => commodity(page, place, rest),
        "D" => default_commodity(page, place, rest),
        "P" => price(page, place, rest),
        "decimal-mark" => {
            page.setting.marks.file = Some(match rest {
                "." => DecimalMark::Point,
                "," => DecimalMark::Comma,
                _ => return Err(Flaw::DirectiveForm),
            });
            Ok(())
        }
        "payee" | "tag" => {
            page.block = Block::Name;
            Ok(())
        }
        _ => Err(Flaw::Directive { word: word.into() }),
    }
}

/// A line below a directive, which is no comment.
pub(super) fn indented<'a>(
    page: &mut Page<'a, '_>,
    place: Place,
    text: &'a str,
) -> Result<(), Flaw> {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    match (&page.block, word) {
        (Block::Account | Block::Commodity(_), "note") | (Block::Commodity(_), "nomarket") => {
            Ok(())
        }
        (Block::Commodity(symbol), "format") => {
            let symbol = *symbol;
            let sample = sample(page, rest)?;
            if sample.symbol.as_str() != symbol {
                return Err(Flaw::DirectiveForm);
            }
            page.drafts.samples.push((place, sample));
            Ok(())
        }
        (Block::None | Block::Transaction, _) => Err(Flaw::Indent),
        _ => Err(Flaw::DirectiveForm),
    }
}

/// `commodity SYMBOL` or `commodity AMOUNT`
fn commodity<'a>(page: &mut Page<'a, '_>, place: Place, rest: &'a str) -> Result<(), Flaw> {
    let mut cursor = Cursor::new(rest);
    match cursor.symbol()? {
        Some(symbol) if cursor.is_done() => {
            let known = page.drafts.names.symbol(symbol)?;
            page.drafts.known.insert(known);
            page.block = Block::Commodity(symbol);
        }
        _ => {
            let sample = sample(page, rest)?;
            page.drafts.samples.push((place, sample));
            page.block = Block::Name;
        }
    }
    Ok(())
}

/// `D AMOUNT`: from here on bare numbers count its commodity, and its decimal
/// mark is that of commodities that declare none.
fn default_commodity<'a>(page: &mut Page<'a, '_>, place: Place, rest: &'a str) -> Result<(), Flaw> {
    let sample = sample(page, rest)?;
    page.setting.symbol = Some(sample.symbol.clone());
    let mark = sample.mark(sample.read(None)?);
    page.setting.marks.other = mark.or(page.setting.marks.other);
    page.drafts.samples.push((place, sample));
    Ok(())
}

/// `P DATE SYMBOL AMOUNT`
fn price<'a>(page: &mut Page<'a, '_>, place: Place, rest: &'a str) -> Result<(), Flaw> {
    let (date, rest) = rest.split_once([' ', '\t']).ok_or(Flaw::Price)?;
    let date = Date::parse(date).ok_or(Flaw::Date)?;
    let mut cursor = Cursor::new(rest);
    let of = cursor.symbol()?.ok_or(Flaw::Price)?;
    let names = &mut page.drafts.names;
    let of = names.symbol(of)?;
    let amount = cursor.price_amount(names, &page.setting)?;
    if !cursor.is_done() {
        return Err(Flaw::Price);
    }
    page.drafts.prices.push((place, date, of, amount));
    Ok(())
}

/// An amount that stands alone and shows how others are written.
fn sample<'a>(page: &mut Page<'a, '_>, text: &'a str) -> Result<Written<'a>, Flaw> {
    let mut cursor = Cursor::new(text);
    let setting = Setting {
        symbol: None,
        marks: Marks {
            other: None,
            ..page.setting.marks
        },
    };
    let amount = cursor.amount(&mut page.drafts.names, &setting)?;
    if cursor.is_done() {
        Ok(amount)
    } else {
        Err(Flaw::DirectiveForm)
    }
}
