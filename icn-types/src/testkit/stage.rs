//! A cooperative on paper: a charter, members, open chains and a registrar
//! that writes what a test asks for, honest or not.
//!
//! Everything follows from one seed. Nobody's signature is skipped: what the
//! stage writes went through [`RecordSet::insert`] like anything else.

mod decisions;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::authority::{
    Act, Charter, Consent, FORMAT, Finality, Grant, Open, Raise, Recall, Seal, SealRow, Sealed,
    Start, Tip, Vote, VoteTerms, Voter,
};
use crate::canon::{Encode, List, Raw, to_bytes};
use crate::chain::{Chain, Owner};
use crate::hash::sha256;
use crate::id::{ChainId, Digest, DomainId, RecordId, TopicId, UnitId};
use crate::key::{Inception, Keypair, Signer as _};
use crate::record::{Content, Draft, Kind, Place, Record};
use crate::set::{RecordSet, Refusal};
use crate::sign::Signed;
use crate::time::Timestamp;
use crate::topic::Topic;

/// One cooperative and all that was written in it.
///
/// Methods panic when a test asks for something that cannot be written; what
/// is merely against the rules can be.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The set into which everything was written.
    pub set: RecordSet,
    /// Every record in the order of writing, to shuffle into other sets.
    pub records: Vec<Signed<Record>>,
    seed: u64,
    drawn: u64,
    domain: DomainId,
    members: Vec<Person>,
    registrar: Keypair,
    recovery: Keypair,
    /// The writer of each chain: its definition, Open and key.
    writers: BTreeMap<ChainId, Writer>,
    now: u64,
}

/// A member with the keys that the inception names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Person {
    /// What the member's id is the hash of.
    pub inception: Inception,
    /// The first key.
    pub key: Keypair,
    /// The recovery key.
    pub recovery: Keypair,
}

#[derive(Debug, Clone)]
struct Writer {
    chain: Chain,
    open: RecordId,
    key: Keypair,
    grant: Option<Grant>,
    tip: Option<Tip>,
}

/// The credit that most tests grant: floor -100, float 20.
pub const GRANT: Grant = Grant {
    floor: -100,
    ceiling: i64::MAX,
    float: 20,
};

#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test builder fails the test that misuses it"
)]
impl Stage {
    /// A cooperative of `members` founded by its charter.
    #[must_use]
    pub fn new(seed: u64, members: usize) -> Self {
        Self::with_charter(seed, members, |_| {})
    }

    /// The same with rules of voting in the charter.
    #[must_use]
    pub fn with_rules<R: Encode + ?Sized>(seed: u64, members: usize, rules: &R) -> Self {
        Self::with_charter(seed, members, |charter| charter.rules = Raw::of(rules))
    }

    /// The same with a charter that says something else.
    #[must_use]
    pub fn with_charter(seed: u64, members: usize, edit: impl FnOnce(&mut Charter)) -> Self {
        let key = |role: &str, number: usize| key_of(seed, role, number as u64);
        let nonce = sha256(&seed.to_be_bytes());
        let mut people: Vec<Person> = (0..members)
            .map(|number| {
                let (key, recovery) = (key("member", number), key("recovery", number));
                let inception = Inception {
                    community: nonce,
                    key: key.public_key(),
                    recovery: recovery.public_key(),
                };
                Person {
                    inception,
                    key,
                    recovery,
                }
            })
            .collect();
        people.sort_by_key(|person| person.inception.id());
        let (registrar, recovery) = (key("registrar", 0), key("council", 0));
        let mut charter = Charter {
            nonce,
            format: FORMAT,
            registrar: registrar.public_key(),
            recovery: List::new([recovery.public_key()]).expect("one key"),
            roll: List::new(
                people
                    .iter()
                    .map(|person| person.inception.clone())
                    .collect::<Vec<_>>(),
            )
            .expect("a roll"),
            seal_interval: 1000,
            rules: Raw::of(&0_u64),
        };
        edit(&mut charter);
        let content = Content::new(Vec::new(), None, &charter).expect("no refs");
        let draft = Draft::new(
            Place::Founding,
            Kind::CHARTER,
            Timestamp::from_millis(0),
            content,
        )
        .expect("a charter");
        let domain = DomainId::from_bytes(*draft.header().id().as_bytes());
        let mut stage = Self {
            set: RecordSet::new(domain),
            records: Vec::new(),
            seed,
            drawn: 0,
            domain,
            members: people,
            registrar,
            recovery,
            writers: BTreeMap::new(),
            now: 0,
        };
        let registrar = stage.registrar.clone();
        stage.sign(draft, &registrar);
        stage
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }

