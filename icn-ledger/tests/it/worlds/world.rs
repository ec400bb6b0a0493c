//! A world: a few replicas in one place, members who are honest or not, a
//! registrar, and records that arrive late, twice, out of order or never.
//!
//! Everything follows from one seed. Signatures are real; each is checked once
//! and the checked record handed from replica to replica.

use std::collections::{BTreeMap, BTreeSet};

use icn_ledger::{Entry, Unit};
use icn_types::authority::{Act, Charter, FORMAT, Grant, Start};
use icn_types::canon::{List, Raw};
use icn_types::chain::{Chain, Owner};
use icn_types::id::{DomainId, RecordId};
use icn_types::key::{Inception, Keypair, PublicKey};
use icn_types::record::{Content, Draft, Kind, Place, Record};
use icn_types::sign::Signed;
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

use super::chance::Chance;
use super::member::{Member, Nature};
use super::replica::Replica;
use crate::market::hours;

/// A rule that a test switches off to see a property break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// A replica drops payments that its own view of balances does not cover.
    LimitOnArrival,
    /// Sums are counted over all that a replica holds.
    SumsOverAllHeld,
    /// A record that waits is told to be Valid.
    VerdictBeforeAncestors,
    /// A leg counts once for each branch that takes it.
    TakenOnEachBranch,
    /// Unsealed credit is spendable without a float.
    NoFloat,
    /// Accounts have no floor.
    NoFloor,
    /// Receivers get an epoch like any owner's.
    FreeReceivers,
    /// The registrar charges nothing.
    NoCharge,
    /// A payee takes two payments of one payer under one key.
    NoKeyRule,
    /// Parts come out of their hold although the Resolve is not posted.
    ResolverNotCharged,
    /// A side takes a part of a hold by each Resolve.
    PartPerResolve,
    /// Refunds of a leg are not added up.
    NoRefundBound,
    /// A payee takes a settlement and keeps the claim as well.
    SettlementAdds,
    /// A payee takes two settlements of one claim.
    SettledTwice,
    /// Claims are paid that no Open charged.
    SettledUncharged,
    /// Nobody adopts Opens of a dropped branch.
    NoAdoption,
    /// Honest members sign whatever their replica drafts.
    ForgetfulWriters,
    /// Records beside the spines are not exchanged.
    NoEvidence,
    /// What is not sealed is called final.
    FinalBeforeSeal,
}

/// A record as it is offered: whether it lies beside the authority chain, its
/// position there, its id, and whether its content comes along.
type Offered = (bool, u64, RecordId, bool);

