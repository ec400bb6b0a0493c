//! The nodes: one store file and one socket each, stepped in turn.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use icn_events::bus::Subscription;
use icn_events::node::{Node, NodeEvent, NodeSettings};
use icn_store_redb::RedbStore;
use icn_sync::SyncEvent;
use icn_transport_quic::{QuicConfig, QuicTransport, bind};
use icn_types::error::Coded as _;
use icn_types::host::Transport as _;
use icn_types::id::TopicId;
use icn_types::key::PeerId;
use icn_types::time::{Ticks, Times, Timestamp};

use crate::cast::{Cast, SEAL_INTERVAL};

/// Simulated time that passes per round.
const ROUND: u64 = 100;

/// Real time between rounds, for the sockets.
const BREATH: Duration = Duration::from_millis(1);

/// Rounds after which nodes that have not agreed never will.
const ROUNDS_MAX: usize = 6_000;

type Fault = Box<dyn std::error::Error>;

/// Nodes with a shared, simulated time.
pub(crate) struct Village {
    pub(crate) houses: Vec<House>,
    /// Records that the stores held when the village woke up.
    pub(crate) resumed: usize,
    now: u64,
}

/// One member's node.
pub(crate) struct House {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) transport: Arc<QuicTransport>,
    pub(crate) address: SocketAddr,
    pub(crate) file: PathBuf,
    /// Faults of peers that the node noticed.
    pub(crate) faults: Arc<AtomicU64>,
    _faults: Subscription,
}

impl Village {
    /// Opens every node on its file and its socket.
    pub(crate) fn open(cast: &Cast, folder: &Path) -> Result<Self, Fault> {
        let houses = (0..cast.members.len())
            .map(|member| House::open(cast, member, folder))
            .collect::<Result<Vec<_>, _>>()?;
        for house in &houses {
            for other in &houses {
                if other.name != house.name {
                    house
                        .transport
                        .add_peer(other.transport.local_peer(), other.address)?;
                }
            }
        }
        let records = |house: &House| house.node.set().len() - cast.genesis.records().len();
        let resumed = houses.iter().map(records).sum();
        let newest = |house: &House| {
            let set = house.node.set();
            set.slots()
                .map(|slot| set.record(slot).at().as_millis())
                .max()
                .unwrap_or(0)
        };
        let now = houses.iter().map(newest).max().unwrap_or(0) + 1_000;
        Ok(Self {
            houses,
            resumed,
            now,
        })
    }

    pub(crate) fn times(&self) -> Times {
        Times {
            now: Timestamp::from_millis(self.now),
            ticks: Ticks::from_millis(self.now),
        }
    }

    /// Steps every node once; how many records they stored.
    pub(crate) fn round(&mut self) -> Result<usize, Fault> {
        self.now += ROUND;
        let times = self.times();
        let mut stored = 0;
        for house in &mut self.houses {
            let progress = block_on(house.node.step(times))
                .map_err(|error| format!("{}'s node: {} ({error})", house.name, error.code()))?;
            stored += progress.stored;
        }
        std::thread::sleep(BREATH);
        Ok(stored)
    }

    /// Rounds until nobody has stored anything for several Seals' time: what
    /// is owed is written, sealed and named. Whether that came within the
    /// bound.
    pub(crate) fn rest(&mut self) -> Result<bool, Fault> {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            quiet = if self.round()? == 0 { quiet + ROUND } else { 0 };
            if quiet > 3 * SEAL_INTERVAL {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Rounds until `done`; whether that came within the bound.
    pub(crate) fn until(&mut self, done: impl Fn(&Self) -> bool) -> Result<bool, Fault> {
        for _ in 0..ROUNDS_MAX {
            if done(self) {
                return Ok(true);
            }
            self.round()?;
        }
        Ok(false)
    }

    /// Nothing happens for so long.
    pub(crate) const fn sleep(&mut self, millis: u64) {
        self.now = self.now.saturating_add(millis);
    }

    /// Whether that is so at every node.
    pub(crate) fn all(&self, is_so: impl Fn(&Node) -> bool) -> bool {
        self.houses.iter().all(|house| is_so(&house.node))
    }

    /// Whether others confirmed where the chains of every node end, so that all
    /// of them may write.
    pub(crate) fn is_confirmed(&self) -> bool {
        let mut houses = self.houses.iter();
        houses.all(|house| house.node.unconfirmed().next().is_none())
    }

    /// Whether all nodes hold the same records of every topic that all follow.
    pub(crate) fn agrees(&self) -> bool {
        self.shared_topics().into_iter().all(|topic| {
            let mut digests = self.houses.iter().map(|house| house.node.set_digest(topic));
            let first = digests.next();
            digests.all(|digest| Some(digest) == first)
        })
    }

    /// Topics that all nodes follow: everything but their own audit logs.
    pub(crate) fn shared_topics(&self) -> Vec<TopicId> {
        let follows = |house: &House, topic: TopicId| {
            house
                .node
                .replica()
                .topics()
                .any(|followed| followed == topic)
        };
        let all = self
            .houses
            .first()
            .into_iter()
            .flat_map(|house| house.node.replica().topics());
        all.filter(|&topic| self.houses.iter().all(|house| follows(house, topic)))
            .collect()
    }

    /// Cuts or joins every link of one node.
    pub(crate) fn link(&self, node: usize, up: bool) -> Result<(), Fault> {
        let (one, others) = (
            &self.houses[node],
            self.houses.iter().enumerate().filter(|(at, _)| *at != node),
        );
        for (_, other) in others {
            let (here, there): (PeerId, PeerId) =
                (one.transport.local_peer(), other.transport.local_peer());
            if up {
                one.transport.reconnect(there)?;
                other.transport.reconnect(here)?;
            } else {
                one.transport.disconnect(there)?;
                other.transport.disconnect(here)?;
            }
        }
        Ok(())
    }

    pub(crate) fn faults(&self) -> u64 {
        self.houses
            .iter()
            .map(|house| house.faults.load(Ordering::Relaxed))
            .sum()
    }
}

impl House {
    fn open(cast: &Cast, member: usize, folder: &Path) -> Result<Self, Fault> {
        let person = &cast.members[member];
        let file = folder.join(format!("{}.redb", person.name.to_lowercase()));
        let store = Arc::new(RedbStore::open(&file)?);
        let peers = cast
            .genesis
            .peers()
            .iter()
            .map(icn_events::genesis::Peer::id)
            .filter(|peer| *peer != person.peer());
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = QuicConfig::new(
            person.transport.clone(),
            local,
            peers,
            cast.draw("dial", member),
        );
        let transport = Arc::new(bind(config)?);
        let mut settings = NodeSettings::new(cast.genesis.clone(), store, transport.clone())?;
        for signer in &person.signers {
            settings = settings.with_signer(Arc::new(signer.clone()));
        }
        let node = block_on(settings.open())?;
        let faults = Arc::new(AtomicU64::new(0));
        let counted = faults.clone();
        let subscription = node.events().subscribe(move |event| {
            if matches!(event, NodeEvent::Sync(SyncEvent::PeerFault { .. })) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let address = transport.local_addr()?;
        Ok(Self {
            name: person.name.clone(),
            node,
            transport,
            address,
            file,
            faults,
            _faults: subscription,
        })
    }
}
