//! A replicated ledger to be written: members with an account in each of two
//! units, and some of everything under way at the end.

use icn_events::genesis::{FirstEpoch, Founding};
use icn_governance::{charter::Rules, rule::Rule};
use icn_ledger::entry::LEGS_MAX;
use icn_ledger::query::{Query, Register};
use icn_ledger::text::AccountName;
use icn_ledger::{
    Authorized, HoldRequest, Ledger, Leg, LegId, PaymentRequest, Policy, RefundRequest, Refusal,
    ResolveRequest, Unit,
};
use icn_types::amount::Amount;
use icn_types::authority::{Charter, FORMAT, Grant};
use icn_types::canon::{List, Raw};
use icn_types::chain::Owner;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::key::{Inception, Keypair, Signer as _};
use icn_types::record::{Draft, Record};
use icn_types::set::RecordSet;
use icn_types::sign::Signed;
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

use super::Fault;
use super::village::{Chance, DAY, ENTRIES_A_DAY, START, unit};

/// Codes and scales of the units, with the symbols under which they are
/// written.
const UNITS: [(&str, u64, &str); 2] = [("work", 3600, "work atoms"), ("EUR", 100, "EUR")];
const MEMBERS: usize = 40;

/// Everything that one node holds.
pub(crate) struct Replica {
    set: RecordSet,
    members: Vec<Keypair>,
    currencies: Vec<Currency>,
    chance: Chance,
    written: u64,
}

/// One unit: its ledger and the members' accounts.
struct Currency {
    ledger: Ledger,
    accounts: Vec<ChainId>,
    /// Payments that their payee took, and holds that nobody ended.
    taken: Vec<(ChainId, LegId)>,
    held: Vec<(RecordId, ChainId)>,
}

impl Replica {
    /// A cooperative in which so many entries were written.
    pub(crate) fn of(entries: u64) -> Result<Self, Fault> {
        let mut replica = Self::found()?;
        while replica.written < entries {
            replica.act()?;
        }
        // Two payments of one account at one position: which counts is open.
        for number in 0..UNITS.len() {
            replica.fork(number)?;
        }
        Ok(replica)
    }

    fn found() -> Result<Self, Fault> {
        let mut members: Vec<Keypair> = (0..MEMBERS as u64)
            .map(|number| Keypair::from_seed(&sha256(&number.to_be_bytes())))
            .collect();
        let council = Keypair::from_seed(&[9; 32]);
        let (community, recovery) = ([7; 32], council.public_key());
        let inception = |member: &Keypair| Inception {
            community,
            key: member.public_key(),
            recovery,
        };
        members.sort_by_key(|member| inception(member).id());
        let charter = Charter {
            nonce: community,
            format: FORMAT,
            registrar: council.public_key(),
            recovery: List::new([recovery])?,
            roll: List::new(members.iter().map(inception).collect::<Vec<_>>())?,
            seal_interval: 60_000,
            rules: Raw::of(&Rules {
                text: Rule::majority(),
                budget: Rule::majority(),
                receivership: Rule::two_thirds_of_roll(),
                tellers: List::new([0])?,
                needed: 1,
                period: DAY,
                timelock: DAY,
            }),
        };
        let mut founding = Founding::new(charter, &council, Timestamp::from_millis(START))?;
        let grant = Some(Grant {
            floor: -i64::from(u32::MAX),
            ceiling: i64::MAX,
            float: u64::from(u32::MAX),
        });
        let mut currencies = Vec::new();
        for (code, scale, _) in UNITS {
            let unit = Unit {
                issuer: founding.domain(),
                ..unit(code, scale)?
            };
            founding.unit(Raw::of(&unit));
            let topic = Topic::Ledger(founding.domain(), unit.id());
            let mut accounts = Vec::new();
            for member in &members {
                let epoch = FirstEpoch {
                    chain: topic.chain(Owner::Member(inception(member).id(), 0)),
                    key: member.public_key(),
                    recovery,
                    grant,
                };
                accounts.push(founding.open(epoch, member)?);
            }
            currencies.push(Currency {
                ledger: Ledger::new(founding.domain(), unit),
                accounts,
                taken: Vec::new(),
                held: Vec::new(),
            });
        }
        let mut replica = Self {
            set: RecordSet::new(founding.domain()),
            members,
            currencies,
            chance: Chance::new(2),
            written: 0,
        };
        for record in founding.finish()?.records() {
            replica.insert(record.clone())?;
        }
        Ok(replica)
    }

