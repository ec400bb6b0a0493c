//! A cooperative of three nodes in one process.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::genesis::{FirstEpoch, Founding, Genesis, Peer};
use icn_events::node::{Node, NodeError, NodeSettings, Progress};
use icn_governance::charter::Rules;
use icn_governance::rule::Rule;
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_sync::wire::{Envelope, Frame as Wire};
use icn_types::amount::Amount;
use icn_types::authority::{
    Act, Charter, Consent, FORMAT, Finality, Grant, Open, Seal, SealRow, Sealed, Start, Tip,
};
use icn_types::canon::{List, Raw, to_bytes};
use icn_types::chain::{Chain, Owner};
use icn_types::host::{
    Batch, Frame, LocalNetwork, LocalTransport, MemoryStore, Scan, Space, Store, Transport,
};
use icn_types::id::{ChainId, DomainId, RecordId, UnitId};
use icn_types::key::{Inception, Keypair, PeerId, Signature, Signer as _};
use icn_types::record::{Content, Draft, Record};
use icn_types::sign::Signed;
use icn_types::testkit::stage::key_of;
use icn_types::time::{Ticks, Times, Timestamp};
use icn_types::topic::Topic;

/// Names and keys of one cooperative, from a seed.
pub(super) struct Coop {
    pub(super) genesis: Genesis,
    pub(super) members: Vec<Person>,
    pub(super) registrar: Keypair,
    pub(super) treasury_key: Keypair,
    pub(super) supplier_key: Keypair,
    pub(super) credits: UnitId,
    pub(super) hours: UnitId,
}

pub(super) struct Person {
    pub(super) inception: Inception,
    pub(super) key: Keypair,
    pub(super) teller: Keypair,
    pub(super) audit: Keypair,
    pub(super) transport: Keypair,
}

impl Person {
    pub(super) fn peer(&self) -> PeerId {
        PeerId::new(self.transport.public_key())
    }
}

pub(super) const FLOAT: u64 = 100 * 3600;

impl Coop {
    pub(super) fn found(seed: u64, count: usize) -> Self {
        Self::found_with_funds(seed, count, 0)
    }

