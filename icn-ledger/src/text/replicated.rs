//! Replicated ledgers as journals.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use icn_types::authority::Open;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Record;
use icn_types::set::Office;
use icn_types::time::Timestamp;

use super::date::Date;
use super::flaw::Flaw;
use super::journal::{Journal, Money, Posting, Status, Transaction};
use super::sides::Sides;
use super::units::{Commodity, commodities};
use super::word::{AccountName, Code, Comment, Description};
use crate::columns::{signed, takes};
use crate::counted::{Counted, Counting, count};
use crate::entry::{DecisionRef, Entry, Hold};
use crate::legs::{LegId, resolved, taken};
use crate::query::{Listed, Query};

/// A ledger has something that no journal can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerExportError {
    /// The name of an account.
    #[error("account {account}: {flaw}")]
    Account {
        /// The account.
        account: ChainId,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A record.
    #[error("record {record}: {flaw}")]
    Record {
        /// The record.
        record: RecordId,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

impl LedgerExportError {
    const fn flaw(&self) -> &Flaw {
        match self {
            Self::Account { flaw, .. } | Self::Record { flaw, .. } => flaw,
        }
    }
}

impl Coded for LedgerExportError {
    fn code(&self) -> &'static str {
        self.flaw().code()
    }

    fn fault(&self) -> Fault {
        self.flaw().fault()
    }
}

impl Journal {
    /// What replicated ledgers add up to: one transaction for each entry that
    /// moves something, on the date that its author states.
    ///
    /// `name` says how an account is called; without a name it is
    /// `accounts:` and its id. The balance of an account is what is posted.
    /// Beside it stand, each with the name behind it, `held:` for what its open
    /// holds set aside, `in transit:` for what it sent and nobody took yet, and
    /// `contested:` for what counts beside a spine. These are the columns of
    /// the account, on the sides that the caller chose, and each is asserted
    /// at the end of every day on which it moves. What is charged moves
    /// nothing and is not in it.
    ///
    /// A transaction has the position on its chain as code, the kind of its
    /// entry as description, and the tags `entry`, `key`, `cause`, `decision`
    /// with `action`, `of` (records whose legs it takes, holds that it ends,
    /// the payment that it refunds, the claim that it pays), and `late`. It is cleared once it is
    /// sealed and pending until then. Equal on replicas with equal sets.
    /// O(n log n).
    ///
    /// ```
    /// # use icn_ledger::unit::Scale;
    /// # use icn_ledger::{Authorized, Ledger, Leg, PaymentRequest, Policy, Unit, UnitCode};
    /// # use icn_types::amount::Amount;
    /// # use icn_types::canon::List;
    /// # use icn_types::id::OperationKey;
    /// # use icn_types::testkit::stage::{GRANT, Stage};
    /// # use icn_types::time::Timestamp;
    /// use icn_ledger::query::Register;
    /// use icn_ledger::text::{AccountName, Format, Journal, Sides};
    ///
    /// # let mut stage = Stage::new(1, 2);
    /// # let unit = Unit {
    /// #     issuer: stage.domain(),
    /// #     code: UnitCode::new("hours").ok_or("a code")?,
    /// #     scale: Scale::new(1).ok_or("a scale")?,
    /// #     min_leg: Amount::new(1)?,
    /// # };
    /// # let topic = stage.ledger(unit.id());
    /// # let [alice, bob] = [0, 1].map(|member| stage.open_member(member, &topic, Some(GRANT)));
    /// # let mut ledger = Ledger::of(&stage.set, unit);
    /// # let request = PaymentRequest {
    /// #     legs: List::new([Leg { payee: alice, amount: unit.parse("10")? }])?,
    /// #     key: OperationKey::from_bytes([1; 32]),
    /// #     decision: None,
    /// #     effective: None,
    /// #     memo: None,
    /// #     cause: None,
    /// # };
    /// # let (now, none) = (Timestamp::from_millis(0), Policy::NONE);
    /// # let Authorized::Draft(draft) = ledger.authorize(&stage.set, &bob, &request, now, &none)? else {
    /// #     return Err("a first payment".into());
    /// # };
    /// # let paid = stage.submit(draft);
    /// # ledger.update(&stage.set, stage.set.find(&paid).ok_or("stored")?);
    /// // Bob paid Alice ten hours, which she has not taken yet.
    /// let mut register = Register::new();
    /// let query = register.query(&stage.set, &ledger);
    /// let called = |chain: &_| AccountName::new(if *chain == bob { "bob" } else { "alice" });
    /// let journal = Journal::from_ledgers(&[query], Sides::DebitRaises, called)?;
    /// let text = journal.show(Format::Hledger).to_string();
    /// assert!(text.contains("bob  -10 hours = -10 hours"));
    /// assert!(text.contains("in transit:bob  10 hours = 10 hours"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LedgerExportError::Account`] with [`Flaw::Taken`] when two accounts of
    /// one unit have one name, or one is called `held`, `in transit` or
    /// `contested` or lies below that; [`LedgerExportError::Record`] with
    /// [`Flaw::Date`] for a date after the year 2999.
    pub fn from_ledgers(
        queries: &[Query<'_>],
        sides: Sides,
        name: impl Fn(&ChainId) -> Option<AccountName>,
    ) -> Result<Self, LedgerExportError> {
        let ledgers = queries.iter().map(|query| query.sources().1);
        let commodities = commodities(ledgers.map(|ledger| ledger.unit()));
        let declared = commodities.iter();
        let declared = declared.map(|one| (one.symbol.clone(), one.decimals));
        let mut journal = Self::declaring(declared.collect(), BTreeSet::new());
        let mut transactions = Vec::new();
        for (query, commodity) in queries.iter().zip(commodities) {
            let mut export = Export {
                query,
                sides,
                commodity,
                names: BTreeMap::new(),
            };
            export.open(&mut journal, &name)?;
            transactions.extend(export.transactions()?);
        }
        transactions.sort_by_key(|(at, _)| *at);
        for ((_, record), transaction) in transactions {
            let pushed = journal.push(transaction);
            pushed.map_err(|flaw| LedgerExportError::Record { record, flaw })?;
        }
        journal.assert_days();
        Ok(journal)
    }
}

/// Under which heading an amount of an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Heading {
    Posted,
    Held,
    InTransit,
    Contested,
}

impl Heading {
    const ASIDE: [Self; 3] = [Self::Held, Self::InTransit, Self::Contested];

    /// The first part of the account's name.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::Posted => None,
            Self::Held => Some("held"),
            Self::InTransit => Some("in transit"),
            Self::Contested => Some("contested"),
        }
    }

    fn of(self, name: &AccountName) -> Option<AccountName> {
        match self.word() {
            None => Some(name.clone()),
            Some(word) => AccountName::new(&format!("{word}:{name}")),
        }
    }
}

