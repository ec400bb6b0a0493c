//! Amounts within a line, and what may follow them.

use super::draft::{Marks, Names, Price, Written};
use crate::text::flaw::Flaw;
use crate::text::journal::{Reach, Span};
use crate::text::word::{Symbol, is_symbol_char};

/// What is left of a line.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

/// What holds for amounts at a place of a file.
#[derive(Clone, Default)]
pub(super) struct Setting {
    /// What bare numbers count.
    pub(super) symbol: Option<Symbol>,
    pub(super) marks: Marks,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.trim_start(),
        }
    }

    /// What is left, without blanks at its ends.
    pub(super) fn rest(&self) -> &'a str {
        self.rest.trim()
    }

    /// Whether the line or its comment starts here.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(';')
    }

    pub(super) fn take(&mut self, mark: &str) -> bool {
        let after = self.rest.strip_prefix(mark);
        self.rest = after.map_or(self.rest, str::trim_start);
        after.is_some()
    }

    /// The text up to the given length, and blanks behind it.
    fn cut(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        taken
    }

    /// An amount: a number with its commodity on either side, or on none.
    pub(super) fn amount(
        &mut self,
        names: &mut Names,
        setting: &Setting,
    ) -> Result<Written<'a>, Flaw> {
        let outer = self.sign();
        let before = self.symbol()?;
        let inner = if before.is_some() { self.sign() } else { None };
        if outer.is_some() && inner.is_some() {
            return Err(Flaw::Amount);
        }
        let digits = self.digits().ok_or(Flaw::Amount)?;
        let symbol = match before {
            Some(before) => Some(before),
            None => self.symbol()?,
        };
        let symbol = match symbol {
            Some(symbol) => names.symbol(symbol)?,
            None => match &setting.symbol {
                Some(symbol) => symbol.clone(),
                None => names.symbol("")?,
            },
        };
        if self.rest.starts_with(['{', '(', '[']) {
            return Err(Flaw::Lot);
        }
        Ok(Written {
            is_negative: outer.or(inner).unwrap_or(false),
            digits,
            symbol,
            marks: setting.marks,
        })
    }

    /// `@` or `@@` and an amount, if they are next.
    pub(super) fn price(
        &mut self,
        names: &mut Names,
        setting: &Setting,
    ) -> Result<Option<(Price<'a>, &'a str)>, Flaw> {
        let start = self.rest;
        let kind = if self.take("@@") {
            Price::Total
        } else if self.take("@") {
            Price::Each
        } else {
            return Ok(None);
        };
        let amount = self.price_amount(names, setting)?;
        let len = start.len() - self.rest.len();
        let text = start.get(..len).unwrap_or_default().trim_end();
        Ok(Some((kind(amount), text)))
    }

    /// An amount that is a price.
    pub(super) fn price_amount(
        &mut self,
        names: &mut Names,
        setting: &Setting,
    ) -> Result<Written<'a>, Flaw> {
        match self.amount(names, setting) {
            Ok(amount) if !amount.is_negative => Ok(amount),
            Ok(_) | Err(Flaw::Amount) => Err(Flaw::Price),
            Err(other) => Err(other),
        }
    }

    /// `=` and its kin and an amount, if they are next.
    pub(super) fn assertion(
        &mut self,
        names: &mut Names,
        setting: &Setting,
    ) -> Result<Option<(Reach, Span, Written<'a>)>, Flaw> {
        let (reach, span) = if self.take("==*") {
            (Reach::Below, Span::Sole)
        } else if self.take("==") {
            (Reach::Alone, Span::Sole)
        } else if self.take("=*") {
            (Reach::Below, Span::One)
        } else if self.take("=") {
            (Reach::Alone, Span::One)
        } else {
            return Ok(None);
        };
        Ok(Some((reach, span, self.amount(names, setting)?)))
    }

    /// Whether a sign is next, and which: negative or not.
    fn sign(&mut self) -> Option<bool> {
        let is_negative = self.rest.starts_with('-');
        if is_negative || self.rest.starts_with('+') {
            self.rest = self.rest.get(1..).unwrap_or_default();
            return Some(is_negative);
        }
        None
    }

    /// A symbol, if one is next.
    pub(super) fn symbol(&mut self) -> Result<Option<&'a str>, Flaw> {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let (symbol, rest) = quoted.split_once('"').ok_or(Flaw::Symbol)?;
            self.rest = rest.trim_start();
            return Ok(Some(symbol));
        }
        let end = self.rest.find(|c| !is_symbol_char(c));
        let end = end.unwrap_or(self.rest.len());
        Ok((end > 0).then(|| self.cut(end)))
    }

    /// Digits with marks and groups, if they are next.
    fn digits(&mut self) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
        let mut end = 0;
        let mut has_digit = false;
        loop {
            match byte(end) {
                b'0'..=b'9' => has_digit = true,
                b'.' | b',' => {}
                // A blank groups digits where exactly three of them follow.
                b' ' if has_digit
                    && (1..=3).all(|ahead| byte(end + ahead).is_ascii_digit())
                    && !byte(end + 4).is_ascii_digit() => {}
                _ => break,
            }
            end += 1;
        }
        has_digit.then(|| self.cut(end))
    }
}
