//! Random cooperatives in which nobody is honest for long.

use icn_sync::sim::Rng;
use icn_types::authority::{Act, Finality, Seal, Tip};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId, UnitId};
use icn_types::key::{PeerId, Signer as _};
use icn_types::record::Kind;
use icn_types::testkit::stage::{GRANT, Stage, key_of};
use icn_types::topic::Topic;

pub(crate) const NOTE: Kind = Kind::new(67);
pub(crate) const UNIT: UnitId = UnitId::from_bytes([1; 32]);

/// The peer with this number.
pub(crate) fn peer(number: u64) -> PeerId {
    PeerId::new(key_of(0, "node", number).public_key())
}

/// Everything that a drama is played with.
pub(crate) struct Drama {
    pub(crate) stage: Stage,
    pub(crate) chains: Vec<ChainId>,
    rng: Rng,
}

impl Drama {
    /// Four members with an account and a vote chain each.
    pub(crate) fn new(seed: u64) -> Self {
        let mut stage = Stage::new(seed, 4);
        let (ledger, governance) = (stage.ledger(UNIT), stage.governance());
        let mut chains = Vec::new();
        for member in 0..4 {
            chains.push(stage.open_member(member, &ledger, Some(GRANT)));
        }
        for member in 0..2 {
            chains.push(stage.open_member(member, &governance, None));
        }
        Self {
            stage,
            chains,
            rng: Rng::new(seed),
        }
    }

    pub(crate) fn topics(&self) -> Vec<Topic> {
        vec![self.stage.ledger(UNIT), self.stage.governance()]
    }

    /// Plays `acts` random acts: records, forks, Seals, rotations, Recalls.
    pub(crate) fn play(&mut self, acts: usize) {
        for act in 0..acts {
            let chain = self.chains[self.rng.index(self.chains.len())];
            match self.rng.below(100) {
                0..55 => self.write(&chain, act),
                55..75 => self.fork(&chain, act),
                75..85 => self.seal(&chain),
                85..91 => self.rotate(&chain),
                91..94 => self.recall(),
                94..97 => self.fork_authority(),
                _ => self.open_device(act),
            }
        }
    }

    fn write(&mut self, chain: &ChainId, act: usize) {
        let refs = self.refs(chain);
        self.stage.write(chain, NOTE, &refs, &(act as u64));
    }

    /// A second record after any record of the chain's present epoch.
    fn fork(&mut self, chain: &ChainId, act: usize) {
        let open = self.stage.open_of(chain);
        let tips: Vec<Tip> = self
            .stage
            .records
            .iter()
            .filter(|record| record.chain() == *chain && record.epoch() == Some(open))
            .map(|record| Tip {
                seq: record.seq(),
                head: record.id(),
            })
            .collect();
        if tips.is_empty() {
            return;
        }
        let mut tip = tips[self.rng.index(tips.len())];
        for _ in 0..=self.rng.below(3) {
            let refs = self.refs(chain);
            let body = (act as u64) << 32 | self.rng.below(1000);
            let head = self.stage.write_after(chain, Some(tip), NOTE, &refs, &body);
            tip = Tip {
                seq: tip.seq + 1,
                head,
            };
        }
    }

    /// Up to two records of the same topic, from any branch.
    fn refs(&mut self, chain: &ChainId) -> Vec<RecordId> {
        let topic = self
            .stage
            .set
            .chains()
            .find(|(known, _)| known == chain)
            .map(|(_, topic)| topic);
        let known: Vec<RecordId> = self
            .stage
            .records
            .iter()
            .filter(|record| Some(record.topic()) == topic)
            .map(|record| record.id())
            .collect();
        if known.is_empty() {
            return Vec::new();
        }
        (0..self.rng.below(3))
            .map(|_| known[self.rng.index(known.len())])
            .collect()
    }

    /// Any stored record of a chain, of whatever epoch.
    fn any_tip(&mut self, chain: &ChainId) -> Option<Tip> {
        let stored: Vec<Tip> = self
            .stage
            .records
            .iter()
            .filter(|record| record.chain() == *chain)
            .map(|record| Tip {
                seq: record.seq(),
                head: record.id(),
            })
            .collect();
        (!stored.is_empty()).then(|| stored[self.rng.index(stored.len())])
    }

    fn seal(&mut self, chain: &ChainId) {
        let tip = self.any_tip(chain);
        self.stage.seal_at(chain, tip, Finality::Open);
    }

    fn rotate(&mut self, chain: &ChainId) {
        let tip = if self.rng.chance(500) {
            self.any_tip(chain)
        } else {
            self.stage.tip(chain)
        };
        self.stage.reopen(chain, tip, 0);
    }

    fn recall(&mut self) {
        let authority = self.stage.set.authority();
        let Some(tip) = self.any_tip(&authority) else {
            return;
        };
        // Refused after a head that is not Valid.
        let _refused = self.stage.try_recall(tip.head, &[]);
    }

    /// The registrar in office writes a second record after one of its own.
    fn fork_authority(&mut self) {
        let authority = self.stage.set.authority();
        let own = self
            .stage
            .records
            .iter()
            .filter(|record| record.chain() == authority);
        let own: Vec<(RecordId, RecordId)> = own
            .map(|record| (record.id(), record.epoch().unwrap_or_else(|| record.id())))
            .collect();
        let (_, in_office) = own[own.len() - 1];
        let recent = own
            .iter()
            .rev()
            .take(4)
            .filter(|(_, epoch)| *epoch == in_office);
        let recent: Vec<RecordId> = recent.map(|(id, _)| *id).collect();
        let prev = recent[self.rng.index(recent.len())];
        let chain = self.chains[self.rng.index(self.chains.len())];
        let row = self
            .stage
            .seal_row(&chain, self.stage.tip(&chain), Finality::Open);
        let rows = List::new([row]).unwrap();
        self.stage.act_after(prev, &Act::Seal(Seal { rows }), &[]);
    }

    fn open_device(&mut self, act: usize) {
        let number = u32::try_from(act).unwrap();
        let chain = self.stage.ledger(UNIT).chain(Owner::Shared(number));
        let key = self.stage.draw_key();
        let chain = self.stage.open(chain, key, Some(GRANT));
        self.chains.push(chain);
    }
}
