//! The format of beancount.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use core::fmt::{self, Write};

use super::names;
use crate::text::balances::Balances;
use crate::text::date::Date;
use crate::text::journal::{Journal, Money, Posting, Status, Transaction};
use crate::text::word::{AccountName, Comment, Symbol};

/// When everything opens in a journal without transactions and prices.
const EPOCH: Option<Date> = Date::new(1970, 1, 1);

pub(super) fn write(journal: &Journal, f: &mut impl Write) -> fmt::Result {
    let page = Page {
        journal,
        accounts: names::accounts(journal.accounts()),
        currencies: names::currencies(journal.commodities().map(|(symbol, _)| symbol)),
    };
    page.write_declarations(f)?;
    for price in journal.prices() {
        let (of, symbol) = (page.currency(&price.of), page.currency(&price.symbol));
        writeln!(f, "{} price {of} {} {symbol}", price.date, price.price)?;
    }
    let mut balances = Balances::default();
    for day in journal.transactions().chunk_by(|a, b| a.date == b.date) {
        for transaction in day {
            f.write_char('\n')?;
            page.write_transaction(transaction, f)?;
            for posting in &transaction.postings {
                // What lies below an account may differ from ours.
                balances.add(page.account(&posting.account), &posting.amount);
            }
        }
        page.write_balances(day, &balances, f)?;
    }
    Ok(())
}

/// A journal with the names that beancount gets.
struct Page<'a> {
    journal: &'a Journal,
    accounts: BTreeMap<&'a AccountName, AccountName>,
    currencies: BTreeMap<&'a Symbol, String>,
}

impl Page<'_> {
    fn account<'b>(&'b self, name: &'b AccountName) -> &'b AccountName {
        self.accounts.get(name).unwrap_or(name)
    }

    fn currency(&self, symbol: &Symbol) -> &str {
        self.currencies.get(symbol).map_or("", String::as_str)
    }

    fn write_declarations(&self, f: &mut impl Write) -> fmt::Result {
        let dates = self.journal.transactions().first().map(|one| one.date);
        let quoted = self.journal.prices().first().map(|one| one.date);
        let Some(start) = dates.into_iter().chain(quoted).min().or(EPOCH) else {
            return Ok(());
        };
        for (symbol, currency) in &self.currencies {
            writeln!(f, "{start} commodity {currency}")?;
            writeln!(f, "  name: {}", Text(symbol.as_str()))?;
        }
        for (name, account) in &self.accounts {
            writeln!(f, "{start} open {account}")?;
            writeln!(f, "  name: {}", Text(name.as_str()))?;
        }
        Ok(())
    }

    fn write_transaction(&self, transaction: &Transaction, f: &mut impl Write) -> fmt::Result {
        let (date, flag) = (transaction.date, flag(transaction.status).unwrap_or("*"));
        let description = &transaction.description;
        match description.note() {
            Some(note) => {
                writeln!(
                    f,
                    "{date} {flag} {} {}",
                    Text(description.payee()),
                    Text(note)
                )?;
            }
            None => writeln!(f, "{date} {flag} {}", Text(description.as_str()))?,
        }
        if let Some(secondary) = transaction.secondary {
            writeln!(f, "  date2: {secondary}")?;
        }
        if let Some(code) = &transaction.code {
            writeln!(f, "  code: {}", Text(code.as_str()))?;
        }
        write_comments(&transaction.comments, "  ", f)?;
        transaction
            .postings
            .iter()
            .try_for_each(|posting| self.write_posting(posting, f))
    }

    fn write_posting(&self, posting: &Posting, f: &mut impl Write) -> fmt::Result {
        f.write_str("  ")?;
        if let Some(flag) = flag(posting.status) {
            write!(f, "{flag} ")?;
        }
        write!(f, "{}  ", self.account(&posting.account))?;
        self.write_money(&posting.amount, "", f)?;
        write_comments(&posting.comments, "    ", f)
    }

    /// `tolerance` stands between number and currency.
    fn write_money(&self, money: &Money, tolerance: &str, f: &mut impl Write) -> fmt::Result {
        let number = self.journal.number(&money.symbol, money.atoms);
        writeln!(f, "{number}{tolerance} {}", self.currency(&money.symbol))
    }

    /// What was asserted on a day, as of the next one, when beancount compares.
    fn write_balances(
        &self,
        day: &[Transaction],
        balances: &Balances,
        f: &mut impl Write,
    ) -> fmt::Result {
        let asserted: BTreeSet<(&AccountName, &Symbol)> = day
            .iter()
            .flat_map(|transaction| &transaction.postings)
            .filter_map(|posting| {
                let assertion = posting.assertion.as_ref()?;
                Some((&posting.account, &assertion.balance.symbol))
            })
            .collect();
        let Some(next) = day.first().and_then(|transaction| transaction.date.next()) else {
            return Ok(());
        };
        for (account, symbol) in asserted {
            let account = self.account(account);
            let money = Money {
                atoms: balances.within(account, symbol),
                symbol: symbol.clone(),
            };
            write!(f, "{next} balance {account}  ")?;
            // Without a tolerance of its own, beancount lets an atom pass.
            self.write_money(&money, " ~ 0", f)?;
        }
        Ok(())
    }
}

const fn flag(status: Status) -> Option<&'static str> {
    match status {
        Status::Unmarked => None,
        Status::Pending => Some("!"),
        Status::Cleared => Some("*"),
    }
}

/// The first tag of each name as metadata, and all other comments as comments.
fn write_comments(comments: &[Comment], indent: &str, f: &mut impl Write) -> fmt::Result {
    let mut keys = BTreeSet::from([String::from("date2"), String::from("code")]);
    for comment in comments {
        let mut is_said = false;
        for (name, value) in comment.tags() {
            let key = names::key(name);
            if keys.contains(&key) {
                continue;
            }
            writeln!(f, "{indent}{key}: {}", Text(value))?;
            is_said = Comment::tag(name, value).as_ref() == Some(comment);
            keys.insert(key);
        }
        if !is_said {
            writeln!(f, "{indent}; {comment}")?;
        }
    }
    Ok(())
}

/// A text in double quotes.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}