#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) bug: Option<Bug>,
    pub(super) chance: Chance,
    pub(super) unit: Unit,
    pub(super) domain: DomainId,
    pub(super) topic: Topic,
    pub(super) replicas: Vec<Replica>,
    /// A replica that holds the charter and nothing else.
    pub(super) founded: Replica,
    pub(super) members: Vec<Member>,
    /// The members of the roll, ascending, with their first keys.
    pub(super) people: Vec<(Inception, Keypair)>,
    pub(super) council: Keypair,
    /// Every record that was ever signed.
    pub(super) all: BTreeMap<RecordId, Signed<Record>>,
    /// The same in the order of signing.
    pub(super) order: Vec<RecordId>,
    pub(super) bare: BTreeMap<RecordId, Signed<Record>>,
    pub(super) entries: BTreeMap<RecordId, Entry>,
    pub(super) acts: BTreeMap<RecordId, Act>,
    /// What each Open should charge.
    pub(super) charges: BTreeMap<RecordId, u64>,
    /// The Ready that appointed the receiver of each such Open.
    pub(super) received: BTreeMap<RecordId, RecordId>,
    /// The key of each Open.
    pub(super) keys: BTreeMap<RecordId, Keypair>,
    /// On its way: to which replica, which record.
    post: Vec<(usize, RecordId)>,
    pub(super) registrar: Keypair,
    pub(super) term: RecordId,
    pub(super) authority_tip: RecordId,
    pub(super) will_fork: bool,
    pub(super) forked_at: Option<u64>,
    pub(super) recalled: bool,
    /// A replica that hears nothing for a while; others hear it.
    pub(super) deaf: Option<usize>,
    pub(super) now: u64,
    pub(super) facts: BTreeMap<&'static str, u64>,
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut chance = Chance::new(seed);
        let count = chance.index(6) + 3;
        let (charter, people, registrar, council) = found(&mut chance, count);
        let content = Content::new(Vec::new(), None, &charter).unwrap();
        let at = Timestamp::from_millis(0);
        let draft = Draft::new(Place::Founding, Kind::CHARTER, at, content).unwrap();
        let id = draft.header().id();
        let domain = DomainId::from_bytes(*id.as_bytes());
        let unit = hours(domain);
        let nodes = chance.index(3) + 3;
        let charter = draft.sign(&registrar).unwrap();
        let mut founded = Replica::new(domain, unit);
        founded.take(charter.clone());
        let mut world = Self {
            seed,
            bug,
            unit,
            domain,
            topic: Topic::Ledger(domain, unit.id()),
            replicas: vec![founded.clone(); nodes],
            founded,
            members: Vec::new(),
            people,
            council,
            all: BTreeMap::new(),
            order: Vec::new(),
            bare: BTreeMap::new(),
            entries: BTreeMap::new(),
            acts: BTreeMap::new(),
            charges: BTreeMap::new(),
            received: BTreeMap::new(),
            keys: BTreeMap::new(),
            post: Vec::new(),
            term: id,
            authority_tip: id,
            will_fork: chance.percent(30),
            forked_at: None,
            recalled: false,
            deaf: None,
            now: 0,
            facts: BTreeMap::new(),
            registrar,
            chance,
        };
        world.enter(charter);
        world.settle(count);
        world
    }

    /// Members and a treasury, each with a first Open.
    fn settle(&mut self, count: usize) {
        let bad = self.chance.pick(&[0, 0, 1, 1, 2, 3, count - 1]);
        for number in 0..=count {
            let person = self.people.get(number);
            let owner = person.map_or(Owner::Shared(0), |(person, _)| {
                Owner::Member(person.id(), 0)
            });
            let key = person.map_or_else(|| self.chance.key(), |(_, key)| key.clone());
            let honest = if number < count {
                number >= bad
            } else {
                self.chance.percent(70)
            };
            let nature = match honest {
                true => Nature::Honest,
                false if self.chance.percent(40) && number < count => Nature::Colluder,
                false => Nature::Byzantine,
            };
            let chain = self.topic.chain(owner);
            let float = self.chance.pick(&[0, 20]);
            let ceiling = self.chance.pick(&[i64::MAX, i64::MAX, 120]);
            self.members.push(Member {
                chain,
                id: chain.id(),
                node: self.chance.index(self.replicas.len()),
                nature,
                grant: Grant {
                    floor: -100,
                    ceiling,
                    float,
                },
                tip: None,
                epoch: None,
                agreed: None,
                next_key: None,
                cut: None,
                requests: 0,
                last_wish: None,
                backup: None,
                taken: BTreeSet::new(),
                kept: BTreeSet::new(),
                settled: BTreeSet::new(),
                answered: BTreeMap::new(),
            });
            self.open(number, Start::First, 0, key);
        }
        for node in 1..self.replicas.len() {
            self.sync(0, node, 100);
        }
    }

    pub(super) fn fact(&mut self, what: &'static str) {
        *self.facts.entry(what).or_default() += 1;
    }

    /// Whether a planted bug is at work.
    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// Remembers a record that somebody signed.
    pub(super) fn enter(&mut self, record: Signed<Record>) -> RecordId {
        let id = record.id();
        if let Some(content) = record.content() {
            if let Some(entry) = Entry::of(&record) {
                self.entries.insert(id, entry);
            } else if let Ok(Some(act)) = Act::read(record.kind(), content) {
                self.acts.insert(id, act);
            }
        }
        if self.all.insert(id, record).is_none() {
            self.order.push(id);
        }
        id
    }

    pub(super) fn write(&mut self, draft: Draft, key: &Keypair) -> RecordId {
        self.enter(draft.sign(key).unwrap())
    }

    /// The record as it is sent, with its content or without.
    fn copy(&mut self, id: &RecordId, with_content: bool) -> Signed<Record> {
        let whole = &self.all[id];
        if with_content {
            return whole.clone();
        }
        let bare = self.bare.entry(*id).or_insert_with(|| {
            Record::bare(whole.header().clone(), *whole.signature())
                .verify(&whole.key().prepare())
                .unwrap()
        });
        bare.clone()
    }

    /// Gives a record to a replica. Whether it brought something new.
    pub(super) fn put(&mut self, node: usize, id: &RecordId, with_content: bool) -> bool {
        let record = self.copy(id, with_content);
        self.replicas[node].take(record)
    }

    /// The same for a record that comes from elsewhere.
    pub(super) fn arrive(&mut self, node: usize, id: &RecordId, with_content: bool) -> bool {
        if self.deaf == Some(node) {
            return false;
        }
        if self.has(Bug::LimitOnArrival) && self.seems_too_much(node, id) {
            return false;
        }
        self.put(node, id, with_content)
    }

    /// The planted bug: a limit by what this replica has seen so far.
    fn seems_too_much(&mut self, node: usize, id: &RecordId) -> bool {
        let Some(Entry::Payment(payment)) = self.entries.get(id) else {
            return false;
        };
        let total: u128 = payment
            .legs
            .iter()
            .map(|leg| u128::from(leg.amount.get()))
            .sum();
        let replica = &mut self.replicas[node];
        replica.refresh();
        let chain = self.all[id].chain();
        let limits = replica.ledger.positions(&replica.set, &chain).limits;
        limits.is_none_or(|limits| limits.spendable < total)
    }

    /// Posts a record to about half of the other replicas.
    pub(super) fn spread(&mut self, id: RecordId, home: usize) {
        for node in 0..self.replicas.len() {
            if node != home && self.chance.percent(50) {
                self.post.push((node, id));
            }
        }
    }

    /// Late, reordered, some twice, some lost; the exchange repairs.
    fn deliver(&mut self) {
        let mut post = std::mem::take(&mut self.post);
        self.chance.shuffle(&mut post);
        for (node, id) in post {
            if self.chance.percent(50) && !self.arrive(node, &id, true) {
                self.fact("delivered in vain");
            }
            if self.chance.percent(30) {
                self.post.push((node, id));
            }
        }
    }

    /// `from` sends what of its canonical set the other lacks, each with a
    /// chance. Answers how much was new.
    pub(super) fn sync(&mut self, from: usize, to: usize, percent: u64) -> usize {
        let offer = self.offer(from);
        self.send(&offer, to, percent)
    }

    /// What a replica offers to others: records of the authority first.
    fn offer(&self, from: usize) -> Vec<Offered> {
        let set = &self.replicas[from].set;
        let canonical = set.canonical();
        let spines_only = self.has(Bug::NoEvidence);
        let slots = canonical.slots();
        let mut offer: Vec<Offered> = slots
            .filter(|&slot| !spines_only || set.on_spine(slot))
            .map(|slot| {
                let record = set.record(slot);
                let beside_authority = record.chain() != set.authority();
                let has_content = record.content().is_some();
                (beside_authority, record.seq(), record.id(), has_content)
            })
            .collect();
        offer.sort_unstable();
        offer
    }

    fn send(&mut self, offer: &[Offered], to: usize, percent: u64) -> usize {
        let other = &self.replicas[to];
        let is_missing = |id: &RecordId, has_content: bool| {
            other.set.find(id).is_none() || (has_content && !other.holds_content(id))
        };
        let missing: Vec<(RecordId, bool)> = offer
            .iter()
            .map(|&(_, _, id, has_content)| (id, has_content))
            .filter(|(id, has_content)| is_missing(id, *has_content))
            .collect();
        let mut new = 0;
        for (id, has_content) in missing {
            if self.chance.percent(percent) {
                new += usize::from(self.arrive(to, &id, has_content));
            }
        }
        new
    }

    /// Runs the world, with a look at it now and then.
    pub(super) fn run<E>(
        &mut self,
        steps: u64,
        mut look: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        for step in 0..steps {
            self.now += 1;
            let who = self.chance.index(self.members.len());
            self.author(who);
            if self.chance.percent(25) {
                self.keep_office();
            }
            if self.settles() && self.chance.percent(10) {
                self.lose();
            }
            if self.settles() && self.chance.percent(30) {
                self.make_whole();
            }
            if self.will_fork
                && self.forked_at.is_none()
                && step > steps / 3
                && self.chance.percent(10)
            {
                self.fork_office();
            }
            if self.forked_at.is_some() && !self.recalled && self.chance.percent(15) {
                self.recall();
            }
            if self.recalled && self.chance.percent(10) {
                self.deaf = None;
            }
            self.deliver();
            if self.chance.percent(30) {
                let from = self.chance.index(self.replicas.len());
                let to = self.chance.index(self.replicas.len());
                let percent = self.chance.pick(&[30, 100]);
                if from != to {
                    self.sync(from, to, percent);
                }
            }
            if step % 12 == 11 {
                look(self)?;
            }
        }
        Ok(())
    }

    /// Exchanges until nothing is new. Answers the number of rounds.
    fn quiesce(&mut self, limit: usize) -> Option<usize> {
        self.deaf = None;
        let count = self.replicas.len();
        (0..limit).find(|_| {
            let mut new = 0;
            for from in 0..count {
                let offer = self.offer(from);
                for to in (0..count).filter(|&to| to != from) {
                    new += self.send(&offer, to, 100);
                }
            }
            new == 0
        })
    }

    pub(super) fn record(&self, id: &RecordId) -> &Record {
        &self.all[id]
    }

    /// Exchanges, lets the registrar adopt what it missed, exchanges again.
    pub(super) fn end(&mut self, limit: usize) -> Option<usize> {
        let rounds = self.quiesce(limit)?;
        self.adopt_late();
        Some(rounds.max(self.quiesce(limit)?))
    }

    /// A place after a record of the chain, or at its start.
    pub(super) fn place(&self, chain: &Chain, epoch: RecordId, prev: Option<RecordId>) -> Place {
        Place::Entry {
            topic: chain.topic(),
            chain: chain.id(),
            epoch,
            seq: prev.map_or(0, |prev| self.record(&prev).seq() + 1),
            prev,
        }
    }
}

fn found(
    chance: &mut Chance,
    count: usize,
) -> (Charter, Vec<(Inception, Keypair)>, Keypair, Keypair) {
    let nonce = *public(&chance.key()).as_bytes();
    let mut people: Vec<(Inception, Keypair)> = (0..count)
        .map(|_| {
            let key = chance.key();
            let inception = Inception {
                community: nonce,
                key: public(&key),
                recovery: public(&chance.key()),
            };
            (inception, key)
        })
        .collect();
    people.sort_by_key(|(inception, _)| inception.id());
    let (registrar, council) = (chance.key(), chance.key());
    let roll: Vec<Inception> = people.iter().map(|(person, _)| person.clone()).collect();
    let charter = Charter {
        nonce,
        format: FORMAT,
        registrar: public(&registrar),
        recovery: List::new([public(&council)]).unwrap(),
        roll: List::new(roll).unwrap(),
        seal_interval: 1000,
        rules: Raw::of(&0_u64),
    };
    (charter, people, registrar, council)
}

pub(super) fn public(key: &Keypair) -> PublicKey {
    use icn_types::key::Signer as _;
    key.public_key()
}