/// What each record changes, by account and heading.
#[derive(Default)]
struct Changes {
    by_record: BTreeMap<RecordId, BTreeMap<(ChainId, Heading), i128>>,
    /// Holds that nothing ended yet: whose, and how much.
    held: BTreeMap<RecordId, (ChainId, i128)>,
}

impl Changes {
    fn shift(
        &mut self,
        by: RecordId,
        from: (ChainId, Heading),
        to: (ChainId, Heading),
        atoms: i128,
    ) {
        let changes = self.by_record.entry(by).or_default();
        *changes.entry(from).or_default() -= atoms;
        *changes.entry(to).or_default() += atoms;
    }
}

impl Counting for Changes {
    fn hold(&mut self, record: &Record, hold: &Hold) {
        let (payer, atoms) = (record.chain(), signed(hold.leg.amount));
        self.held.insert(record.id(), (payer, atoms));
        let (from, to) = ((payer, Heading::Posted), (payer, Heading::Held));
        self.shift(record.id(), from, to, atoms);
    }

    fn resolve(&mut self, record: &Record, hold: RecordId) {
        if let Some((payer, atoms)) = self.held.remove(&hold) {
            let (from, to) = ((payer, Heading::Held), (payer, Heading::Posted));
            self.shift(record.id(), from, to, atoms);
        }
    }

