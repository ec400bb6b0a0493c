//! Books as journals.

use alloc::string::ToString;
use alloc::vec::Vec;

use icn_types::error::{Coded, Fault};

use super::date::Date;
use super::flaw::Flaw;
use super::journal::{Journal, Money, Posting, Status, Transaction};
use super::sides::Sides;
use super::units::{Commodity, commodities};
use super::word::{AccountName, Code, Comment, Description};
use crate::book::{AccountKey, Action, Book, Entry, EntryNumber, Part, Recorded, Request, UnitKey};

/// A book has something that no journal can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry}: {flaw}")]
#[non_exhaustive]
pub struct ExportError {
    /// The entry.
    pub entry: EntryNumber,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl Coded for ExportError {
    fn code(&self) -> &'static str {
        self.flaw.code()
    }

    fn fault(&self) -> Fault {
        self.flaw.fault()
    }
}

impl Journal {
    /// What moved in a book: one transaction for each transfer, refund, and hold
    /// that was resolved with an amount.
    ///
    /// A transaction has the date of its request, the number of its entry as
    /// code, its memo as description, and the tags `entry`, `key`, `cause`,
    /// `decision`, `hold` or `refunds` (the entry that it follows), and `late`.
    /// The balances are the positions, on the sides that the caller chose, and
    /// each is asserted at the end of every day on which it moves. Open holds,
    /// limits and closed periods move nothing and are not in it. O(n log n).
    ///
    /// # Errors
    /// [`ExportError`] with [`Flaw::Date`] for a date after the year 2999.
    pub fn from_book(book: &Book, sides: Sides) -> Result<Self, ExportError> {
        let export = Export {
            book,
            sides,
            commodities: commodities(book.units().map(|(_, unit)| unit)),
        };
        let mut journal = Self::new();
        for recorded in book.entries() {
            let entry = recorded.number();
            export
                .add(&recorded, &mut journal)
                .map_err(|flaw| ExportError { entry, flaw })?;
        }
        journal.assert_days();
        Ok(journal)
    }
}

struct Export<'a> {
    book: &'a Book,
    sides: Sides,
    commodities: Vec<Commodity>,
}

/// An account, a unit, and by how much the position changes.
type Change = (AccountKey, UnitKey, i128);

impl Export<'_> {
    fn add(&self, recorded: &Recorded<'_>, journal: &mut Journal) -> Result<(), Flaw> {
        // A book only holds bytes that it wrote itself.
        match recorded.read() {
            Ok(Entry::Request(request)) => self.add_request(recorded, &request, journal),
            Ok(Entry::Opening(opening)) => {
                journal.open(AccountName::new(opening.name.as_str()).ok_or(Flaw::Account)?);
                Ok(())
            }
            Ok(Entry::Unit(unit)) => {
                let known = self.book.unit_key(&unit.id());
                let commodity = known.and_then(|unit| self.commodities.get(unit.index()));
                let Commodity { symbol, decimals } = commodity.ok_or(Flaw::Unit)?;
                journal.declare(symbol.clone(), *decimals)
            }
            Err(_) => Ok(()),
        }
    }

    fn add_request(
        &self,
        recorded: &Recorded<'_>,
        request: &Request,
        journal: &mut Journal,
    ) -> Result<(), Flaw> {
        let (changes, follows) = self.changes(&request.action);
        if changes.is_empty() {
            return Ok(());
        }
        let memo = request.memo.as_ref().map_or("", |memo| memo.as_str());
        let postings = changes.into_iter().map(|change| self.posting(change));
        journal.push(Transaction {
            date: Date::of(request.date).ok_or(Flaw::Date)?,
            secondary: None,
            status: Status::Cleared,
            code: Code::new(&recorded.number().to_string()),
            description: Description::nearest(memo),
            comments: self.tags(recorded, request, follows),
            postings: postings.collect::<Result<_, _>>()?,
        })
    }

    fn posting(&self, (account, unit, atoms): Change) -> Result<Posting, Flaw> {
        let name = self.book.account(account).map_or("", |name| name.as_str());
        let commodity = self.commodities.get(unit.index()).ok_or(Flaw::Unit)?;
        let account = AccountName::new(name).ok_or(Flaw::Account)?;
        Ok(Posting {
            // The mark of its transaction, where the account needs one.
            status: if account.is_command() {
                Status::Cleared
            } else {
                Status::Unmarked
            },
            account,
            amount: Money {
                atoms: self.sides.turn(atoms),
                symbol: commodity.symbol.clone(),
            },
            assertion: None,
            comments: Vec::new(),
        })
    }

    /// How positions change, and the entry that this follows from.
    fn changes(&self, action: &Action) -> (Vec<Change>, Option<(&'static str, EntryNumber)>) {
        match action {
            Action::Transfer(moved) => (changes(&moved.payers, &moved.payees), None),
            Action::Refund(refund) => (
                changes(&refund.back.payers, &refund.back.payees),
                Some(("refunds", refund.original)),
            ),
            Action::Resolve(resolve) => {
                let held = self.book.entry(resolve.hold).map(|entry| entry.read());
                let (Some(amount), Some(Ok(Entry::Request(request)))) = (resolve.posted, held)
                else {
                    return (Vec::new(), None);
                };
                let Action::Hold(hold) = request.action else {
                    return (Vec::new(), None);
                };
                let atoms = i128::from(amount.get());
                let changes = [
                    (hold.payer, hold.unit, -atoms),
                    (hold.payee, hold.unit, atoms),
                ];
                (changes.into(), Some(("hold", resolve.hold)))
            }
            Action::Hold(_) | Action::LimitChange(_) | Action::Close(_) => (Vec::new(), None),
        }
    }

    fn tags(
        &self,
        recorded: &Recorded<'_>,
        request: &Request,
        follows: Option<(&'static str, EntryNumber)>,
    ) -> Vec<Comment> {
        let followed = follows.and_then(|(name, number)| {
            let entry = self.book.entry(number)?;
            Some((name, entry.id().to_string()))
        });
        let tags = [
            Some(("entry", recorded.id().to_string())),
            Some(("key", request.key.to_string())),
            request.cause.map(|cause| ("cause", cause.to_string())),
            request
                .decision
                .map(|decision| ("decision", decision.to_string())),
            followed,
            recorded.is_late().then(|| ("late", "yes".to_string())),
        ];
        let tags = tags.into_iter().flatten();
        tags.filter_map(|(name, value)| Comment::tag(name, &value))
            .collect()
    }
}

fn changes(payers: &[Part], payees: &[Part]) -> Vec<Change> {
    let atoms = |part: &Part| i128::from(part.amount.get());
    let paid = payers
        .iter()
        .map(|part| (part.account, part.unit, -atoms(part)));
    let received = payees
        .iter()
        .map(|part| (part.account, part.unit, atoms(part)));
    paid.chain(received).collect()
}
