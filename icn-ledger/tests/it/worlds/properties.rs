//! The properties, looked at while a world runs and at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;

use icn_ledger::Finality;
use icn_ledger::ledger::Refreshed;
use icn_ledger::query::Register;
use icn_types::id::RecordId;
use icn_types::set::{Canonical, Label, Slot};

use super::agreement::{View, order_does_not_matter, parts_agree, replicas_agree};
use super::answers::answers_are_right;
use super::mandates::mandates_are_kept;
use super::replica::Replica;
use super::safety::{
    honest_members_are_safe, keys_are_paid_once, loss_is_bounded, nobody_overspends,
    parts_are_taken_once, refunds_are_bounded,
};
use super::settlements::claims_are_settled_once;
use super::tally::Tally;
use super::world::{Bug, World};

/// What every world must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    /// Equal canonical sets give equal verdicts, labels, columns and digests,
    /// whatever the order in which they came.
    Convergence,
    /// A verdict moves once, from waiting, on any part of the records.
    Verdicts,
    /// Posted, contested, in transit and held add up to zero.
    Conservation,
    /// No record worsens a position beyond floor, real credit and float.
    Limit,
    /// What can be lost is bounded by floors and floats.
    Loss,
    /// A payer's key is paid once to a payee, a hold once to each side, and a
    /// leg is paid back once at most.
    Once,
    /// Receivers send what was decided, and envelopes hold.
    Mandate,
    /// A payee is paid once for a claim, and nobody pays more for what an
    /// account owes than it was charged.
    Settlement,
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

pub(super) type Kept = Result<(), Broken>;

pub(super) fn need(
    world: &World,
    kept: bool,
    property: Property,
    what: impl FnOnce() -> String,
) -> Kept {
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
    let views = at_the_end(&mut world)?;
    watch.at_the_end(&world, &views)?;
    Ok((world, rounds.unwrap_or_default()))
}

/// What was seen while the world ran.
#[derive(Default)]
struct Watch {
    /// Verdicts that some replica came to.
    told: BTreeMap<RecordId, &'static str>,
    /// Verdicts by replica.
    told_by: BTreeMap<(usize, RecordId), &'static str>,
    /// Registers that grow with their replicas.
    registers: BTreeMap<usize, Register>,
    /// Labels below Seals, by replica.
    sealed: BTreeMap<usize, BTreeMap<RecordId, &'static str>>,
}

impl Watch {
    fn look(&mut self, world: &mut World) -> Kept {
        for node in 0..world.replicas.len() {
            columns_are_counted(world, node)?;
            self.verdicts_move_once(world, node)?;
            self.seals_hold(world, node)?;
            let replica = &world.replicas[node];
            let register = self.registers.entry(node).or_default();
            register.query(&replica.set, &replica.ledger);
        }
        Ok(())
    }

    fn at_the_end(&mut self, world: &World, views: &[View]) -> Kept {
        for (node, register) in &mut self.registers {
            let answers = &views[*node].answers;
            answers_are_right(world, &world.replicas[*node], answers, register)?;
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
pub(super) fn label(replica: &Replica, canonical: &Canonical<'_>, slot: Slot) -> &'static str {
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
    let refreshed = world.replicas[node].refresh();
    let world = &*world;
    let replica = &world.replicas[node];
    need(world, replica.is_right, Property::Columns, || {
        format!("replica {node} kept up other columns than it counted")
    })?;
    if refreshed == Refreshed::Nothing {
        let maintained = replica.ledger.columns(&replica.set);
        let counted = replica.ledger.recount(&replica.set);
        need(world, *maintained == counted, Property::Columns, || {
            format!("replica {node} maintains other columns than it counts")
        })?;
    }
    conserves(world, replica)
}

pub(super) fn conserves(world: &World, replica: &Replica) -> Kept {
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
    let least = tally.least();
    need(world, least >= 0, Property::Conservation, || {
        format!("{least} in transit or held")
    })?;
    let counts_otherwise = [
        Bug::SumsOverAllHeld,
        Bug::TakenOnEachBranch,
        Bug::NoKeyRule,
        Bug::ResolverNotCharged,
        Bug::PartPerResolve,
        Bug::NoRefundBound,
        Bug::SettlementAdds,
        Bug::SettledTwice,
        Bug::SettledUncharged,
    ];
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
    for (hold, held) in columns.held() {
        other.held.insert(hold, i128::from(held.amount.get()));
    }
    other.taken.clone_from(&tally.taken);
    other.assumed.clone_from(&tally.assumed);
    need(world, tally == other, Property::Columns, || {
        format!("columns are {other:?}, the second count says {tally:?}")
    })
}

/// Answers with what each replica shows.
fn at_the_end(world: &mut World) -> Result<Vec<View>, Broken> {
    for replica in &mut world.replicas {
        replica.refresh();
    }
    let world = &*world;
    let views = replicas_agree(world)?;
    order_does_not_matter(world, &views[0])?;
    parts_agree(world)?;
    let tally = &views[0].tally;
    claims_are_settled_once(world)?;
    keys_are_paid_once(world, tally)?;
    parts_are_taken_once(world, tally)?;
    refunds_are_bounded(world)?;
    mandates_are_kept(world, tally)?;
    honest_members_are_safe(world)?;
    if world.forked_at.is_none() {
        loss_is_bounded(world, tally)?;
        nobody_overspends(world)?;
    }
    Ok(views)
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
    if replica
        .ledger
        .columns(set)
        .accounts()
        .any(|(_, column)| column.charged > 0)
    {
        found.push("charged at the end");
    }
    if world.forked_at.is_none() {
        found.push("registrar did not fork");
    }
    found.extend(world.members.iter().map(|member| {
        match replica.ledger.positions(set, &member.id).finality {
            Finality::Local => "local at the end",
            Finality::Acknowledged => "acknowledged at the end",
            Finality::Sealed => "sealed at the end",
        }
    }));
    let kept_up = world.replicas.iter().map(|replica| replica.kept_up).sum();
    found.extend(iter::repeat_n("kept up beside a fork", kept_up));
    let read_back = world.replicas.iter().map(|replica| replica.read_back).sum();
    found.extend(iter::repeat_n("read back", read_back));
    let beside = world
        .replicas
        .iter()
        .map(|replica| replica.read_back_beside);
    found.extend(iter::repeat_n("read back beside a fork", beside.sum()));
    let away = world.replicas.iter().map(|replica| replica.away_beside);
    found.extend(iter::repeat_n("bodies away beside a fork", away.sum()));
    for what in found {
        world.fact(what);
    }
}