    /// The same with so many more accounts that the treasurer writes.
    pub(super) fn found_with_funds(seed: u64, count: usize, funds: u32) -> Self {
        let key = |role: &str, n: usize| key_of(seed, role, n as u64);
        let nonce = [seed.to_be_bytes()[7]; 32];
        let recovery = key("recovery", 0).public_key();
        let mut members: Vec<Person> = (0..count)
            .map(|n| Person {
                inception: Inception {
                    community: nonce,
                    key: key("member", n).public_key(),
                    recovery,
                },
                key: key("member", n),
                teller: key("teller", n),
                audit: key("audit", n),
                transport: key("transport", n),
            })
            .collect();
        members.sort_by_key(|person| person.inception.id());
        let (registrar, treasury_key, supplier_key) =
            (key("registrar", 0), key("treasury", 0), key("supplier", 0));
        let tellers: Vec<u32> = (0..u32::try_from(count).unwrap()).collect();
        let rules = Rules {
            text: Rule::majority(),
            budget: Rule::majority(),
            receivership: Rule::two_thirds_of_roll(),
            tellers: List::new(tellers).unwrap(),
            needed: u8::try_from(count / 2 + 1).unwrap(),
            period: 1_000,
            timelock: 500,
        };
        let charter = Charter {
            nonce,
            format: FORMAT,
            registrar: registrar.public_key(),
            recovery: List::new([recovery]).unwrap(),
            roll: List::new(
                members
                    .iter()
                    .map(|person| person.inception.clone())
                    .collect::<Vec<_>>(),
            )
            .unwrap(),
            seal_interval: 2_000,
            rules: Raw::of(&rules),
        };
        let mut founding = Founding::new(charter, &registrar, Timestamp::from_millis(1)).unwrap();
        let domain = founding.domain();
        let unit = |code: &str, atoms: u64| Unit {
            issuer: domain,
            code: UnitCode::new(code).unwrap(),
            scale: Scale::new(atoms).unwrap(),
            min_leg: Amount::new(1).unwrap(),
        };
        let (credits, hours) = (unit("credits", 1), unit("hours", 3600));
        founding.unit(Raw::of(&credits));
        founding.unit(Raw::of(&hours));
        let grant = Some(Grant {
            floor: -40 * 3600,
            ceiling: i64::MAX,
            float: FLOAT,
        });
        for (number, person) in (0..).zip(&members) {
            let own = Owner::Member(person.inception.id(), 0);
            let mut open = |topic: Topic, owner, signer: &Keypair, grant| {
                let epoch = FirstEpoch {
                    chain: topic.chain(owner),
                    key: signer.public_key(),
                    recovery,
                    grant,
                };
                founding.open(epoch, signer).unwrap()
            };
            open(Topic::Governance(domain), own, &person.key, None);
            open(
                Topic::Governance(domain),
                Owner::Teller(number),
                &person.teller,
                None,
            );
            open(Topic::Ledger(domain, hours.id()), own, &person.key, grant);
            open(
                Topic::Audit(domain, person.peer()),
                Owner::Node(person.peer()),
                &person.audit,
                None,
            );
        }
        let ledger = Topic::Ledger(domain, credits.id());
        let funds = (1..=funds).map(|number| (Owner::Shared(number), &treasury_key, 0));
        let accounts = [
            (Owner::Shared(0), &treasury_key, -10_000),
            (Owner::Partner(0), &supplier_key, 0),
        ];
        for (owner, signer, floor) in accounts.into_iter().chain(funds) {
            let grant = Some(Grant {
                floor,
                ceiling: i64::MAX,
                float: FLOAT,
            });
            let epoch = FirstEpoch {
                chain: ledger.chain(owner),
                key: signer.public_key(),
                recovery,
                grant,
            };
            founding.open(epoch, signer).unwrap();
        }
        for person in &members {
            founding.peer(Peer::new(person.peer(), "local").unwrap());
        }
        founding.peer(Peer::new(PeerId::new(key("transport", 99).public_key()), "local").unwrap());
        let genesis = Genesis::parse(&founding.finish().unwrap().to_text()).unwrap();
        Self {
            genesis,
            members,
            registrar,
            treasury_key,
            supplier_key,
            credits: credits.id(),
            hours: hours.id(),
        }
    }

    pub(super) fn domain(&self) -> DomainId {
        self.genesis.domain()
    }

    pub(super) fn treasury(&self) -> ChainId {
        Topic::Ledger(self.domain(), self.credits)
            .chain(Owner::Shared(0))
            .id()
    }

    pub(super) fn supplier(&self) -> ChainId {
        Topic::Ledger(self.domain(), self.credits)
            .chain(Owner::Partner(0))
            .id()
    }

    pub(super) fn hours_of(&self, member: usize) -> ChainId {
        let owner = Owner::Member(self.members[member].inception.id(), 0);
        Topic::Ledger(self.domain(), self.hours).chain(owner).id()
    }

    pub(super) fn voice_of(&self, member: usize) -> ChainId {
        let owner = Owner::Member(self.members[member].inception.id(), 0);
        Topic::Governance(self.domain()).chain(owner).id()
    }

    /// The settings of one member's node: the first is registrar and treasurer,
    /// the second keeps the supplier's account.
    pub(super) fn settings(
        &self,
        member: usize,
        store: Arc<dyn Store>,
        network: &LocalNetwork,
    ) -> NodeSettings {
        let transport = Arc::new(network.join(self.members[member].peer()));
        self.settings_on(member, store, transport)
    }