    fn leg(&mut self, leg: LegId, counted: &Counted<'_>) {
        let (sent, atoms) = (counted.sent, signed(counted.sent.amount));
        let on_its_way = if counted.is_posted {
            let from = (sent.payer, Heading::Posted);
            let to = (sent.payer, Heading::InTransit);
            self.shift(leg.record, from, to, atoms);
            to
        } else {
            (sent.payer, Heading::Contested)
        };
        let Some(takers) = counted.takers else {
            return;
        };
        let heading = match takers.posted {
            Some(_) => Heading::Posted,
            None => Heading::Contested,
        };
        if let Some(by) = takers.posted.or(takers.lowest) {
            self.shift(by, on_its_way, (sent.payee, heading), atoms);
        }
    }

    fn settlement(&mut self, _: LegId, counted: &Counted<'_>) {
        let Some(takers) = counted.takers else {
            return;
        };
        let heading = match takers.posted {
            Some(_) => Heading::Posted,
            None => Heading::Contested,
        };
        if let Some(by) = takers.keeper() {
            let (sent, atoms) = (counted.sent, signed(counted.sent.amount));
            let (from, to) = ((sent.payee, heading), (sent.payer, Heading::Contested));
            self.shift(by, from, to, atoms);
        }
    }
}

struct Export<'a> {
    query: &'a Query<'a>,
    sides: Sides,
    commodity: Commodity,
    names: BTreeMap<ChainId, AccountName>,
}

/// When a transaction comes: by date, then by id.
type At = (Timestamp, RecordId);

