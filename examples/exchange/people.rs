//! A cooperative that counts hours and meals: its keys, its founding, and one
//! replica of its two ledgers.

use std::collections::BTreeMap;

use icn_events::genesis::{FirstEpoch, Founding};
use icn_ledger::unit::Scale;
use icn_ledger::{Authorized, Ledger, Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::authority::{Charter, FORMAT, Grant};
use icn_types::canon::{List, Raw};
use icn_types::chain::Owner;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, DomainId};
use icn_types::key::{Inception, Keypair, Signer as _};
use icn_types::record::{Draft, Place};
use icn_types::set::RecordSet;
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

pub(crate) type Fault = Box<dyn std::error::Error>;

/// Everybody with an account in both units. The kitchen exchanges, and what
/// rounding leaves is the commons'.
pub(crate) const NAMES: [&str; 5] = ["Ana", "Ben", "Cleo", "kitchen", "commons"];

/// A unit with everybody's account in it.
#[derive(Clone, Copy)]
pub(crate) struct Accounts {
    pub(crate) unit: Unit,
    /// What a meal costs.
    pub(crate) price: Amount,
    pub(crate) of: [ChainId; NAMES.len()],
}

/// All keys, and what everybody has seen.
pub(crate) struct Cooperative {
    pub(crate) set: RecordSet,
    pub(crate) hours: Ledger,
    pub(crate) meals: Ledger,
    pub(crate) in_hours: Accounts,
    pub(crate) in_meals: Accounts,
    writers: BTreeMap<ChainId, Keypair>,
}

impl Cooperative {
    pub(crate) fn found(now: Timestamp) -> Result<Self, Fault> {
        let nonce = sha256(b"time bank with a kitchen"); // random in life
        let registrar = key("registrar");
        let recovery = key("recovery").public_key();
        let inception = |name: &&str| Inception {
            community: nonce,
            key: key(name).public_key(),
            recovery,
        };
        let roll: Vec<Inception> = NAMES[..3].iter().map(inception).collect();
        let charter = Charter {
            nonce,
            format: FORMAT,
            registrar: registrar.public_key(),
            recovery: List::new([recovery])?,
            roll: List::new(sorted(roll.clone()))?,
            seal_interval: 60_000,
            rules: Raw::of(&0_u64),
        };
        let mut founding = Founding::new(charter, &registrar, now)?;
        let domain = founding.domain();
        let owners = [
            Owner::Member(roll[0].id(), 0),
            Owner::Member(roll[1].id(), 0),
            Owner::Member(roll[2].id(), 0),
            Owner::Partner(0),
            Owner::Shared(0),
        ];
        let mut writers = BTreeMap::new();
        let mut open = |unit: Unit, price: &str| -> Result<Accounts, Fault> {
            let mut of = [ChainId::from_bytes([0; 32]); NAMES.len()];
            for ((chain, owner), name) in of.iter_mut().zip(owners).zip(NAMES) {
                let epoch = FirstEpoch {
                    chain: Topic::Ledger(domain, unit.id()).chain(owner),
                    key: key(name).public_key(),
                    recovery,
                    grant: Some(credit(&unit)?),
                };
                *chain = founding.open(epoch, &key(name))?;
                writers.insert(*chain, key(name));
            }
            let price = unit.parse(price)?;
            Ok(Accounts { unit, price, of })
        };
        let in_hours = open(unit(domain, "hours", 3600)?, "1h30")?;
        let in_meals = open(unit(domain, "meals", 1)?, "1")?;
        let set = founding.finish()?.into_set();
        Ok(Self {
            hours: Ledger::of(&set, in_hours.unit),
            meals: Ledger::of(&set, in_meals.unit),
            set,
            in_hours,
            in_meals,
            writers,
        })
    }

    /// Signs a draft with the key of its chain and stores the record.
    pub(crate) fn store(&mut self, authorized: &Authorized) -> Result<(), Fault> {
        match authorized {
            Authorized::Draft(draft) => self.sign(draft.clone()),
            Authorized::Again(_) => Ok(()),
        }
    }

    fn sign(&mut self, draft: Draft) -> Result<(), Fault> {
        let Place::Entry { chain, .. } = *draft.header().place() else {
            return Err("only entries are written here".into());
        };
        let signer = self.writers.get(&chain).ok_or("nobody has the key")?;
        let slot = self.set.insert(draft.sign(signer)?)?.slot();
        for ledger in [&mut self.hours, &mut self.meals] {
            ledger.update(&self.set, slot);
            ledger.refresh(&self.set);
        }
        Ok(())
    }

    /// Everybody takes what arrived.
    pub(crate) fn acknowledge(&mut self, at: Timestamp) -> Result<(), Fault> {
        for accounts in [self.in_hours, self.in_meals] {
            for chain in accounts.of {
                let ledger = self.ledger(&accounts);
                if let Some(draft) = ledger.draft_acks(&self.set, &chain, at)? {
                    self.sign(draft)?;
                }
            }
        }
        Ok(())
    }

    fn ledger(&self, accounts: &Accounts) -> &Ledger {
        if accounts.unit == self.in_hours.unit {
            &self.hours
        } else {
            &self.meals
        }
    }

    /// Who holds an account, and what it counts.
    pub(crate) fn holder(&self, chain: &ChainId) -> Option<(&'static str, Unit)> {
        [self.in_hours, self.in_meals].iter().find_map(|accounts| {
            let at = accounts.of.iter().position(|one| one == chain)?;
            Some((NAMES[at], accounts.unit))
        })
    }
}

fn key(name: &str) -> Keypair {
    Keypair::from_seed(&sha256(name.as_bytes()))
}

fn sorted(mut roll: Vec<Inception>) -> Vec<Inception> {
    roll.sort_by_key(Inception::id);
    roll
}

fn unit(issuer: DomainId, code: &str, atoms: u64) -> Result<Unit, Fault> {
    Ok(Unit {
        issuer,
        code: UnitCode::new(code).ok_or("a code")?,
        scale: Scale::new(atoms).ok_or("a scale")?,
        min_leg: Amount::new(1)?,
    })
}

/// Twenty of each unit.
fn credit(unit: &Unit) -> Result<Grant, Fault> {
    let limit = i64::try_from(20 * unit.scale.get())?;
    Ok(Grant {
        floor: -limit,
        ceiling: limit,
        float: limit.unsigned_abs(),
    })
}