    /// A member's node without an office.
    pub(super) fn plain(
        &self,
        member: usize,
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
    ) -> NodeSettings {
        let person = &self.members[member];
        // Most tests are about nodes that know that their stores are their own.
        let mut settings = NodeSettings::new(self.genesis.clone(), store, transport)
            .unwrap()
            .with_confirmations(None);
        for signer in [&person.key, &person.teller, &person.audit] {
            settings = settings.with_signer(Arc::new(signer.clone()));
        }
        settings
    }

    /// The same on any transport.
    pub(super) fn settings_on(
        &self,
        member: usize,
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
    ) -> NodeSettings {
        let mut settings = self.plain(member, store, transport);
        let offices: &[&Keypair] = match member {
            0 => &[&self.registrar, &self.treasury_key],
            1 => &[&self.supplier_key],
            _ => &[],
        };
        for signer in offices {
            settings = settings.with_signer(Arc::new((*signer).clone()));
        }
        settings
    }
}

/// Nodes with a shared, simulated time.
pub(super) struct Village {
    pub(super) coop: Coop,
    pub(super) network: LocalNetwork,
    pub(super) nodes: Vec<Node>,
    pub(super) stores: Vec<MemoryStore>,
    pub(super) now: u64,
}

impl Village {
    pub(super) fn new(seed: u64, count: usize) -> Self {
        Self::of(Coop::found(seed, count))
    }

    /// Nodes of everybody.
    pub(super) fn of(coop: Coop) -> Self {
        let count = coop.members.len();
        let network = LocalNetwork::new();
        let stores: Vec<MemoryStore> = (0..count).map(|_| MemoryStore::new()).collect();
        let nodes = (0..count)
            .map(|member| {
                let store = Arc::new(stores[member].clone());
                block_on(coop.settings(member, store, &network).open()).unwrap()
            })
            .collect();
        Self {
            coop,
            network,
            nodes,
            stores,
            now: 10_000,
        }
    }

    pub(super) fn times(&self) -> Times {
        Times {
            now: Timestamp::from_millis(self.now),
            ticks: Ticks::from_millis(self.now),
        }
    }

    /// Steps all nodes once and lets a tenth of a second pass.
    pub(super) fn round(&mut self) -> Vec<Progress> {
        self.now += 100;
        let times = self.times();
        self.nodes
            .iter_mut()
            .map(|node| block_on(node.step(times)).unwrap())
            .collect()
    }