    /// Members, ascending by id.
    #[must_use]
    pub fn members(&self) -> &[Person] {
        &self.members
    }

    /// A key that no one else on the stage has.
    pub fn draw_key(&mut self) -> Keypair {
        self.drawn += 1;
        key_of(self.seed, "drawn", self.drawn)
    }

    /// The registrar's key.
    #[must_use]
    pub const fn registrar(&self) -> &Keypair {
        &self.registrar
    }

    /// The key that writes a chain now.
    #[must_use]
    pub fn key(&self, chain: &ChainId) -> &Keypair {
        &self.writers.get(chain).expect("an open chain").key
    }

    /// The Open under which a chain is written now.
    #[must_use]
    pub fn open_of(&self, chain: &ChainId) -> RecordId {
        self.writers.get(chain).expect("an open chain").open
    }

    /// The last record that its writer put on a chain.
    #[must_use]
    pub fn tip(&self, chain: &ChainId) -> Option<Tip> {
        self.writers.get(chain).and_then(|writer| writer.tip)
    }

    /// The topic of accounts in some unit.
    #[must_use]
    pub const fn ledger(&self, unit: UnitId) -> Topic {
        Topic::Ledger(self.domain, unit)
    }

    /// The topic of votes.
    #[must_use]
    pub const fn governance(&self) -> Topic {
        Topic::Governance(self.domain)
    }

    /// Time that records written from now on claim, in milliseconds.
    pub const fn set_time(&mut self, millis: u64) {
        self.now = millis;
    }

    /// Opens a member's chain, device 0, under the member's own key.
    pub fn open_member(&mut self, member: usize, topic: &Topic, grant: Option<Grant>) -> ChainId {
        let person = &self.members[member];
        let owner = Owner::Member(person.inception.id(), 0);
        let key = person.key.clone();
        self.open(topic.chain(owner), key, grant)
    }

    /// Opens a chain for the first time.
    pub fn open(&mut self, chain: Chain, key: Keypair, grant: Option<Grant>) -> ChainId {
        let consenting = match chain.owner().member() {
            Some(id) => self
                .members
                .iter()
                .find(|person| person.inception.id() == id)
                .map(|person| person.key.clone()),
            None => None,
        };
        let consenting = consenting.unwrap_or_else(|| key.clone());
        let open = self.open_body(chain, &key, Start::First, 0, grant, &consenting);
        self.open_as(open, &key, &[]);
        chain.id()
    }

    /// The registrar writes an Open; whoever holds its key writes the chain
    /// from here on.
    pub fn open_as(&mut self, open: Open, key: &Keypair, refs: &[RecordId]) -> RecordId {
        let (chain, grant, tip) = (open.chain, open.grant, open.start.tip());
        let id = self.act(&Act::Open(open), refs);
        let writer = Writer {
            chain,
            open: id,
            key: key.clone(),
            grant,
            tip,
        };
        self.writers.insert(chain.id(), writer);
        id
    }

    /// The body of an Open, with the consent that it needs.
    #[must_use]
    pub fn open_body(
        &self,
        chain: Chain,
        key: &Keypair,
        start: Start,
        charged: u64,
        grant: Option<Grant>,
        consenting: &Keypair,
    ) -> Open {
        let mut open = Open {
            chain,
            key: key.public_key(),
            recovery: self.recovery_key().public_key(),
            format: FORMAT,
            start,
            charged,
            claims: (charged > 0).then(|| Digest::from_bytes([7; 32])),
            grant,
            consent: Consent::Current(crate::key::Signature::from_bytes([0; 64])),
        };
        let terms = to_bytes(&open.consent_terms(self.domain));
        open.consent = Consent::Current(consenting.sign(&terms).expect("a key in memory"));
        open
    }

    /// Seals a chain for good at `tip` and opens its next epoch under a new
    /// key, stating a charge.
    pub fn reopen(&mut self, chain: &ChainId, tip: Option<Tip>, charged: u64) -> RecordId {
        let grant = self.writers.get(chain).and_then(|writer| writer.grant);
        self.reopen_with(chain, tip, charged, grant)
    }