    /// What one member does, by chance. What the ledger refuses is left out.
    fn act(&mut self) -> Result<(), Fault> {
        let number = self.chance.one(&[0, 1]);
        let chain = self.chance.one(&self.currencies[number].accounts);
        let drafted = match self.chance.below(12) {
            0..=4 => self.payment(number, chain),
            5 => self.hold(number, chain),
            6 => self.resolution(number),
            7 => self.refund(number),
            _ => return self.take(number, chain),
        };
        if let Some((writer, Authorized::Draft(draft))) = drafted? {
            let id = self.write(number, writer, draft)?;
            if let Some(hold) = self.currencies[number].ledger.columns(&self.set).hold(&id) {
                self.currencies[number].held.push((id, hold.resolver));
            }
        }
        Ok(())
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(START + self.written / ENTRIES_A_DAY * DAY)
    }

    fn leg(&mut self, number: usize, payer: ChainId) -> Result<Leg, Fault> {
        let payee = loop {
            let payee = self.chance.one(&self.currencies[number].accounts);
            if payee != payer {
                break payee;
            }
        };
        let amount = Amount::new(1 + self.chance.below(100_000))?;
        Ok(Leg { payee, amount })
    }

    fn key(&self) -> OperationKey {
        OperationKey::from_bytes(sha256(&self.written.to_be_bytes()))
    }

    fn payment(&mut self, number: usize, chain: ChainId) -> Drafted {
        let legs = 1 + self.chance.below(3);
        let legs = (0..legs).map(|_| self.leg(number, chain));
        let legs = legs.collect::<Result<Vec<_>, Fault>>()?;
        let request = paying(List::new(legs)?, self.key());
        let ledger = &self.currencies[number].ledger;
        admitted(
            chain,
            ledger.authorize(&self.set, &chain, &request, self.at(), &Policy::NONE),
        )
    }

    fn hold(&mut self, number: usize, chain: ChainId) -> Drafted {
        let request = HoldRequest {
            leg: self.leg(number, chain)?,
            resolver: self.leg(number, chain)?.payee,
            key: self.key(),
            decision: None,
            expires: None,
            effective: None,
            memo: None,
            cause: None,
        };
        let ledger = &self.currencies[number].ledger;
        admitted(
            chain,
            ledger.authorize_hold(&self.set, &chain, &request, self.at(), &Policy::NONE),
        )
    }

    /// Ends the oldest hold, if several are open.
    fn resolution(&mut self, number: usize) -> Drafted {
        let part = self.chance.below(100);
        let Currency { ledger, held, .. } = &mut self.currencies[number];
        if held.len() < 5 {
            return Ok(None);
        }
        let (hold, resolver) = held.remove(0);
        let request = ResolveRequest {
            holds: List::new([(hold, part)])?,
            memo: None,
            cause: None,
        };
        let at = Timestamp::from_millis(START + self.written / ENTRIES_A_DAY * DAY);
        admitted(
            resolver,
            ledger.authorize_resolve(&self.set, &resolver, &request, at),
        )
    }

    /// Pays back an atom of the newest payment that was taken.
    fn refund(&mut self, number: usize) -> Drafted {
        let key = self.key();
        let Some((chain, original)) = self.currencies[number].taken.pop() else {
            return Ok(None);
        };
        let request = RefundRequest {
            original,
            amount: Amount::new(1)?,
            key,
            decision: None,
            effective: None,
            memo: None,
            cause: None,
        };
        let ledger = &self.currencies[number].ledger;
        admitted(
            chain,
            ledger.authorize_refund(&self.set, &chain, &request, self.at(), &Policy::NONE),
        )
    }