    /// Rounds until `done`, or a panic with what was waited for.
    pub(super) fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..2_000 {
            if done(self) {
                return;
            }
            self.round();
        }
        panic!("never: {what}");
    }

    /// One round with what each node answers, failures included.
    pub(super) fn try_round(&mut self) -> Vec<Result<Progress, NodeError>> {
        self.now += 100;
        let times = self.times();
        self.nodes
            .iter_mut()
            .map(|node| block_on(node.step(times)))
            .collect()
    }

    pub(super) fn rounds(&mut self, count: usize) {
        for _ in 0..count {
            self.round();
        }
    }

    /// A village whose nodes wake up on these stores, at this time.
    pub(super) fn wake(seed: u64, stores: Vec<MemoryStore>, now: u64) -> Self {
        let coop = Coop::found(seed, stores.len());
        let network = LocalNetwork::new();
        let nodes = (0..stores.len())
            .map(|member| {
                let store = Arc::new(stores[member].clone());
                block_on(coop.settings(member, store, &network).open()).unwrap()
            })
            .collect();
        Self {
            coop,
            network,
            nodes,
            stores,
            now,
        }
    }

    /// Copies of what every store holds now.
    pub(super) fn copies(&self) -> Vec<MemoryStore> {
        self.stores.iter().map(copy).collect()
    }

    /// Drops a node and opens it from its store.
    pub(super) fn reopen(&mut self, member: usize) {
        let store = Arc::new(self.stores[member].clone());
        self.open_on(member, store);
    }

    /// Drops a node and opens it on any store.
    pub(super) fn open_on(&mut self, member: usize, store: Arc<dyn Store>) {
        let settings = self.coop.settings(member, store, &self.network);
        self.nodes[member] = block_on(settings.open()).unwrap();
    }

    pub(super) fn peer(&self, member: usize) -> PeerId {
        self.coop.members[member].peer()
    }

    /// Posted position of an account as one node sees it, in atoms.
    pub(super) fn posted(&self, node: usize, unit: UnitId, chain: ChainId) -> i128 {
        let node = &self.nodes[node];
        node.ledger(&unit)
            .unwrap()
            .positions(node.set(), &chain)
            .posted
            .get()
    }

    /// Chains that fork, as any node sees them.
    pub(super) fn forks(&self) -> Vec<ChainId> {
        let of = |node: &Node| {
            let chains: Vec<_> = node.set().chains().map(|(chain, _)| chain).collect();
            chains
                .into_iter()
                .filter(|chain| node.set().fork(chain).is_some())
                .collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(of).collect()
    }

    /// Whether all label digests of all units are equal.
    pub(super) fn labels_agree(&self) -> bool {
        [self.coop.credits, self.coop.hours].iter().all(|unit| {
            let digest = |node: &Node| node.ledger(unit).unwrap().label_digest(node.set());
            let first = digest(&self.nodes[0]);
            self.nodes.iter().all(|node| digest(node) == first)
        })
    }

    pub(super) fn agree(&self) -> bool {
        let mut topics = self.nodes[0]
            .set()
            .chains()
            .map(|(_, topic)| topic)
            .collect::<Vec<_>>();
        topics.retain(|topic| {
            self.nodes
                .iter()
                .all(|node| node.replica().topics().any(|followed| followed == *topic))
        });
        topics.iter().all(|topic| {
            let first = self.nodes[0].set_digest(*topic);
            self.nodes
                .iter()
                .all(|node| node.set_digest(*topic) == first)
        })
    }
}

/// The rows of a node's store, by the names that they have there.
pub(super) const SPACES: [Space; 10] = [
    Space::new("node/record"),
    Space::new("node/identity"),
    Space::new("node/agreed"),
    Space::new("node/chain"),
    Space::new("node/place"),
    Space::new("node/derived"),
    Space::new("ledger/account"),
    Space::new("node/hash"),
    Space::new("node/page"),
    Space::new("node/snapshot"),
];

/// Another store with the same rows.
pub(super) fn copy(store: &MemoryStore) -> MemoryStore {
    let other = MemoryStore::new();
    let mut batch = Batch::new();
    for space in SPACES {
        let mut scan = Some(Scan::all(space));
        while let Some(current) = scan {
            let page = block_on(store.scan(&current)).unwrap();
            for row in page.rows {
                batch.put(row.key, row.value).unwrap();
            }
            scan = page.next;
        }
    }
    block_on(other.commit(batch)).unwrap();
    other
}

/// A member of the list of peers that holds a copy of the registrar's key and
/// hands records to the first node; also whatever else a test wants sent.
pub(super) struct Registrar {
    transport: LocalTransport,
}

impl Registrar {
    /// Joins as the listed peer that has no chains.
    pub(super) fn join(village: &Village) -> Self {
        Self {
            transport: village.network.join(village.coop.guest()),
        }
    }

    /// Sends records to one node, as if they were fresh.
    pub(super) fn tell(&self, to: PeerId, records: &[Signed<Record>]) {
        let envelopes: Vec<Envelope> = records.iter().map(|record| Envelope::of(record)).collect();
        let frame = Wire::Fresh(List::new(envelopes).unwrap());
        self.send(to, &to_bytes(&frame));
    }