impl Export<'_> {
    /// Names and opens the accounts.
    fn open(
        &mut self,
        journal: &mut Journal,
        name: impl Fn(&ChainId) -> Option<AccountName>,
    ) -> Result<(), LedgerExportError> {
        let (set, ledger) = self.query.sources();
        let of_ledger = |open: &Open| open.chain.topic() == ledger.topic();
        let seats = set.office().into_iter().flat_map(Office::seats);
        let open = seats.filter(|(_, seat)| set.open(&seat.open()).is_some_and(of_ledger));
        // Chains whose Open a Recall dropped may still hold something.
        let moved = set.chains().filter(|(_, topic)| *topic == ledger.topic());
        let mut accounts: Vec<ChainId> = open.map(|(chain, _)| *chain).collect();
        accounts.extend(moved.map(|(chain, _)| chain));
        accounts.extend(ledger.columns(set).accounts().map(|(chain, _)| chain));
        accounts.sort_unstable();
        accounts.dedup();
        let mut taken = BTreeSet::new();
        for account in accounts {
            let flaw = |flaw| LedgerExportError::Account { account, flaw };
            let name = match name(&account) {
                Some(name) => name,
                None => AccountName::new(&format!("accounts:{account}"))
                    .ok_or_else(|| flaw(Flaw::Account))?,
            };
            let is_aside = Heading::ASIDE.iter().any(|heading| {
                let word = heading.word().unwrap_or_default();
                name.as_str().split(':').next() == Some(word)
            });
            if is_aside || !taken.insert(name.clone()) {
                return Err(flaw(Flaw::Taken));
            }
            journal.open(name.clone());
            self.names.insert(account, name);
        }
        Ok(())
    }

    fn transactions(&self) -> Result<Vec<(At, Transaction)>, LedgerExportError> {
        let (set, ledger) = self.query.sources();
        let mut changes = Changes::default();
        count(&set.canonical(), &ledger.judge, &mut changes);
        let mut transactions = Vec::new();
        for (record, mut changes) in changes.by_record {
            changes.retain(|_, atoms| *atoms != 0);
            let Some(listed) = self.query.entry(&record).filter(|_| !changes.is_empty()) else {
                continue;
            };
            let transaction = self.transaction(&listed, &changes);
            let transaction =
                transaction.map_err(|flaw| LedgerExportError::Record { record, flaw })?;
            transactions.push(((listed.stated, record), transaction));
        }
        Ok(transactions)
    }

    fn transaction(
        &self,
        listed: &Listed,
        changes: &BTreeMap<(ChainId, Heading), i128>,
    ) -> Result<Transaction, Flaw> {
        let is_sealed = self.query.is_sealed(&listed.record);
        let status = if is_sealed {
            Status::Cleared
        } else {
            Status::Pending
        };
        let postings = changes.iter().map(|((account, heading), atoms)| {
            let name = self.names.get(account).and_then(|name| heading.of(name));
            name.map(|account| Posting {
                // The mark of its transaction, where the account needs one.
                status: if account.is_command() {
                    status
                } else {
                    Status::Unmarked
                },
                account,
                amount: Money {
                    atoms: self.sides.turn(*atoms),
                    symbol: self.commodity.symbol.clone(),
                },
                assertion: None,
                comments: Vec::new(),
            })
        });
        let postings: Option<Vec<Posting>> = postings.collect();
        Ok(Transaction {
            date: Date::of(listed.stated).ok_or(Flaw::Date)?,
            secondary: None,
            status,
            code: Code::new(&listed.seq.to_string()),
            description: Description::nearest(kind(&listed.entry)),
            comments: self.tags(listed),
            postings: postings.ok_or(Flaw::Account)?,
        })
    }

    fn tags(&self, listed: &Listed) -> Vec<Comment> {
        let (set, _) = self.query.sources();
        let record = set.find(&listed.record).map(|slot| set.record(slot));
        let decision = listed.entry.decision().and_then(|decision| {
            let DecisionRef { ready, action } = decision;
            Some((*record?.refs().get(usize::from(ready))?, action))
        });
        let key = listed.entry.key().map(|key| key.to_string());
        let tags = [
            Some(("entry", listed.record.to_string())),
            key.map(|key| ("key", key)),
            listed.cause.map(|cause| ("cause", cause.to_string())),
            decision.map(|(ready, _)| ("decision", ready.to_string())),
            decision.map(|(_, action)| ("action", action.to_string())),
        ];
        let of = record.map(|record| followed(record, &listed.entry));
        let of = of.unwrap_or_default().into_iter();
        let of = of.map(|id| ("of", id.to_string()));
        let late = (listed.date != listed.stated).then(|| ("late", String::from("yes")));
        let tags = tags.into_iter().flatten().chain(of).chain(late);
        tags.filter_map(|(name, value)| Comment::tag(name, &value))
            .collect()
    }
}

/// Records that an entry follows from, ascending.
fn followed(record: &Record, entry: &Entry) -> Vec<RecordId> {
    let content = record.content();
    let mut named: Vec<RecordId> = takes(record, entry).map(|leg| leg.record).collect();
    match (entry, content) {
        (Entry::Resolve(resolve), Some(content)) => named.extend(resolved(content, resolve)),
        (Entry::Refund(refund), Some(content)) => {
            let original = core::slice::from_ref(&refund.original);
            named.extend(taken(content, original).map(|leg| leg.record));
        }
        (Entry::Settlement(settlement), Some(content)) => {
            let claim = core::slice::from_ref(&settlement.claim);
            named.extend(taken(content, claim).map(|leg| leg.record));
        }
        _ => {}
    }
    named.sort_unstable();
    named.dedup();
    named
}

const fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Payment(_) => "payment",
        Entry::Ack(_) => "ack",
        Entry::Refuse(_) => "refuse",
        Entry::Hold(_) => "hold",
        Entry::Resolve(_) => "resolve",
        Entry::Refund(_) => "refund",
        Entry::Settlement(_) => "settlement",
        Entry::Note(_) | Entry::Remark(_) => "note",
    }
}
