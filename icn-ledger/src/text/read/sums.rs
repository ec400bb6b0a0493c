//! Transactions with numbers: what is left out is inferred, and the rest has
//! to add up.

use alloc::vec::Vec;

use super::Conversion;
use super::draft::{Draft, DraftPosting, Place, Price};
use super::places::Lines;
use super::resolve::Styles;
use crate::text::decimal::{Decimal, Decimals};
use crate::text::flaw::Flaw;
use crate::text::journal::{Assertion, Journal, Money, Posting, Reach, Span, Status, Transaction};
use crate::text::listed::Listed;
use crate::text::word::{AccountName, Comment, Symbol};

/// A number of some commodity, whose decimals are not known yet.
#[derive(Clone)]
pub(super) struct Number {
    pub(super) number: Decimal,
    pub(super) symbol: Symbol,
}

impl Number {
    fn money(self, journal: &Journal) -> Result<Money, Flaw> {
        let scale = journal.decimals(&self.symbol).unwrap_or_default();
        Ok(Money {
            atoms: self.number.atoms(scale)?,
            symbol: self.symbol,
        })
    }

    fn negated(self) -> Self {
        Self {
            number: self.number.negated(),
            ..self
        }
    }
}

/// A transaction that adds up.
pub(super) struct Numbered {
    place: Place,
    head: Transaction,
    postings: Vec<NumberedPosting>,
}

struct NumberedPosting {
    line: u32,
    status: Status,
    account: AccountName,
    /// None where it is left out.
    amount: Option<Number>,
    /// What it was given for.
    cost: Option<Number>,
    assertion: Option<(Reach, Span, Number)>,
    comments: Vec<Comment>,
}

impl Numbered {
    /// Reads the numbers of a draft and balances it.
    pub(super) fn read(
        draft: Draft<'_>,
        styles: &mut Styles,
        conversion: &Conversion,
    ) -> Result<Self, (Place, Flaw)> {
        let place = draft.place;
        let mut numbered = Self {
            place,
            head: draft.head,
            postings: Vec::with_capacity(draft.postings.len()),
        };
        for posting in draft.postings {
            let line = posting.line;
            let posting = NumberedPosting::read(posting, styles);
            let posting = posting.map_err(|flaw| (Place { line, ..place }, flaw))?;
            numbered.postings.push(posting);
        }
        numbered
            .balance(styles, conversion)
            .map_err(|flaw| (place, flaw))?;
        Ok(numbered)
    }

    /// Infers what is left out. The sum at prices has to be zero then; where
    /// the sums of the commodities are not, it is a conversion.
    fn balance(&mut self, styles: &mut Styles, conversion: &Conversion) -> Result<(), Flaw> {
        let is_priced = self.postings.iter().any(|one| one.cost.is_some());
        let off = residue(self.postings.iter().filter_map(NumberedPosting::cost))?;
        let numbers = self.postings.iter().enumerate();
        let mut elided = numbers.filter_map(|(at, one)| one.amount.is_none().then_some(at));
        match (elided.next(), elided.next()) {
            (Some(at), None) => self.fill(at, off, styles)?,
            (Some(_), Some(_)) => return Err(Flaw::Elided),
            (None, _) if self.postings.is_empty() => return Err(Flaw::Empty),
            (None, _) => {
                if let Some(Number { number, symbol }) = off.into_iter().next() {
                    return Err(Flaw::Unbalanced {
                        symbol,
                        off: number,
                    });
                }
            }
        }
        if is_priced {
            self.convert(conversion)?;
        }
        Ok(())
    }

    /// Gives the posting the amount that is missing, one posting for each
    /// commodity.
    fn fill(&mut self, at: usize, off: Vec<Number>, styles: &mut Styles) -> Result<(), Flaw> {
        let mut missing = off.into_iter().map(Number::negated);
        let first = match missing.next() {
            Some(first) => first,
            None => self.nothing().ok_or(Flaw::Elided)?,
        };
        styles.note(&first);
        let Some(posting) = self.postings.get_mut(at) else {
            return Ok(());
        };
        posting.amount = Some(first);
        let (line, status, account) = (posting.line, posting.status, posting.account.clone());
        for (more, number) in (at + 1..).zip(missing) {
            styles.note(&number);
            let posting = NumberedPosting::bare(line, status, account.clone(), number);
            self.postings.insert(more, posting);
        }
        Ok(())
    }

    /// Zero of the first commodity.
    fn nothing(&self) -> Option<Number> {
        let first = self.postings.iter().find_map(|one| one.amount.as_ref())?;
        Some(Number {
            number: Decimals::NONE.show(0),
            symbol: first.symbol.clone(),
        })
    }

