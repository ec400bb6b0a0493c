//! Opening: a node out of what follows from its journal.

use std::collections::VecDeque;

use icn_sync::{Replica, RestoreError};
use icn_types::set::{Beside, RecordSet};

use crate::bus::Bus;

use super::Node;
use super::agreed::Agreed;
use super::books::Books;
use super::derived::Derived;
use super::docket::Docket;
use super::error::NodeError;
use super::forks::Forks;
use super::journal::{End, Journal};
use super::positions::Positions;
use super::replay::{Replay, replay};
use super::resume::Resuming;
use super::sealing::Sealing;
use super::settings::NodeSettings;
use super::watch::Watch;

/// What follows from a journal, and where that ends.
pub(super) struct Opened {
    pub(super) set: RecordSet,
    /// What is known beside its spines.
    pub(super) beside: Beside,
    pub(super) end: End,
    pub(super) positions: Positions,
    pub(super) books: Books,
    pub(super) derived: Derived,
}

impl Node {
    /// Opens a node on its store. An empty store starts with the genesis; one
    /// of another domain is refused.
    ///
    /// Replays the records that are stored. Their signatures were checked before
    /// they were stored, and are not checked again where the records lead to the
    /// hash that was written with them: that trusts whoever can write to the
    /// store. [`verify_store`](super::verify_store) checks all of them. Without that hash, or with
    /// another one, opening costs one signature check per record and writes it.
    ///
    /// # Errors
    /// [`NodeError`]: the store fails, belongs to another domain or holds
    /// something that this code did not write.
    pub async fn open(settings: NodeSettings) -> Result<Self, NodeError> {
        let Replay { set, slots, end } = replay(&*settings.store, &settings.genesis).await?;
        let books = Books::of(&set, &settings.units, settings.transport.local_peer());
        let derived = Derived::open(&*settings.store, &set, &books, &slots).await?;
        let positions = Positions::of(slots.iter().map(|slot| slot.index()));
        Self::of(
            settings,
            Opened {
                set,
                beside: Beside::new(),
                end,
                positions,
                books,
                derived,
            },
        )
        .await
    }

    /// The node of everything that follows from its journal.
    pub(super) async fn of(settings: NodeSettings, opened: Opened) -> Result<Self, NodeError> {
        let NodeSettings {
            genesis,
            units,
            store,
            transport,
            signers,
            acknowledgement,
            policies,
            confirmations,
            sync,
        } = settings;
        let Opened {
            set,
            beside,
            end,
            positions,
            books,
            derived,
        } = opened;
        let (domain, node) = (genesis.domain(), transport.local_peer());
        let peers = genesis
            .peers()
            .iter()
            .map(crate::genesis::Peer::id)
            .filter(|peer| *peer != node);
        let topics = Books::topics(domain, &units, node);
        let replica = Replica::reopen(set, beside, topics, peers, sync);
        let replica = replica.map_err(RestoreError::Topic)?;
        let journal = Journal::new(store, end);
        let agreed = Agreed::open(journal.store()).await?;
        let mut docket = Docket::default();
        docket.update(replica.set(), &books.governance);
        let forks = Forks::of(replica.set());
        let keys = signers.iter().map(|signer| signer.public_key());
        let watch = Watch::of(replica.set(), books.ledgers.values(), keys.collect());
        let sealing = Sealing::of(replica.set());
        Ok(Self {
            journal,
            transport,
            replica,
            books,
            derived,
            docket,
            forks,
            watch,
            sealing,
            resuming: Resuming::new(confirmations),
            agreed,
            signers,
            acknowledgement,
            policies,
            bus: Bus::new(),
            held: VecDeque::new(),
            interrupted: false,
            positions,
            taken: None,
        })
    }
}
