//! The nine properties, looked at while a world runs and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use icn_ledger::{Entry, Ledger};
use icn_types::authority::Act;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Place, Record};
use icn_types::set::{Canonical, Label, Slot};
use icn_types::sign::Signed;
use icn_types::topic::Topic;

use super::chance::Chance;
use super::tally::{Tally, sends, takes};
use super::world::{Bug, Member, Replica, World};

/// What every world must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    /// Equal canonical sets give equal verdicts, labels, columns and digests,
    /// whatever the order in which they came.
    Convergence,
    /// A verdict moves once, from waiting, on any part of the records.
    Verdicts,
    /// Posted, contested and in transit add up to zero.
    Conservation,
    /// No record worsens a position beyond floor, real credit and float.
    Limit,
    /// What can be lost is bounded by floors and floats.
    Loss,
    /// A payer's key is paid once to a payee.
    Once,
    /// Honest members are never convicted, made Invalid or kept waiting.
    Honesty,
    /// The exchange ends, with equal canonical sets.
    Exchange,
    /// Below a Seal no label changes while the registrar does not fork.
    Seals,
    /// Maintained columns are the counted ones, counted in two ways.
    Columns,
}

#[derive(Debug)]
pub(super) struct Broken {
    pub(super) seed: u64,
    pub(super) property: Property,
    pub(super) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            property,
            what,
        } = self;
        write!(
            f,
            "world {seed} breaks {property:?}: {what}\n  replay: ICN_WORLD={seed} cargo test \
             -p icn-ledger --test it worlds::one_world -- --ignored --nocapture"
        )
    }
}

type Kept = Result<(), Broken>;

fn need(world: &World, kept: bool, property: Property, what: impl FnOnce() -> String) -> Kept {
    if kept {
        return Ok(());
    }
    Err(Broken {
        seed: world.seed,
        property,
        what: what(),
    })
}

/// Runs one world to its end. Answers with the world and the rounds that the
/// exchange took.
pub(super) fn run(seed: u64, steps: u64, bug: Option<Bug>) -> Result<(World, usize), Broken> {
    let mut world = World::new(seed, bug);
    let mut watch = Watch::default();
    world.run(steps, |world| watch.look(world))?;
    let rounds = world.end(40);
    let kept = rounds.is_some();
    need(&world, kept, Property::Exchange, || {
        "the exchange does not end".into()
    })?;
    watch.look(&mut world)?;
    at_the_end(&mut world)?;
    Ok((world, rounds.unwrap_or_default()))
}

/// What was seen while the world ran.
#[derive(Default)]
struct Watch {
    /// Verdicts that some replica came to.
    told: BTreeMap<RecordId, &'static str>,
    /// Verdicts by replica.
    told_by: BTreeMap<(usize, RecordId), &'static str>,
    /// Labels below Seals, by replica.
    sealed: BTreeMap<usize, BTreeMap<RecordId, &'static str>>,
}

impl Watch {
    fn look(&mut self, world: &mut World) -> Kept {
        for node in 0..world.replicas.len() {
            columns_are_counted(world, node)?;
            self.verdicts_move_once(world, node)?;
            self.seals_hold(world, node)?;
        }
        Ok(())
    }

    fn verdicts_move_once(&mut self, world: &World, node: usize) -> Kept {
        let replica = &world.replicas[node];
        for slot in replica.set.slots() {
            let id = replica.set.record(slot).id();
            let now = match replica.verdict(slot) {
                "waiting" if world.has(Bug::VerdictBeforeAncestors) => "valid",
                verdict => verdict,
            };
            let before = self.told_by.insert((node, id), now).unwrap_or("waiting");
            need(
                world,
                before == "waiting" || before == now,
                Property::Verdicts,
                || format!("{id} moved from {before} to {now}"),
            )?;
            if now != "waiting" {
                let other = *self.told.entry(id).or_insert(now);
                need(world, other == now, Property::Verdicts, || {
                    format!("{id} is {now} here and {other} elsewhere")
                })?;
            }
        }
        Ok(())
    }