    /// The same with another grant.
    pub fn reopen_with(
        &mut self,
        chain: &ChainId,
        tip: Option<Tip>,
        charged: u64,
        grant: Option<Grant>,
    ) -> RecordId {
        self.seal_at(chain, tip, Finality::Final);
        let writer = self.writers.get(chain).expect("an open chain").clone();
        let key = self.draw_key();
        let start = Start::After {
            prior: writer.open,
            tip,
        };
        let open = self.open_body(writer.chain, &key, start, charged, grant, &writer.key);
        self.open_as(open, &key, &[])
    }

    /// Seals a chain at its tip.
    pub fn seal(&mut self, chain: &ChainId, finality: Finality) -> RecordId {
        self.seal_at(chain, self.tip(chain), finality)
    }

    /// Seals a chain at any stored record of it.
    pub fn seal_at(&mut self, chain: &ChainId, tip: Option<Tip>, finality: Finality) -> RecordId {
        let row = self.seal_row(chain, tip, finality);
        self.act(
            &Act::Seal(Seal {
                rows: List::new([row]).expect("one row"),
            }),
            &[],
        )
    }

    /// One row of a Seal.
    #[must_use]
    pub fn seal_row(&self, chain: &ChainId, tip: Option<Tip>, finality: Finality) -> SealRow {
        let sealed = tip.map(|tip| {
            let record = self
                .set
                .record(self.set.find(&tip.head).expect("a stored head"));
            Sealed {
                header: record.header().clone(),
                signature: *record.signature(),
            }
        });
        SealRow {
            chain: *chain,
            open: self.open_of(chain),
            sealed,
            finality,
        }
    }

    /// The recovery key of every chain.
    #[must_use]
    pub fn recovery_key(&self) -> Keypair {
        key_of(self.seed, "chain-recovery", 0)
    }

    /// Lowers the floor of a chain's epoch: more credit.
    pub fn raise(&mut self, chain: &ChainId, floor: i64) -> RecordId {
        let open = self.open_of(chain);
        self.act(&Act::Raise(Raise { open, floor }), &[])
    }

    /// The registrar writes after its own last record.
    pub fn act(&mut self, act: &Act, refs: &[RecordId]) -> RecordId {
        let prev = self
            .records
            .iter()
            .rev()
            .find(|record| record.chain() == self.set.authority())
            .expect("a charter")
            .id();
        self.act_after(prev, act, refs)
    }

    /// The registrar writes after any of its records: that is a fork.
    pub fn act_after(&mut self, prev: RecordId, act: &Act, refs: &[RecordId]) -> RecordId {
        let before = self
            .set
            .record(self.set.find(&prev).expect("a stored record"));
        let place = before.header().next_place().expect("a next position");
        let at = Timestamp::from_millis(self.now);
        let draft = act.draft(place, refs.to_vec(), at).expect("an act");
        let key = self.registrar.clone();
        self.sign(draft, &key)
    }

    /// The members, or the recovery key of a small roll, replace the registrar
    /// after `honoured` and take over the Opens in `adopted`.
    pub fn recall(&mut self, honoured: RecordId, adopted: &[RecordId]) -> RecordId {
        self.try_recall(honoured, adopted)
            .expect("a head that can be honoured")
    }

    /// The same, unless the set refuses it: after a head that is not Valid, or
    /// because voters had other keys there.
    ///
    /// # Errors
    /// The set's [`Refusal`]; nothing is changed then.
    pub fn try_recall(
        &mut self,
        honoured: RecordId,
        adopted: &[RecordId],
    ) -> Result<RecordId, Refusal> {
        let successor = self.draw_key();
        let terms = to_bytes(&VoteTerms {
            domain: self.domain,
            honoured,
            successor: successor.public_key(),
        });
        let sign = |key: &Keypair| key.sign(&terms).expect("a key in memory");
        let votes: Vec<Vote> = if self.members.len() < 4 {
            Vec::from([Vote {
                voter: Voter::Key(0),
                signature: sign(&self.recovery),
            }])
        } else {
            self.members
                .iter()
                .map(|person| {
                    let id = person.inception.id();
                    let chain = self.governance().chain(Owner::Member(id, 0)).id();
                    let key = self
                        .writers
                        .get(&chain)
                        .map_or(&person.key, |writer| &writer.key);
                    Vote {
                        voter: Voter::Member(id),
                        signature: sign(key),
                    }
                })
                .collect()
        };
        let recall = Recall {
            successor: successor.public_key(),
            votes: List::new(votes).expect("votes"),
        };
        let before = self
            .set
            .record(self.set.find(&honoured).expect("a stored record"));
        let place = Place::Succession {
            topic: before.topic(),
            chain: before.chain(),
            seq: before.seq() + 1,
            prev: honoured,
        };
        let at = Timestamp::from_millis(self.now);
        let draft = Act::Recall(recall).draft(place, adopted.to_vec(), at);
        let draft = draft.expect("a recall");
        let record = draft.sign(&successor).expect("a key in memory");
        let id = record.id();
        self.set.insert(record.clone())?;
        self.records.push(record);
        self.registrar = successor;
        Ok(id)
    }