    /// Tells one node records that were stored somewhere.
    pub(super) fn repeat<'a>(&self, records: impl IntoIterator<Item = &'a Record>, to: PeerId) {
        let envelopes = records.into_iter().map(Envelope::of);
        let frame = Wire::Fresh(List::new(envelopes.collect::<Vec<_>>()).unwrap());
        self.send(to, &to_bytes(&frame));
    }

    /// Sends any bytes to one node.
    pub(super) fn send(&self, to: PeerId, bytes: &[u8]) {
        block_on(self.transport.send(to, Frame::new(bytes))).unwrap();
    }

    /// Writes one record of authority at the end of the first node's chain.
    pub(super) fn act(&self, village: &mut Village, act: &Act) {
        self.act_on(village, act, Vec::new());
    }

    /// The same on top of what it refs.
    pub(super) fn act_on(&self, village: &mut Village, act: &Act, refs: Vec<RecordId>) -> RecordId {
        let set = village.nodes[0].set();
        let place = set.next_place(&set.authority()).unwrap();
        let (kind, body) = act.body();
        let content = Content::new(refs, None, &body).unwrap();
        let now = Timestamp::from_millis(village.now);
        let draft = Draft::new(place, kind, now, content).unwrap();
        let record = draft.sign(&village.coop.registrar).unwrap();
        let id = record.id();
        self.tell(village.peer(0), &[record]);
        village.round();
        let set = village.nodes[0].set();
        let slot = set.find(&id).unwrap();
        assert!(set.verdict(slot).is_valid(), "{:?}", set.verdict(slot));
        id
    }

    /// Opens a shared account for the treasurer.
    pub(super) fn open_shared(&self, village: &mut Village, chain: Chain, grant: Option<Grant>) {
        let key = village.coop.treasury_key.clone();
        let mut open = Open {
            chain,
            key: key.public_key(),
            recovery: key.public_key(),
            format: FORMAT,
            start: Start::First,
            charged: 0,
            claims: None,
            grant,
            consent: Consent::Current(Signature::from_bytes([0; 64])),
        };
        let terms = to_bytes(&open.consent_terms(village.coop.domain()));
        open.consent = Consent::Current(key.sign(&terms).unwrap());
        self.act(village, &Act::Open(open));
    }

    /// Ends a chain's epoch at `tip` and opens the next one under `new`.
    pub(super) fn rotate(
        &self,
        village: &mut Village,
        chain: ChainId,
        tip: Option<Tip>,
        old: &Keypair,
        new: &Keypair,
    ) {
        let set = village.nodes[0].set();
        let seat = set.office().unwrap().seat(&chain).unwrap();
        let (prior, before) = (seat.open(), set.open(&seat.open()).unwrap().clone());
        let sealed = tip.map(|tip| {
            let record = set.record(set.find(&tip.head).unwrap());
            Sealed {
                header: record.header().clone(),
                signature: *record.signature(),
            }
        });
        let row = SealRow {
            chain,
            open: prior,
            sealed,
            finality: Finality::Final,
        };
        let mut open = Open {
            key: new.public_key(),
            start: Start::After { prior, tip },
            consent: Consent::Current(Signature::from_bytes([0; 64])),
            ..before
        };
        let terms = to_bytes(&open.consent_terms(set.domain()));
        open.consent = Consent::Current(old.sign(&terms).unwrap());
        let rows = List::new([row]).unwrap();
        self.act(village, &Act::Seal(Seal { rows }));
        self.act(village, &Act::Open(open));
    }
}

impl Coop {
    /// A peer that everybody lists and that has no chains.
    pub(super) fn guest(&self) -> PeerId {
        let peers = self.genesis.peers().iter().map(Peer::id);
        let members: Vec<PeerId> = self.members.iter().map(Person::peer).collect();
        peers
            .into_iter()
            .find(|peer| !members.contains(peer))
            .unwrap()
    }
}

impl Village {
    /// The last record of a chain, as one node sees it.
    pub(super) fn tip(&self, node: usize, chain: &ChainId) -> Option<Tip> {
        let set = self.nodes[node].set();
        let record = set.record(*set.spine(chain).last()?);
        Some(Tip {
            seq: record.seq(),
            head: record.id(),
        })
    }
}
