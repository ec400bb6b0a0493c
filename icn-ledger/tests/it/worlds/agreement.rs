//! What replicas with equal canonical sets agree about.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::Columns;
use icn_types::id::{Digest, RecordId};
use icn_types::record::Record;
use icn_types::sign::Signed;
use icn_types::topic::Topic;

use super::answers::Answers;
use super::chance::Chance;
use super::properties::{Broken, Kept, Property, conserves, label, need};
use super::replica::Replica;
use super::tally::Tally;
use super::world::{Bug, World};

/// Canonical records, each with whether its content is here.
fn items(replica: &Replica) -> BTreeMap<RecordId, bool> {
    let set = &replica.set;
    let slots = set.canonical().slots().collect::<Vec<_>>();
    slots
        .into_iter()
        .map(|slot| set.record(slot))
        .map(|record| (record.id(), record.content().is_some()))
        .collect()
}

fn difference(one: &BTreeMap<RecordId, bool>, other: &BTreeMap<RecordId, bool>) -> Vec<RecordId> {
    let all: BTreeSet<&RecordId> = one.keys().chain(other.keys()).collect();
    let apart = all.into_iter().filter(|&id| one.get(id) != other.get(id));
    apart.copied().collect()
}

/// How some records stand at a replica.
fn describe(replica: &Replica, ids: &[RecordId]) -> String {
    let (set, canonical) = (&replica.set, replica.set.canonical());
    let mut text = String::new();
    for id in ids {
        let Some(slot) = set.find(id) else {
            text += &format!("\n  {id:?} is not held");
            continue;
        };
        let record = set.record(slot);
        text += &format!(
            "\n  {id:?} {:?} of {:?} #{} after {:?} under {:?}: {}, {}, spine {} sealed {} fork {:?}",
            record.kind(),
            record.chain(),
            record.seq(),
            record.prev(),
            record.epoch(),
            replica.verdict(slot),
            label(replica, &canonical, slot),
            set.spine(&record.chain()).len(),
            set.sealed_len(&record.chain()),
            set.fork(&record.chain())
                .map(|(a, b)| [a, b].map(|slot| set.record(slot).id())),
        );
    }
    text
}

/// Everything that must be equal where canonical sets are.
pub(super) struct View {
    digests: [Digest; 2],
    verdicts: BTreeMap<RecordId, &'static str>,
    columns: Columns,
    labels: Digest,
    pub(super) tally: Tally,
    pub(super) answers: Answers,
}

impl View {
    fn of(world: &World, replica: &Replica) -> Self {
        let (set, ledger, canonical) = (&replica.set, &replica.ledger, replica.set.canonical());
        let topics = [Topic::Authority(world.domain), world.topic];
        let verdict = |slot| (set.record(slot).id(), replica.verdict(slot));
        Self {
            digests: topics.map(|topic| canonical.digest(topic.id())),
            verdicts: canonical.slots().map(verdict).collect(),
            columns: ledger.columns(set).into_owned(),
            labels: ledger.label_digest(set),
            tally: Tally::of(world, replica),
            answers: Answers::of(world, replica),
        }
    }
}

fn agree(world: &World, one: &View, other: &View, which: &str) -> Kept {
    let kept = one.digests == other.digests;
    need(world, kept, Property::Convergence, || {
        format!("set digests differ {which}")
    })?;
    let kept = one.verdicts == other.verdicts;
    need(world, kept, Property::Convergence, || {
        let (one, other) = (one.verdicts.iter(), other.verdicts.iter());
        let apart: Vec<_> = one.zip(other).filter(|(one, other)| one != other).collect();
        format!("verdicts differ {which}: {apart:#?}")
    })?;
    let equal =
        one.columns == other.columns && one.labels == other.labels && one.tally == other.tally;
    need(world, equal, Property::Convergence, || {
        format!("labels or columns differ {which}")
    })?;
    let kept = one.answers == other.answers;
    need(world, kept, Property::Convergence, || {
        let answers = [&one.answers, &other.answers];
        format!("answers differ {which}: {answers:#?}")
    })
}

