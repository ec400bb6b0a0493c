//! How final positions are, by the definition and not by the code under test.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::query::{ByFinality, Line, PageSize, Query};
use icn_ledger::{Entry, Finality};
use icn_types::id::{ChainId, RecordId};

use super::answers::Answers;
use super::properties::{Kept, Property, label, need};
use super::replica::Replica;
use super::tally::{named, resolved};
use super::world::World;

/// How final a host is told that an account stands.
#[derive(Debug, PartialEq)]
pub(super) struct Finalities {
    /// After each record.
    after: Vec<Finality>,
    /// Of statements up to each record, and up to one that is not there.
    stated: Vec<Finality>,
    split: ByFinality,
}

impl Finalities {
    pub(super) fn all(world: &World, query: &Query<'_>) -> BTreeMap<ChainId, Self> {
        let members = world.members.iter();
        members
            .map(|member| (member.id, Self::of(query, &member.id)))
            .collect()
    }

    fn of(query: &Query<'_>, chain: &ChainId) -> Self {
        let known = (0..).map_while(|seq| query.position_at(chain, seq));
        let after: Vec<Finality> = known.map(|known| known.finality).collect();
        let size = PageSize::new(1).unwrap();
        let stated = (0..).take(after.len() + 1).map(|last| {
            let statement = query.statement(chain, 0, last, None, size);
            statement.unwrap().finality
        });
        Self {
            stated: stated.collect(),
            split: query.by_finality(chain),
            after,
        }
    }
}

/// Records that posted records of other accounts rely on: they took a leg of
/// them, or ended a hold.
fn relied_on(world: &World, replica: &Replica) -> BTreeSet<RecordId> {
    let (set, canonical) = (&replica.set, replica.set.canonical());
    let posted = canonical
        .slots()
        .filter(|&slot| label(replica, &canonical, slot) == "posted");
    let posted: Vec<RecordId> = posted.map(|slot| set.record(slot).id()).collect();
    let mut found = BTreeSet::new();
    for by in posted {
        let mut relied = resolved(world, &by);
        match world.entries.get(&by) {
            Some(Entry::Ack(ack)) => {
                relied.extend(ack.legs.iter().map(|leg| named(world, &by, leg).record));
            }
            Some(Entry::Refuse(refuse)) => {
                relied.extend(refuse.legs.iter().map(|leg| named(world, &by, leg).record));
            }
            _ => {}
        }
        let own = world.record(&by).chain();
        relied.retain(|id| world.record(id).chain() != own);
        found.extend(relied);
    }
    found
}

pub(super) fn finality_is_as_defined(world: &World, replica: &Replica, answers: &Answers) -> Kept {
    let (set, relied) = (&replica.set, relied_on(world, replica));
    for (chain, told) in &answers.finality {
        let decided = set.spine(chain).iter();
        let decided = decided.take_while(|&&slot| replica.verdict(slot) != "waiting");
        let path: Vec<RecordId> = decided.map(|&slot| set.record(slot).id()).collect();
        let sealed = set.sealed_len(chain).min(path.len());
        let reached = path.iter().rposition(|id| relied.contains(id));
        let reached = reached.map_or(0, |last| last + 1).max(sealed);
        let after = (0..path.len()).map(|at| match at {
            at if at < sealed => Finality::Sealed,
            at if at < reached => Finality::Acknowledged,
            _ => Finality::Local,
        });
        let after: Vec<Finality> = after.collect();
        let stated: Vec<Finality> = after.iter().copied().chain([Finality::Local]).collect();
        let at = |len: usize| u64::try_from(len).unwrap();
        let sum = |first: usize, end: usize| -> i128 {
            let within = answers.lines[chain].iter();
            let within = within.filter(|line| (at(first)..at(end)).contains(&line.seq));
            within.map(Line::change).sum()
        };
        let split = [(0, sealed), (sealed, reached), (reached, path.len())];
        let split = split.map(|(first, end)| sum(first, end));
        let said = [told.split.sealed, told.split.acknowledged, told.split.local];
        let kept = told.after == after
            && told.stated == stated
            && said.map(|position| position.get()) == split;
        need(world, kept, Property::Columns, || {
            format!("{chain} is told {told:#?}, it is {after:?} and {split:?}")
        })?;
        let now = replica.ledger.positions(set, chain);
        let last = after.last().copied().unwrap_or(Finality::Sealed);
        let unsealed = i128::try_from(now.unsealed).unwrap();
        let spendable = now.limits.map_or(0, |limits| {
            let charged = set
                .office()
                .and_then(|office| office.seat(chain))
                .unwrap()
                .charged();
            let within = unsealed.min(limits.float.into()) - unsealed;
            let bounds = i128::from(charged) + i128::from(limits.floor);
            now.posted.get() + within - bounds - limits.available.get()
        });
        need(
            world,
            now.finality == last && spendable == 0,
            Property::Columns,
            || format!("{chain} stands at {now:#?}, as {last:?}"),
        )?;
    }
    Ok(())
}
