//! What the stranger of a hostile world writes.

use icn_events::node::Node;
use icn_ledger::entry::{ACK, NOTE, PAYMENT};
use icn_ledger::{Authorized, Policy};
use icn_types::authority::{
    Act, Consent, Finality, Open, Raise, Recall, Seal, SealRow, Sealed, Start, Tip, Vote,
    VoteTerms, Voter,
};
use icn_types::canon::{List, to_bytes};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::{Keypair, Signature, Signer as _};
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::sign::Signed;
use icn_types::testkit::stage::key_of;
use icn_types::time::Timestamp;

use super::super::super::hours;
use super::super::CHARLIE;
use super::World;

/// On members' chains.
impl World {
    pub(super) fn entry(&mut self, node: &Node) -> Option<Signed<Record>> {
        let coop = &self.mixed.village.coop;
        let (bob, voice) = (coop.hours_of(1), coop.voice_of(1));
        let chains = [bob, bob, coop.hours_of(0), voice, coop.supplier()];
        let chain = self.dice.pick(&chains)?;
        let place = self.place(node.set(), &chain)?;
        let at = self.at();
        let entry = match self.dice.roll(6) {
            0..=2 => self.payment(node, &chain).map(|content| (PAYMENT, content)),
            3 => self.ack(node.set(), &chain).map(|content| (ACK, content)),
            _ => None,
        };
        let (kind, content) = match entry {
            Some(entry) => entry,
            None => (NOTE, self.note(node.set(), &chain)?),
        };
        let draft = Draft::new(place, kind, at, content)?;
        draft.sign(&self.key_of(&chain)).ok()
    }

    /// Mostly after a record of the chain, else where an epoch or the chain starts.
    fn place(&mut self, set: &RecordSet, chain: &ChainId) -> Option<Place> {
        let starts = self.starts.iter().filter(|(of, _)| of == chain);
        let starts: Vec<Place> = starts.map(|(_, place)| *place).collect();
        if self.dice.roll(3) == 0 && !starts.is_empty() {
            return self.dice.pick(&starts);
        }
        if self.dice.roll(25) == 0 {
            let first = of_chain(set, chain).next()?;
            return Some(*set.record(first).header().place());
        }
        let after = self.after(set, chain)?;
        set.record(after).header().next_place()
    }

    /// A record to follow: the end of a branch or of the spine, or any.
    fn after(&mut self, set: &RecordSet, chain: &ChainId) -> Option<Slot> {
        let all: Vec<Slot> = of_chain(set, chain).collect();
        let is_end = |slot: &&Slot| !all.iter().any(|other| set.prev(*other) == Some(**slot));
        let ends: Vec<Slot> = all.iter().filter(is_end).copied().collect();
        match self.dice.roll(8) {
            0 => self.dice.pick(&all),
            1 | 2 => self.dice.pick(&all[all.len().saturating_sub(5)..]),
            3 => set.spine(chain).last().copied(),
            _ => self.dice.pick(&ends),
        }
    }

    fn payment(&mut self, node: &Node, chain: &ChainId) -> Option<Content> {
        let coop = &self.mixed.village.coop;
        let (unit, at) = (coop.hours, Timestamp::from_millis(self.mixed.village.now));
        let payees = [CHARLIE, 0, 1].map(|member| coop.hours_of(member));
        let key = u8::try_from(self.written % 200).unwrap() + 50;
        let request = hours(self.dice.pick(&payees)?, 1, key);
        let ledger = node.ledger(&unit)?;
        let authorized = ledger.authorize(node.set(), chain, &request, at, &Policy::NONE);
        match authorized.ok()? {
            Authorized::Draft(draft) => Some(draft.content().clone()),
            Authorized::Again(_) => None,
        }
    }

