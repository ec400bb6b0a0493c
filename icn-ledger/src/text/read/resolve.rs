//! From drafts to a journal: numbers and sums, then decimals, then assertions.
//! Each step is done for everything before the next one starts.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::draft::{Drafts, Place, Written};
use super::places::{Lines, Places};
use super::source::Files;
use super::sums::{Number, Numbered};
use super::{Conversion, Import};
use crate::text::date::Date;
use crate::text::decimal::{Decimal, DecimalMark, Decimals};
use crate::text::flaw::{Flaw, TextError};
use crate::text::journal::{Journal, MarketPrice, Transaction};
use crate::text::word::Symbol;

pub(super) fn journal(
    drafts: Drafts<'_>,
    import: &Import,
    files: &Files,
) -> Result<(Journal, Places), TextError> {
    let (journal, places) = resolve(drafts, import, Places::of(files))
        .map_err(|(place, flaw)| files.error(place, flaw))?;
    match journal.check_assertions() {
        Ok(()) => Ok((journal, places)),
        Err(broken) => Err(places.locate(broken)),
    }
}

fn resolve(
    drafts: Drafts<'_>,
    import: &Import,
    mut places: Places,
) -> Result<(Journal, Places), (Place, Flaw)> {
    let mut styles = Styles::declared(&drafts, import)?;
    let accounts = drafts.names.accounts().cloned().collect();
    let numbered: Vec<Numbered> = drafts
        .transactions
        .into_iter()
        .map(|draft| Numbered::read(draft, &mut styles, &import.conversion))
        .collect::<Result<_, _>>()?;
    let prices: Vec<(Place, MarketPrice)> = drafts
        .prices
        .into_iter()
        .map(|price| read_price(price, &mut styles))
        .collect::<Result<_, _>>()?;

    let commodities = styles.0.into_iter();
    let commodities = commodities.map(|(symbol, style)| (symbol, style.decimals()));
    let mut journal = Journal::declaring(commodities.collect(), accounts);
    for (place, price) in prices {
        journal.quote(price).map_err(|flaw| (place, flaw))?;
    }
    let mut whole: Vec<(Transaction, Lines)> = numbered
        .into_iter()
        .map(|numbered| numbered.finish(&journal))
        .collect::<Result<_, _>>()?;
    whole.sort_by_key(|(transaction, _)| transaction.date);
    let mut transactions = Vec::with_capacity(whole.len());
    for (transaction, lines) in whole {
        transactions.push(transaction);
        places.push(lines);
    }
    // The text need not name the account that conversions go through.
    if let Conversion::Through(account) = &import.conversion {
        let mut postings = transactions.iter().flat_map(|one| &one.postings);
        if postings.any(|posting| posting.account == *account) {
            journal.open(account.clone());
        }
    }
    journal.set_transactions(transactions);
    Ok((journal, places))
}

/// How amounts of each commodity are written.
pub(super) struct Styles(BTreeMap<Symbol, Style>);

#[derive(Clone, Copy, Default)]
struct Style {
    /// From the caller or from directives.
    declared: Option<Decimals>,
    /// The most of any amount.
    seen: Decimals,
    mark: Option<DecimalMark>,
}

impl Style {
    fn decimals(self) -> Decimals {
        self.declared.unwrap_or(self.seen)
    }
}

impl Styles {
    /// What the caller and the directives say.
    fn declared(drafts: &Drafts<'_>, import: &Import) -> Result<Self, (Place, Flaw)> {
        let mut styles = Self(BTreeMap::new());
        for symbol in &drafts.known {
            styles.of(symbol);
        }
        for (place, sample) in &drafts.samples {
            let decimal = sample.read(None).map_err(|flaw| (*place, flaw))?;
            let style = styles.of(&sample.symbol);
            style.declared = style.declared.max(Some(decimal.decimals()));
            let mark = sample.mark(decimal);
            if mark.is_some() && style.mark.is_some() && style.mark != mark {
                return Err((*place, Flaw::Declared));
            }
            style.mark = style.mark.or(mark);
        }
        for (symbol, decimals) in &import.decimals {
            styles.of(symbol).declared = Some(*decimals);
        }
        Ok(styles)
    }

    fn of(&mut self, symbol: &Symbol) -> &mut Style {
        if !self.0.contains_key(symbol) {
            self.0.insert(symbol.clone(), Style::default());
        }
        self.0.entry(symbol.clone()).or_default()
    }

    /// The number of an amount, whose decimals are noted.
    pub(super) fn number(&mut self, written: &Written<'_>) -> Result<Number, Flaw> {
        let style = self.of(&written.symbol);
        let number = written.read(style.mark)?;
        style.seen = style.seen.max(number.decimals());
        Ok(Number {
            number,
            symbol: written.symbol.clone(),
        })
    }

    /// The number of a price: its decimals are its own.
    pub(super) fn price(&mut self, written: &Written<'_>) -> Result<Decimal, Flaw> {
        let mark = self.of(&written.symbol).mark;
        written.read(mark)
    }

    /// Notes an amount that was inferred.
    pub(super) fn note(&mut self, money: &Number) {
        let style = self.of(&money.symbol);
        style.seen = style.seen.max(money.number.decimals());
    }
}

fn read_price(
    (place, date, of, written): (Place, Date, Symbol, Written<'_>),
    styles: &mut Styles,
) -> Result<(Place, MarketPrice), (Place, Flaw)> {
    let price = styles.price(&written).map_err(|flaw| (place, flaw))?;
    styles.of(&of);
    let price = MarketPrice {
        date,
        of,
        price,
        symbol: written.symbol,
    };
    Ok((place, price))
}