    /// Takes what arrived, or sends the first leg of it back.
    fn take(&mut self, number: usize, chain: ChainId) -> Result<(), Fault> {
        let refuses = self.chance.below(10) == 0;
        let at = self.at();
        let Currency { ledger, taken, .. } = &mut self.currencies[number];
        let columns = ledger.columns(&self.set);
        let Some((leg, _)) = columns.incoming(chain).next() else {
            return Ok(());
        };
        let draft = if refuses {
            ledger.draft_refusal(&self.set, &chain, leg, at).ok()
        } else {
            taken.push((chain, leg));
            ledger.draft_acks(&self.set, &chain, at)?
        };
        drop(columns);
        if let Some(draft) = draft {
            self.write(number, chain, draft)?;
        }
        Ok(())
    }

    /// Two payments after one record. A payee took the first before it knew.
    fn fork(&mut self, number: usize) -> Result<(), Fault> {
        let [chain, payee] = [0, 1].map(|at| self.currencies[number].accounts[at]);
        let mut drafts = Vec::new();
        for branch in [1, 2] {
            let key = OperationKey::from_bytes([branch; 32]);
            let amount = Amount::new(500)?;
            let request = paying(List::new([Leg { payee, amount }])?, key);
            let ledger = &self.currencies[number].ledger;
            match ledger.authorize(&self.set, &chain, &request, self.at(), &Policy::NONE)? {
                Authorized::Draft(draft) => drafts.push(draft),
                Authorized::Again(_) => return Err("the key is new".into()),
            }
        }
        for draft in drafts {
            self.write(number, chain, draft)?;
            let ledger = &self.currencies[number].ledger;
            if let Some(ack) = ledger.draft_acks(&self.set, &payee, self.at())? {
                self.write(number, payee, ack)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, number: usize, chain: ChainId, draft: Draft) -> Result<RecordId, Fault> {
        let accounts = &self.currencies[number].accounts;
        let member = accounts.iter().position(|account| *account == chain);
        let member = &self.members[member.ok_or("an account of a member")?];
        let record = draft.sign(member)?;
        let id = record.id();
        self.insert(record)?;
        self.written += 1;
        Ok(id)
    }

    fn insert(&mut self, record: Signed<Record>) -> Result<(), Fault> {
        let slot = self.set.insert(record)?.slot();
        for currency in &mut self.currencies {
            currency.ledger.update(&self.set, slot);
            currency.ledger.refresh(&self.set);
        }
        Ok(())
    }

    /// Answers about both units, from registers that the caller keeps.
    pub(crate) fn queries<'a>(&'a self, registers: &'a mut [Register; 2]) -> Vec<Query<'a>> {
        let both = self.currencies.iter().zip(registers);
        both.map(|(currency, register)| register.query(&self.set, &currency.ledger))
            .collect()
    }

    /// Members are called by their number.
    pub(crate) fn name(&self, chain: &ChainId) -> Option<AccountName> {
        let accounts = |currency: &Currency| {
            let accounts = currency.accounts.iter();
            accounts.clone().position(|account| account == chain)
        };
        let member = self.currencies.iter().find_map(accounts)?;
        AccountName::new(&format!("members:m{member}"))
    }

    /// What every account of a journal must hold: account, commodity, number
    /// in atoms, only those that are not zero.
    pub(crate) fn columns(&self) -> Vec<(String, &'static str, i128)> {
        let mut found = Vec::new();
        for (currency, (.., symbol)) in self.currencies.iter().zip(UNITS) {
            for (chain, column) in currency.ledger.columns(&self.set).accounts() {
                let Some(name) = self.name(&chain) else {
                    continue;
                };
                found.push((name.to_string(), symbol, column.posted));
                found.push((format!("contested:{name}"), symbol, column.contested));
                for (word, atoms) in [("held", column.held), ("in transit", column.outgoing)] {
                    let atoms = i128::try_from(atoms).unwrap_or(i128::MAX);
                    found.push((format!("{word}:{name}"), symbol, atoms));
                }
            }
        }
        found.retain(|(.., atoms)| *atoms != 0);
        found
    }
}

/// Whose draft, if the ledger admits it.
type Drafted = Result<Option<(ChainId, Authorized)>, Fault>;

fn admitted(chain: ChainId, answer: Result<Authorized, Refusal>) -> Drafted {
    Ok(answer.ok().map(|authorized| (chain, authorized)))
}

/// A payment of which nothing else is said.
const fn paying(legs: List<Leg, 1, LEGS_MAX>, key: OperationKey) -> PaymentRequest {
    PaymentRequest {
        legs,
        key,
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    }
}