    /// What some acknowledgement of the chain says, once more.
    fn ack(&mut self, set: &RecordSet, chain: &ChainId) -> Option<Content> {
        let records = of_chain(set, chain).map(|slot| set.record(slot));
        let acks = records.filter(|record| record.kind() == ACK);
        let acks: Vec<Content> = acks.filter_map(|ack| ack.content().cloned()).collect();
        self.dice.pick(&acks)
    }

    /// A note that names records, some of which nobody has yet.
    fn note(&mut self, set: &RecordSet, chain: &ChainId) -> Option<Content> {
        let topic = of_chain(set, chain).next().map(|slot| set.topic(slot))?;
        let is_near =
            |slot: &Slot| set.topic(*slot) == topic || set.chain(*slot) == set.authority();
        let near = set.slots().filter(is_near).map(|slot| set.id(slot));
        let near: Vec<RecordId> = near.collect();
        let mut refs = Vec::new();
        for _ in 0..self.dice.roll(3) {
            refs.extend(self.dice.pick(&near));
        }
        if self.dice.roll(3) == 0 {
            let withheld = self.withheld.iter().filter(|r| r.topic() == topic);
            let withheld: Vec<RecordId> = withheld.map(|record| record.id()).collect();
            refs.extend(self.dice.pick(&withheld));
        }
        Content::new(in_order(refs), None, &self.written)
    }

    fn key_of(&self, chain: &ChainId) -> Keypair {
        let coop = &self.mixed.village.coop;
        let is_theirs = |member: &usize| {
            let chains = [coop.hours_of(*member), coop.voice_of(*member)];
            chains.contains(chain)
        };
        let key = (0..3).find(is_theirs);
        key.map_or(&coop.supplier_key, |member| &coop.members[member].key)
            .clone()
    }

    fn at(&mut self) -> Timestamp {
        self.written += 1;
        Timestamp::from_millis(self.mixed.village.now + self.written)
    }
}

/// As a registrar.
impl World {
    pub(super) fn acts(&mut self, set: &RecordSet) -> Option<Vec<Signed<Record>>> {
        let after = set.record(self.after(set, &set.authority())?);
        let coop = &self.mixed.village.coop;
        let (bob, voice) = (coop.hours_of(1), coop.voice_of(1));
        let chain = self.dice.pick(&[bob, bob, voice, coop.hours_of(0)])?;
        let ids = set.slots().map(|slot| set.id(slot));
        let is_of_it = |id: &RecordId| set.open(id).is_some_and(|open| open.chain.id() == chain);
        let opens: Vec<RecordId> = ids.filter(is_of_it).collect();
        let open = if self.dice.roll(4) == 0 {
            self.dice.pick(&opens)?
        } else {
            set.office()?.seat(&chain)?.open()
        };
        let one = match self.dice.roll(14) {
            0 | 1 => {
                let floor = -150_000 - i64::try_from(self.written).ok()? * 10;
                self.act(after, &Act::Raise(Raise { open, floor }), Vec::new())
            }
            2 => self.recall(set, after, &opens),
            3 | 4 => {
                let adopted = self.dice.pick(&opens)?;
                self.act(after, &Act::Adopt, vec![adopted])
            }
            5..=9 => return self.next_epoch(set, after, chain, open),
            _ => {
                let head = self.head(set, &chain)?;
                self.seal(after, open, head, Finality::Open)
            }
        };
        one.map(|act| vec![act])
    }

    /// The key of the epoch signs that the act goes after, wherever that stands.
    fn act(&mut self, after: &Record, act: &Act, refs: Vec<RecordId>) -> Option<Signed<Record>> {
        let place = after.header().next_place()?;
        let epoch = after.epoch().unwrap_or_else(|| after.id());
        let draft = act.draft(place, refs, self.at())?;
        let (_, key) = self.registrars.iter().find(|(of, _)| *of == epoch)?;
        draft.sign(key).ok()
    }