    /// The writer of a chain goes on after its own last record.
    pub fn write<B: Encode + ?Sized>(
        &mut self,
        chain: &ChainId,
        kind: Kind,
        refs: &[RecordId],
        body: &B,
    ) -> RecordId {
        let tip = self.tip(chain);
        let id = self.write_after(chain, tip, kind, refs, body);
        let seq = tip.map_or(0, |tip| tip.seq + 1);
        self.writers.get_mut(chain).expect("an open chain").tip = Some(Tip { seq, head: id });
        id
    }

    /// The writer of a chain writes after any record: a second one is a fork.
    pub fn write_after<B: Encode + ?Sized>(
        &mut self,
        chain: &ChainId,
        prev: Option<Tip>,
        kind: Kind,
        refs: &[RecordId],
        body: &B,
    ) -> RecordId {
        let content = Content::new(refs.to_vec(), None, body).expect("few refs");
        let draft = self.draft_after(chain, prev, kind, content);
        let key = self.key(chain).clone();
        self.sign(draft, &key)
    }

    /// What the writer of a chain would sign.
    #[must_use]
    pub fn draft_after(
        &self,
        chain: &ChainId,
        prev: Option<Tip>,
        kind: Kind,
        content: Content,
    ) -> Draft {
        let writer = self.writers.get(chain).expect("an open chain");
        let place = Place::Entry {
            topic: writer.chain.topic(),
            chain: *chain,
            epoch: writer.open,
            seq: prev.map_or(0, |tip| tip.seq + 1),
            prev: prev.map(|tip| tip.head),
        };
        Draft::new(place, kind, Timestamp::from_millis(self.now), content).expect("a draft")
    }

    /// Signs a draft and adds it as its writer's newest record.
    pub fn submit(&mut self, draft: Draft) -> RecordId {
        let header = draft.header().clone();
        let Place::Entry { chain, seq, .. } = *header.place() else {
            unreachable!("only entries are submitted");
        };
        let key = if chain == self.set.authority() {
            self.registrar.clone()
        } else {
            self.key(&chain).clone()
        };
        let id = self.sign(draft, &key);
        if let Some(writer) = self.writers.get_mut(&chain) {
            writer.tip = Some(Tip { seq, head: id });
        }
        id
    }

    /// Signs a draft with any key and adds it.
    pub fn sign(&mut self, draft: Draft, key: &Keypair) -> RecordId {
        let record = draft.sign(key).expect("a key in memory");
        let id = record.id();
        self.set
            .insert(record.clone())
            .expect("a well-formed record");
        self.records.push(record);
        id
    }

    /// The same records in another set, given in any order: what is early is
    /// tried again until nothing more goes in.
    #[must_use]
    pub fn replay<'a>(&self, records: impl IntoIterator<Item = &'a Signed<Record>>) -> RecordSet {
        let mut set = RecordSet::new(self.domain);
        let mut left: Vec<&Signed<Record>> = records.into_iter().collect();
        loop {
            let before = left.len();
            left.retain(|record| set.insert((*record).clone()).is_err());
            if left.len() == before || left.is_empty() {
                return set;
            }
        }
    }

    /// Topics with at least one record.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicId> {
        let mut topics: Vec<TopicId> = self.set.chains().map(|(_, topic)| topic).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }
}

/// A key that follows from a seed, a role and a number.
#[must_use]
pub fn key_of(seed: u64, role: &str, number: u64) -> Keypair {
    let mut bytes = Vec::from(role.as_bytes());
    bytes.extend_from_slice(&seed.to_be_bytes());
    bytes.extend_from_slice(&number.to_be_bytes());
    Keypair::from_seed(&sha256(&bytes))
}