    fn seals_hold(&mut self, world: &World, node: usize) -> Kept {
        if world.forked_at.is_some() {
            return Ok(());
        }
        let replica = &world.replicas[node];
        let (set, canonical) = (&replica.set, replica.set.canonical());
        let mut below = BTreeMap::new();
        for member in &world.members {
            let spine = set.spine(&member.id);
            let sealed = if world.has(Bug::FinalBeforeSeal) {
                spine.len()
            } else {
                set.sealed_len(&member.id)
            };
            for &slot in &spine[..sealed] {
                below.insert(set.record(slot).id(), label(replica, &canonical, slot));
            }
        }
        for (id, before) in self.sealed.remove(&node).unwrap_or_default() {
            let now = set.find(&id).map(|slot| label(replica, &canonical, slot));
            need(
                world,
                before == "waiting" || now == Some(before),
                Property::Seals,
                || format!("{id} below a Seal was {before} and is {now:?}"),
            )?;
        }
        self.sealed.insert(node, below);
        Ok(())
    }
}

/// What a record counts as, in one word.
fn label(replica: &Replica, canonical: &Canonical<'_>, slot: Slot) -> &'static str {
    if !canonical.contains(slot) {
        return "outside";
    }
    match (replica.verdict(slot), canonical.label(slot)) {
        ("valid", Label::Posted) => "posted",
        ("valid", Label::Contested) => "contested",
        ("valid", Label::Void) => "void",
        (verdict, _) => verdict,
    }
}

/// Maintained columns are those counted from nothing, and those counted in
/// another way; they add up to zero.
fn columns_are_counted(world: &mut World, node: usize) -> Kept {
    world.replicas[node].refresh();
    let world = &*world;
    let replica = &world.replicas[node];
    let maintained = replica.ledger.columns(&replica.set);
    let counted = replica.ledger.recount(&replica.set);
    need(world, *maintained == counted, Property::Columns, || {
        format!("replica {node} maintains other columns than it counts")
    })?;
    conserves(world, replica)
}

fn conserves(world: &World, replica: &Replica) -> Kept {
    let columns = replica.ledger.columns(&replica.set);
    let tally = Tally::of(world, replica);
    let sum = columns.sum();
    need(world, sum == 0, Property::Conservation, || {
        format!("columns add up to {sum}")
    })?;
    let sum = tally.sum();
    need(
        world,
        sum == 0 || world.has(Bug::SumsOverAllHeld),
        Property::Conservation,
        || format!("the second count adds up to {sum}"),
    )?;
    let least = tally.transit.values().min().copied().unwrap_or_default();
    need(world, least >= 0, Property::Conservation, || {
        format!("{least} in transit")
    })?;
    let counts_otherwise = [Bug::SumsOverAllHeld, Bug::TakenOnEachBranch, Bug::NoKeyRule];
    if counts_otherwise.iter().any(|&bug| world.has(bug)) {
        return Ok(());
    }
    let mut other = Tally::default();
    for (chain, column) in columns.accounts() {
        let charged = i128::try_from(column.charged).unwrap();
        for (sums, atoms) in [
            (&mut other.posted, column.posted),
            (&mut other.contested, column.contested),
            (&mut other.charged, charged),
        ] {
            if atoms != 0 {
                sums.insert(chain, atoms);
            }
        }
    }
    for (leg, transit) in columns.in_transit() {
        other.transit.insert(leg, i128::from(transit.amount.get()));
    }
    other.taken.clone_from(&tally.taken);
    need(world, tally == other, Property::Columns, || {
        format!("columns are {other:?}, the second count says {tally:?}")
    })
}

fn at_the_end(world: &mut World) -> Kept {
    for replica in &mut world.replicas {
        replica.refresh();
    }
    let world = &*world;
    replicas_agree(world)?;
    order_does_not_matter(world)?;
    parts_agree(world)?;
    let tally = Tally::of(world, &world.replicas[0]);
    keys_are_paid_once(world, &tally)?;
    honest_members_are_safe(world)?;
    if world.forked_at.is_none() {
        loss_is_bounded(world, &tally)?;
        nobody_overspends(world)?;
    }
    Ok(())
}

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
fn agree(world: &World, one: &Replica, other: &Replica, which: &str) -> Kept {
    let set = &one.set;
    for topic in [Topic::Authority(world.domain), world.topic] {
        let topic = topic.id();
        let digests = [one, other].map(|replica| replica.set.canonical().digest(topic));
        need(
            world,
            digests[0] == digests[1],
            Property::Convergence,
            || {
                let rows = [one, other].map(|replica| replica.set.canonical().rows(topic));
                format!("set digests differ {which}: {:#?}", rows)
            },
        )?;
    }
    for slot in set.canonical().slots() {
        let id = set.record(slot).id();
        let verdict = one.verdict(slot);
        let twin = other.set.find(&id).map(|slot| other.verdict(slot));
        need(world, twin == Some(verdict), Property::Convergence, || {
            format!("{id} is {verdict} and {twin:?} {which}")
        })?;
    }
    let columns = [one, other].map(|replica| replica.ledger.columns(&replica.set));
    let labels = [one, other].map(|replica| replica.ledger.label_digest(&replica.set));
    let tallies = [one, other].map(|replica| Tally::of(world, replica));
    let equal = columns[0] == columns[1] && labels[0] == labels[1] && tallies[0] == tallies[1];
    need(world, equal, Property::Convergence, || {
        format!("labels or columns differ {which}")
    })
}

fn replicas_agree(world: &World) -> Kept {
    let first = items(&world.replicas[0]);
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
        agree(
            world,
            &world.replicas[0],
            replica,
            &format!("at replica {node}"),
        )?;
    }
    Ok(())
}