    /// A new registrar, who adopts some of the Opens and perhaps what nobody has yet.
    fn recall(
        &mut self,
        set: &RecordSet,
        honoured: &Record,
        opens: &[RecordId],
    ) -> Option<Signed<Record>> {
        let successor = key_of(self.seed, "successor", self.written);
        let terms = to_bytes(&VoteTerms {
            domain: set.domain(),
            honoured: honoured.id(),
            successor: successor.public_key(),
        });
        let vote = Vote {
            voter: Voter::Key(0),
            signature: key_of(self.seed, "recovery", 0).sign(&terms).ok()?,
        };
        let recall = Recall {
            successor: successor.public_key(),
            votes: List::new([vote]).ok()?,
        };
        let place = Place::Succession {
            topic: honoured.topic(),
            chain: set.authority(),
            seq: honoured.seq() + 1,
            prev: honoured.id(),
        };
        let mut refs = Vec::new();
        for _ in 0..self.dice.roll(3) {
            refs.extend(self.dice.pick(opens));
        }
        if self.dice.roll(4) == 0 {
            refs.extend(self.withheld.first().map(|record| record.id()));
        }
        let draft = Act::Recall(recall).draft(place, in_order(refs), self.at())?;
        let record = draft.sign(&successor).ok()?;
        self.registrars.push((record.id(), successor));
        Some(record)
    }

    fn head<'a>(&mut self, set: &'a RecordSet, chain: &ChainId) -> Option<&'a Record> {
        let head = match self.dice.roll(4) {
            0 => self.dice.pick(&of_chain(set, chain).collect::<Vec<_>>()),
            1 => set.spine(chain).last().copied(),
            _ => self.after(set, chain),
        };
        head.map(|head| set.record(head))
    }

    fn seal(
        &mut self,
        after: &Record,
        open: RecordId,
        head: &Record,
        finality: Finality,
    ) -> Option<Signed<Record>> {
        let row = SealRow {
            chain: head.chain(),
            open,
            sealed: Some(Sealed {
                header: head.header().clone(),
                signature: *head.signature(),
            }),
            finality,
        };
        let rows = List::new([row]).ok()?;
        self.act(after, &Act::Seal(Seal { rows }), Vec::new())
    }

    /// A final Seal of any head, and mostly the next epoch after it.
    fn next_epoch(
        &mut self,
        set: &RecordSet,
        after: &Record,
        chain: ChainId,
        prior: RecordId,
    ) -> Option<Vec<Signed<Record>>> {
        let head = self.head(set, &chain)?;
        let seal = self.seal(after, prior, head, Finality::Final)?;
        if self.dice.roll(4) == 0 {
            return Some(vec![seal]);
        }
        let (seq, prev) = (head.seq() + 1, head.id());
        let tip = Tip {
            seq: head.seq(),
            head: prev,
        };
        let mut open = Open {
            start: Start::After {
                prior,
                tip: Some(tip),
            },
            consent: Consent::Current(Signature::from_bytes([0; 64])),
            ..set.open(&prior)?.clone()
        };
        let terms = to_bytes(&open.consent_terms(set.domain()));
        open.consent = Consent::Current(self.key_of(&chain).sign(&terms).ok()?);
        let topic = open.chain.topic();
        let open = self.act(&seal, &Act::Open(open), Vec::new())?;
        let place = Place::Entry {
            topic,
            chain,
            epoch: open.id(),
            seq,
            prev: Some(prev),
        };
        self.starts.push((chain, place));
        Some(vec![seal, open])
    }
}

fn of_chain<'a>(set: &'a RecordSet, chain: &ChainId) -> impl Iterator<Item = Slot> + use<'a> {
    let chain = *chain;
    set.slots().filter(move |slot| set.chain(*slot) == chain)
}

/// As refs stand in a record: ascending, each once.
fn in_order(mut refs: Vec<RecordId>) -> Vec<RecordId> {
    refs.sort_unstable();
    refs.dedup();
    refs
}