/// What each replica shows, if all show the same.
pub(super) fn replicas_agree(world: &World) -> Result<Vec<View>, Broken> {
    let first = items(&world.replicas[0]);
    let mut views = vec![View::of(world, &world.replicas[0])];
    for (node, replica) in world.replicas.iter().enumerate().skip(1) {
        let other = items(replica);
        need(world, first == other, Property::Exchange, || {
            let apart = difference(&first, &other);
            let (one, other) = (
                describe(&world.replicas[0], &apart),
                describe(replica, &apart),
            );
            format!("canonical sets differ:{one}\n --{other}")
        })?;
        let view = View::of(world, replica);
        agree(world, &views[0], &view, &format!("at replica {node}"))?;
        views.push(view);
    }
    Ok(views)
}

/// The canonical set alone, in any order, with contents late: the same again.
pub(super) fn order_does_not_matter(world: &World, view: &View) -> Kept {
    let mut chance = Chance::new(!world.seed);
    let held = &world.replicas[0];
    let items = items(held);
    let mut left: Vec<Signed<Record>> = Vec::new();
    for (id, has_content) in &items {
        if *has_content {
            left.push(world.all[id].clone());
        }
        if let Some(bare) = world.bare.get(id) {
            left.push(bare.clone());
        }
    }
    chance.shuffle(&mut left);
    let fresh = insert_all(world, left);
    let again = self::items(&fresh);
    let same = items == again && fresh.set.len() == items.len();
    need(world, same, Property::Convergence, || {
        let apart = difference(&items, &again);
        let (held, fresh) = (describe(held, &apart), describe(&fresh, &apart));
        format!("the canonical part of a canonical set is another one:{held}\n --{fresh}")
    })?;
    if world.has(Bug::SumsOverAllHeld) {
        return Ok(());
    }
    let other = View::of(world, &fresh);
    agree(world, view, &other, "in another order")?;
    conserves(world, &fresh)
}

fn insert_all(world: &World, mut left: Vec<Signed<Record>>) -> Replica {
    // Nothing is stored before the charter, whatever the order.
    let mut replica = world.founded.clone();
    loop {
        let mut refused = Vec::new();
        let before = left.len();
        for record in left {
            let id = record.id();
            let known = replica.holds_content(&id);
            if !replica.take(record.clone()) && !known && replica.set.find(&id).is_none() {
                refused.push(record);
            }
        }
        if refused.is_empty() || refused.len() == before {
            replica.refresh();
            return replica;
        }
        left = refused;
    }
}

/// Parts that are closed under ancestors: sums are zero and verdicts are the
/// same or wait.
pub(super) fn parts_agree(world: &World) -> Kept {
    let mut chance = Chance::new(world.seed ^ 0x5EED);
    let held = &world.replicas[0];
    let all: Vec<RecordId> = items(held).into_keys().collect();
    for _ in 0..2 {
        let mut todo: Vec<RecordId> = (0..chance.between(1, 30))
            .map(|_| chance.pick(&all))
            .collect();
        let mut part = BTreeSet::new();
        while let Some(id) = todo.pop() {
            let Some(slot) = held.set.find(&id) else {
                continue;
            };
            if part.insert(slot) {
                let record = held.set.record(slot);
                todo.extend(record.prev().into_iter().chain(record.epoch()));
                todo.extend(record.refs());
            }
        }
        let records = part.iter().map(|&slot| {
            let record = held.set.record(slot);
            let from = if record.content().is_some() {
                &world.all
            } else {
                &world.bare
            };
            from[&record.id()].clone()
        });
        let part = insert_all(world, records.collect());
        for slot in part.set.slots() {
            let id = part.set.record(slot).id();
            let (one, whole) = (part.verdict(slot), held.set.find(&id));
            let whole = whole.map(|slot| held.verdict(slot));
            need(
                world,
                one == "waiting" || Some(one) == whole,
                Property::Verdicts,
                || format!("{id} is {one} in a part and {whole:?} in the whole"),
            )?;
        }
        conserves(world, &part)?;
    }
    Ok(())
}
