//! What a host is told: equal where canonical sets are, and the same as what
//! columns, labels and verdicts say.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use icn_ledger::Columns;
use icn_ledger::query::{
    Claims, Cursor, Dates, Impairment, Line, Listed, Order, Page, PageSize, Quarantined, Query,
    Register, Snapshot,
};
use icn_ledger::text::{Journal, Sides};
use icn_types::id::{ChainId, RecordId};

use super::finality::{Finalities, finality_is_as_defined};
use super::properties::{Kept, Property, label, need};
use super::replica::Replica;
use super::world::World;

/// Everything that can be asked.
#[derive(Debug, PartialEq)]
pub(super) struct Answers {
    pub(super) lines: BTreeMap<ChainId, Vec<Line>>,
    entries: Vec<Listed>,
    quarantine: Vec<Quarantined>,
    evidence: Vec<(RecordId, RecordId)>,
    impairments: Vec<Impairment>,
    claims: Vec<Claims>,
    snapshot: Snapshot,
    pub(super) finality: BTreeMap<ChainId, Finalities>,
    journal: Journal,
}

impl Answers {
    /// By a ledger and a register that are built anew.
    pub(super) fn of(world: &World, replica: &Replica) -> Self {
        let (ledger, register) = Register::with_ledger(&replica.set, *replica.ledger.unit());
        Self::by(world, &register.view(&replica.set, &ledger))
    }

    fn by(world: &World, query: &Query<'_>) -> Self {
        let lines = world.members.iter().map(|member| {
            let lines = all(|after, size| {
                let lines = query.lines(&member.id, Order::NewestFirst, after, size);
                lines.unwrap()
            });
            (member.id, lines)
        });
        Self {
            lines: lines.collect(),
            entries: all(|after, size| query.by_date(Dates::ALL, Order::OldestFirst, after, size)),
            quarantine: all(|after, size| query.quarantine(after, size)),
            evidence: query.evidence().iter().map(|proof| proof.ids()).collect(),
            impairments: query.impairments(),
            claims: query.claims(),
            snapshot: query.snapshot(),
            finality: Finalities::all(world, query),
            journal: Journal::from_ledgers(slice::from_ref(query), Sides::default(), |_| None)
                .unwrap(),
        }
    }
}

fn all<T>(ask: impl Fn(Option<Cursor>, PageSize) -> Page<T>) -> Vec<T> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = ask(after, PageSize::new(7).unwrap());
        found.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// A register that grew with its replica, through forks, Seals and Recalls,
/// answers as one that is built anew, and as columns and labels say.
pub(super) fn answers_are_right(
    world: &World,
    replica: &Replica,
    answers: &Answers,
    grown: &mut Register,
) -> Kept {
    let grown = Answers::by(world, &grown.query(&replica.set, &replica.ledger));
    need(world, *answers == grown, Property::Columns, || {
        format!("a register grew into {grown:#?} and is {answers:#?}")
    })?;
    finality_is_as_defined(world, replica, answers)?;
    let columns = replica.ledger.columns(&replica.set);
    for (chain, lines) in &answers.lines {
        let (sum, posted) = (
            lines.iter().map(Line::change).sum::<i128>(),
            columns.account(chain).posted,
        );
        let last = lines.first().map_or(0, |line| line.position.get());
        let kept = sum == posted && last == posted;
        need(world, kept, Property::Columns, || {
            format!("lines of {chain} add up to {sum} and end at {last}, {posted} is posted")
        })?;
    }
    let journal = &answers.journal;
    let kept = journal.check_assertions().is_ok() && shown(journal) == counted(&columns);
    need(world, kept, Property::Columns, || {
        format!("the journal adds up to {:#?}", shown(journal))
    })?;
    let (set, canonical) = (&replica.set, replica.set.canonical());
    let not_posted: BTreeSet<RecordId> = canonical
        .slots()
        .filter(|&slot| set.record(slot).topic() == replica.ledger.topic())
        .filter(|&slot| label(replica, &canonical, slot) != "posted")
        .map(|slot| set.record(slot).id())
        .collect();
    let named: Vec<RecordId> = answers.quarantine.iter().map(|row| row.record).collect();
    let kept = named == not_posted.into_iter().collect::<Vec<_>>();
    need(world, kept, Property::Columns, || {
        format!("in quarantine are {named:#?}")
    })?;
    for (chain, column) in columns.accounts() {
        let against = answers.claims.iter().find(|claims| claims.author == chain);
        let claimed = against.map_or(0, |claims| claims.claimed);
        need(world, claimed == column.charged, Property::Columns, || {
            format!(
                "{claimed} is claimed of {chain}, {} charged",
                column.charged
            )
        })?;
    }
    Ok(())
}

/// Balances of a journal that are not zero, by account.
fn shown(journal: &Journal) -> BTreeMap<String, i128> {
    let balances = journal.balances();
    let some = balances.iter().filter(|(.., atoms)| *atoms != 0);
    some.map(|(name, _, atoms)| (name.to_string(), atoms))
        .collect()
}

/// Columns that are not zero, by the accounts that show them.
fn counted(columns: &Columns) -> BTreeMap<String, i128> {
    let mut counted = BTreeMap::new();
    for (chain, column) in columns.accounts() {
        let name = format!("accounts:{chain}");
        let aside = |atoms: u128| i128::try_from(atoms).unwrap();
        counted.extend([
            (name.clone(), column.posted),
            (format!("held:{name}"), aside(column.held)),
            (format!("in transit:{name}"), aside(column.outgoing)),
            (format!("contested:{name}"), column.contested),
        ]);
    }
    counted.retain(|_, atoms| *atoms != 0);
    counted
}
