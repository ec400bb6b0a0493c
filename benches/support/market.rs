use icn_events::genesis::{Genesis, GenesisBuilder};
use icn_ledger::unit::Scale;
use icn_ledger::{Ack, Entry, Ledger, Leg, LegRef, Payment, Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::authority::Grant;
use icn_types::canon::{List, Raw};
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::Record;
use icn_types::set::RecordSet;
use icn_types::sign::{Signed, Unverified};
use icn_types::testkit::stage::{Stage, key_of};
use icn_types::topic::Topic;

const SEED: u64 = 2026;

/// Credit that no run uses up.
const GRANT: Grant = Grant {
    floor: i64::MIN / 2,
    ceiling: i64::MAX,
    float: 1 << 40,
};

/// A cooperative whose accounts pay each other in turn.
#[derive(Debug)]
pub struct Market {
    stage: Stage,
    unit: Unit,
    accounts: Vec<ChainId>,
    random: Random,
    payments: u64,
}

impl Market {
    /// A market of so many accounts, at least three. Each costs one Open.
    #[must_use]
    pub fn new(accounts: u32) -> Self {
        let mut stage = Stage::new(SEED, 4);
        let unit = Unit {
            issuer: stage.domain(),
            code: UnitCode::new("HOUR").expect("a code"),
            scale: Scale::new(3600).expect("a scale"),
            min_leg: Amount::new(1).expect("an amount"),
        };
        let topic = Topic::Ledger(stage.domain(), unit.id());
        let accounts = (0..accounts)
            .map(|number| {
                let key = key_of(SEED, "account", u64::from(number));
                stage.open(topic.chain(Owner::Partner(number)), key, Some(GRANT))
            })
            .collect();
        Self {
            stage,
            unit,
            accounts,
            random: Random(SEED),
            payments: 0,
        }
    }

    /// Entries of random accounts: each payment has two legs and is followed
    /// by the acknowledgements of both payees, so there are three entries each.
    pub fn trade(&mut self, payments: usize) -> Vec<Signed<Record>> {
        let before = self.stage.records.len();
        for _ in 0..payments {
            let [payer, left, right] = self.random.three(self.accounts.len());
            self.pay(payer, &[left, right]);
        }
        self.stage.records[before..].to_vec()
    }

    /// At least one entry of every account: each third one pays the two after
    /// it.
    pub fn round(&mut self) -> Vec<Signed<Record>> {
        let (before, len) = (self.stage.records.len(), self.accounts.len());
        for payer in (0..len).step_by(3) {
            self.pay(payer, &[(payer + 1) % len, (payer + 2) % len]);
        }
        self.stage.records[before..].to_vec()
    }

    /// Entries of one payer and one payee in turn.
    pub fn trade_between(
        &mut self,
        payer: usize,
        payee: usize,
        entries: usize,
    ) -> Vec<Signed<Record>> {
        let before = self.stage.records.len();
        for _ in 0..entries / 2 {
            self.pay(payer, &[payee]);
        }
        self.stage.records[before..].to_vec()
    }

    fn pay(&mut self, payer: usize, payees: &[usize]) {
        self.payments += 1;
        let mut key = [0; 32];
        for part in key.as_chunks_mut::<8>().0 {
            *part = self.random.next().to_be_bytes();
        }
        let legs = payees.iter().zip(1..).map(|(&payee, step)| Leg {
            payee: self.accounts[payee],
            amount: Amount::new(self.payments % 5000 + step).expect("an amount"),
        });
        let payment = Entry::Payment(Payment {
            legs: List::new(legs.collect::<Vec<_>>()).expect("a leg"),
            key: OperationKey::from_bytes(key),
            decision: None,
            effective: None,
            memo: None,
        });
        let payment = self.write(payer, &payment, &[]);
        for (&payee, leg) in payees.iter().zip(0..) {
            let legs = List::new([LegRef { reference: 0, leg }]).expect("a leg");
            self.write(payee, &Entry::Ack(Ack { legs }), &[payment]);
        }
    }

    fn write(&mut self, account: usize, entry: &Entry, refs: &[RecordId]) -> RecordId {
        let (kind, body) = entry.body();
        self.stage.write(&self.accounts[account], kind, refs, &body)
    }

    /// What a node of the cooperative is given.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        let builder = Genesis::builder(self.stage.domain());
        let builder = builder.unit(Raw::of(&self.unit)).expect("a unit");
        let builder = builder.records_of(&self.stage.set);
        builder.and_then(GenesisBuilder::finish).expect("a genesis")
    }

    /// Its accounts.
    #[must_use]
    pub fn accounts(&self) -> &[ChainId] {
        &self.accounts
    }

    /// A replica that heard of everything written so far.
    #[must_use]
    pub fn replica(&self) -> Replica {
        let mut replica = Replica {
            set: self.stage.set.clone(),
            ledger: Ledger::new(self.stage.domain(), self.unit),
        };
        for slot in replica.set.slots().collect::<Vec<_>>() {
            replica.ledger.update(&replica.set, slot);
        }
        replica.ledger.refresh(&replica.set);
        replica
    }
}

/// Records and sums of one node, in memory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replica {
    /// The records.
    pub set: RecordSet,
    /// The sums.
    pub ledger: Ledger,
}

impl Replica {
    /// Adds an entry whose signature was checked.
    pub fn apply(&mut self, entry: Signed<Record>) {
        let slot = self.set.insert(entry).expect("a well-formed entry").slot();
        self.ledger.update(&self.set, slot);
    }

    /// Checks the signature of an entry and adds it.
    pub fn receive(&mut self, entry: Unverified<Record>) {
        let slot = self.set.receive(entry).expect("a well-formed entry").slot();
        self.ledger.update(&self.set, slot);
    }

    /// Ends the run unless every entry was Valid and counted as it came.
    pub fn check(&self) {
        let topic = self.ledger.topic();
        assert!(
            self.set
                .slots()
                .filter(|&slot| self.set.record(slot).topic() == topic)
                .all(|slot| self.ledger.verdict(slot).is_valid()),
            "an entry is not valid"
        );
        assert_eq!(self.ledger.columns(&self.set).sum(), 0, "sums are not zero");
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    /// Three different numbers below `end`.
    fn three(&mut self, end: usize) -> [usize; 3] {
        loop {
            let drawn = [self.below(end), self.below(end), self.below(end)];
            if drawn[0] != drawn[1] && drawn[1] != drawn[2] && drawn[0] != drawn[2] {
                return drawn;
            }
        }
    }
}