/// The canonical set alone, in any order, with contents late: the same again.
fn order_does_not_matter(world: &World) -> Kept {
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
    agree(world, held, &fresh, "in another order")?;
    conserves(world, &fresh)
}

fn insert_all(world: &World, mut left: Vec<Signed<Record>>) -> Replica {
    let mut replica = Replica::new(world.domain, world.unit);
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
fn parts_agree(world: &World) -> Kept {
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

fn keys_are_paid_once(world: &World, tally: &Tally) -> Kept {
    let mut paid: BTreeMap<_, RecordId> = BTreeMap::new();
    for taken in &tally.taken {
        let record = taken.leg.record;
        let Some(Entry::Payment(payment)) = world.entries.get(&record) else {
            continue;
        };
        if !taken.is_posted {
            continue;
        }
        let by = (world.record(&record).chain(), payment.key, taken.payee);
        let first = *paid.entry(by).or_insert(record);
        need(world, first == record, Property::Once, || {
            format!("{first} and {record} are paid under one key")
        })?;
    }
    Ok(())
}

fn honest_members_are_safe(world: &World) -> Kept {
    let replica = &world.replicas[0];
    let (set, canonical) = (&replica.set, replica.set.canonical());
    for member in world.members.iter().filter(|member| member.is_honest()) {
        need(
            world,
            !replica.forked(&member.id),
            Property::Honesty,
            || format!("an honest chain forks: {}", member.id),
        )?;
        for id in world
            .order
            .iter()
            .filter(|id| world.record(id).chain() == member.id)
        {
            let slot = set.find(id);
            let word = slot.map(|slot| label(replica, &canonical, slot));
            let verdict = slot.map(|slot| replica.verdict(slot));
            let kept = if member.cut.is_some() {
                verdict.is_none_or(|verdict| verdict == "valid")
            } else {
                word == Some("posted")
            };
            need(world, kept, Property::Honesty, || {
                format!("an honest record {id} is {verdict:?}, {word:?}")
            })?;
        }
        // While the registrar forks nobody goes on; neither does who agreed to
        // an Open that has not come.
        let waits = replica.forked(&set.authority()) || member.agreed.is_some();
        if waits || member.cut.is_some() {
            continue;
        }
        let place = set.next_place(&member.id);
        let own = matches!(
            place,
            Some(Place::Entry { epoch, prev, .. })
                if Some(epoch) == member.epoch && prev == member.tip
        );
        need(world, own, Property::Honesty, || {
            format!("an honest chain {:?} cannot go on: {place:?}", member.id)
        })?;
    }
    Ok(())
}

/// The lowest floor that an epoch was ever granted, as a credit.
fn credit(world: &World, epoch: &RecordId, member: &Member) -> i128 {
    let raised = world.acts.values().filter_map(|act| match act {
        Act::Raise(raise) if raise.open == *epoch && !world.has(Bug::NoFloor) => Some(raise.floor),
        _ => None,
    });
    let floor = raised
        .min()
        .unwrap_or(member.grant.floor)
        .min(member.grant.floor);
    -i128::from(floor)
}

fn is_posted(replica: &Replica, id: &RecordId) -> bool {
    let slot = replica.set.find(id);
    slot.is_some_and(|slot| replica.is_valid(slot) && replica.set.on_spine(slot))
}

/// With the final labels deciding which credit was real.
fn nobody_overspends(world: &World) -> Kept {
    let replica = &world.replicas[0];
    let set = &replica.set;
    for member in &world.members {
        let (mut sent, mut real, mut ghost) = (0, 0, 0);
        for &slot in set.spine(&member.id) {
            if !replica.is_valid(slot) {
                continue;
            }
            let (record, float) = (set.record(slot), i128::from(member.grant.float));
            let (id, epoch) = (record.id(), record.epoch().unwrap());
            for leg in takes(world, &id) {
                let of = sends(world, &leg.record)
                    .into_iter()
                    .find(|sent| sent.0 == leg);
                let (_, _, _, atoms) = of.unwrap();
                if is_posted(replica, &leg.record) {
                    real += atoms;
                } else {
                    ghost += atoms;
                }
            }
            if !matches!(world.entries[&id], Entry::Payment(_)) {
                continue;
            }
            sent += sends(world, &id).iter().map(|sent| sent.3).sum::<i128>();
            let spent = sent + i128::from(world.charges[&epoch]);
            let limit = credit(world, &epoch, member) + real + ghost.min(float);
            need(world, spent <= limit, Property::Limit, || {
                format!("{id} spends up to {spent} of {limit}")
            })?;
        }
    }
    Ok(())
}

fn loss_is_bounded(world: &World, tally: &Tally) -> Kept {
    let (mut loss, mut bound) = (0, 0);
    for member in &world.members {
        let of = |sums: &BTreeMap<ChainId, i128>| sums.get(&member.id).copied().unwrap_or(0);
        let taken = |real: bool| -> i128 {
            let legs = tally.taken.iter();
            legs.filter(|leg| leg.payee == member.id && leg.is_posted && leg.is_real == real)
                .map(|leg| leg.atoms)
                .sum()
        };
        let (posted, real, ghost) = (of(&tally.posted), taken(true), taken(false));
        let debt = -(posted + of(&tally.contested));
        let spent = real + ghost - posted;
        let floor = i128::from(member.grant.floor).abs();
        let frozen = ghost - ghost.min((spent - real - floor).max(0));
        loss += debt.max(0) - frozen;
        let epochs = world.acts.iter().filter_map(|(id, act)| match act {
            Act::Open(open) if open.chain == member.chain => Some(credit(world, id, member)),
            _ => None,
        });
        bound += epochs.max().unwrap_or(0) + i128::from(member.grant.float);
    }
    need(world, loss <= bound, Property::Loss, || {
        format!("{loss} of {bound} are lost")
    })
}

/// Facts about how a world ended.
pub(super) fn outcome(world: &mut World) {
    let replica = &world.replicas[0];
    let (set, canonical) = (&replica.set, replica.set.canonical());
    let mut found: Vec<&'static str> = Vec::new();
    for slot in set.slots() {
        match (replica.verdict(slot), canonical.contains(slot)) {
            _ if set.record(slot).chain() == set.authority() => {}
            ("valid", true) => found.push(label(replica, &canonical, slot)),
            ("valid", false) => {}
            (verdict, _) => found.push(verdict),
        }
    }
    for slot in canonical.slots() {
        if set.record(slot).content().is_none() {
            found.push("content still withheld");
        }
    }
    let forks = world
        .members
        .iter()
        .filter(|member| replica.forked(&member.id));
    found.extend(forks.map(|_| "fork at the end"));
    if set.len() > canonical.slots().count() {
        found.push("held beyond the canonical set");
    }
    let ledger: &Ledger = &replica.ledger;
    if ledger
        .columns(set)
        .accounts()
        .any(|(_, column)| column.charged > 0)
    {
        found.push("charged at the end");
    }
    if world.forked_at.is_none() {
        found.push("registrar did not fork");
    }
    for what in found {
        world.fact(what);
    }
}