    fn convert(&mut self, conversion: &Conversion) -> Result<(), Flaw> {
        let amounts = self.postings.iter().filter_map(|one| one.amount.as_ref());
        let off = residue(amounts)?;
        match conversion {
            _ if off.is_empty() => Ok(()),
            Conversion::Refuse => Err(Flaw::Conversion),
            Conversion::Through(account) => {
                let line = self.place.line;
                let through = |number: Number| {
                    let account = account.clone();
                    NumberedPosting::bare(line, Status::Unmarked, account, number.negated())
                };
                self.postings.extend(off.into_iter().map(through));
                Ok(())
            }
        }
    }

    /// The transaction in atoms, and where it stands.
    pub(super) fn finish(self, journal: &Journal) -> Result<(Transaction, Lines), (Place, Flaw)> {
        let mut transaction = self.head;
        let mut lines = Lines {
            head: self.place,
            postings: Vec::with_capacity(self.postings.len()),
        };
        transaction.postings.reserve_exact(self.postings.len());
        for posting in self.postings {
            let line = posting.line;
            let posting = posting.finish(journal);
            let at = Place { line, ..self.place };
            transaction
                .postings
                .push(posting.map_err(|flaw| (at, flaw))?);
            lines.postings.push(line);
        }
        Ok((transaction, lines))
    }
}

impl NumberedPosting {
    fn read(draft: DraftPosting<'_>, styles: &mut Styles) -> Result<Self, Flaw> {
        let mut number = |written: &_| -> Result<Number, Flaw> { styles.number(written) };
        let amount = draft.amount.as_ref().map(&mut number).transpose()?;
        let assertion = match &draft.assertion {
            Some((reach, span, written)) => Some((*reach, *span, number(written)?)),
            None => None,
        };
        let cost = match (&draft.price, &amount) {
            (Some(price), Some(amount)) => Some(cost(price, amount, styles)?),
            _ => None,
        };
        Ok(Self {
            line: draft.line,
            status: draft.status,
            account: draft.account,
            amount,
            cost,
            assertion,
            comments: draft.comments,
        })
    }

    const fn bare(line: u32, status: Status, account: AccountName, amount: Number) -> Self {
        Self {
            line,
            status,
            account,
            amount: Some(amount),
            cost: None,
            assertion: None,
            comments: Vec::new(),
        }
    }

    /// What the posting counts for at its price.
    const fn cost(&self) -> Option<&Number> {
        match &self.cost {
            Some(cost) => Some(cost),
            None => self.amount.as_ref(),
        }
    }

    fn finish(self, journal: &Journal) -> Result<Posting, Flaw> {
        let amount = self.amount.ok_or(Flaw::Elided)?.money(journal)?;
        let assertion = match self.assertion {
            Some((reach, span, balance)) => Some(Assertion {
                reach,
                span,
                balance: balance.money(journal)?,
            }),
            None => None,
        };
        Ok(Posting {
            status: self.status,
            account: self.account,
            amount,
            assertion,
            comments: self.comments,
        })
    }
}

/// What an amount was given for, exactly.
fn cost(price: &Price<'_>, amount: &Number, styles: &mut Styles) -> Result<Number, Flaw> {
    let (number, symbol) = match price {
        Price::Each(price) => (styles.price(price)?.times(amount.number)?, &price.symbol),
        Price::Total(price) => {
            let total = styles.price(price)?;
            let is_negative = amount.number.is_negative();
            (
                if is_negative { total.negated() } else { total },
                &price.symbol,
            )
        }
    };
    Ok(Number {
        number,
        symbol: symbol.clone(),
    })
}

/// What does not add up to zero, commodity by commodity. The numbers of each
/// get the most decimals of any before they are added, so their order does not
/// matter.
fn residue<'a>(numbers: impl Iterator<Item = &'a Number> + Clone) -> Result<Vec<Number>, Flaw> {
    let mut sums: Listed<&Symbol, (Decimals, i128)> = Listed::new();
    for Number { number, symbol } in numbers.clone() {
        let (most, _) = sums.of(symbol, (number.decimals(), 0));
        *most = number.decimals().max(*most);
    }
    for Number { number, symbol } in numbers {
        let (most, sum) = sums.of(symbol, (number.decimals(), 0));
        *sum = sum.checked_add(number.atoms(*most)?).ok_or(Flaw::Large)?;
    }
    let sums = sums.into_values().into_iter();
    let off = sums.filter(|(_, (_, sum))| *sum != 0);
    Ok(off
        .map(|(symbol, (most, sum))| Number {
            number: most.show(sum).shortest(),
            symbol: symbol.clone(),
        })
        .collect())
}
