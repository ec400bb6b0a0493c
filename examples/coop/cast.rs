//! The cast: everybody's keys, and the genesis that they sign.

use icn_events::genesis::{FirstEpoch, Founding, Genesis, Peer};
use icn_governance::charter::Rules;
use icn_governance::rule::Rule;
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::authority::{Charter, FORMAT, Grant};
use icn_types::canon::{List, Raw};
use icn_types::chain::Owner;
use icn_types::hash::Hasher;
use icn_types::id::{ChainId, DomainId};
use icn_types::key::{Inception, Keypair, PeerId, PublicKey, Signer as _};
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

use crate::scenario::{Party, Scenario};

/// Simulated milliseconds that a vote is open, and until it may take effect: a
/// week and a day, so that no slow machine misses a vote.
pub(crate) const PERIOD: u64 = 7 * 24 * 3_600_000;
pub(crate) const TIMELOCK: u64 = 24 * 3_600_000;

/// Simulated milliseconds between Seals.
pub(crate) const SEAL_INTERVAL: u64 = 2_000;

/// When the founding records claim to have been written.
const FOUNDED_AT: u64 = 1_767_225_600_000;

type Fault = Box<dyn std::error::Error>;

/// Everybody in the story.
pub(crate) struct Cast {
    seed: u64,
    pub(crate) members: Vec<Person>,
    pub(crate) units: Vec<Unit>,
    pub(crate) genesis: Genesis,
    /// Knows the nodes and is known to them, but sends them rubbish.
    pub(crate) hostile: Keypair,
}

/// A member with the keys of its node.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) inception: Inception,
    /// Keys that the node writes with.
    pub(crate) signers: Vec<Keypair>,
    pub(crate) transport: Keypair,
}

impl Person {
    pub(crate) fn peer(&self) -> PeerId {
        PeerId::new(self.transport.public_key())
    }
}

impl Cast {
    /// Draws all keys from one seed and founds the cooperative.
    pub(crate) fn new(scenario: &Scenario, seed: u64) -> Result<Self, Fault> {
        let nonce = draw(seed, "community", 0);
        let recovery = key(seed, "recovery", 0).public_key();
        let mut members: Vec<Person> = (0_u32..)
            .zip(&scenario.members)
            .map(|(number, member)| Person {
                name: member.name.clone(),
                inception: Inception {
                    community: nonce,
                    key: key(seed, "member", number).public_key(),
                    recovery,
                },
                signers: ["member", "teller", "audit"]
                    .map(|role| key(seed, role, number))
                    .into(),
                transport: key(seed, "transport", number),
            })
            .collect();
        for (number, partner) in (0_u32..).zip(&scenario.partners) {
            members[partner.node]
                .signers
                .push(key(seed, "partner", number));
        }
        let treasurer = &mut members[scenario.treasury.node].signers;
        treasurer.extend([key(seed, "registrar", 0), key(seed, "treasury", 0)]);
        let hostile = key(seed, "hostile", 0);
        let (genesis, units) = found(scenario, seed, &members, recovery, &hostile)?;
        Ok(Self {
            seed,
            members,
            units,
            genesis,
            hostile,
        })
    }

    pub(crate) fn domain(&self) -> DomainId {
        self.genesis.domain()
    }

    /// 32 bytes that are the same in every run with this seed.
    pub(crate) fn draw(&self, role: &str, number: usize) -> [u8; 32] {
        draw(self.seed, role, u32::try_from(number).unwrap_or(u32::MAX))
    }

    pub(crate) fn voice(&self, member: usize) -> ChainId {
        Topic::Governance(self.domain())
            .chain(Owner::Member(self.members[member].inception.id(), 0))
            .id()
    }

    pub(crate) fn account(&self, unit: usize, owner: Owner) -> ChainId {
        Topic::Ledger(self.domain(), self.units[unit].id())
            .chain(owner)
            .id()
    }

    pub(crate) fn account_of(&self, unit: usize, party: Party) -> ChainId {
        self.account(unit, self.owner(party))
    }

    pub(crate) fn owner(&self, party: Party) -> Owner {
        match party {
            Party::Member(member) => Owner::Member(self.members[member].inception.id(), 0),
            Party::Partner(number) => Owner::Partner(u32::try_from(number).unwrap_or(u32::MAX)),
        }
    }
}

fn found(
    scenario: &Scenario,
    seed: u64,
    members: &[Person],
    recovery: PublicKey,
    hostile: &Keypair,
) -> Result<(Genesis, Vec<Unit>), Fault> {
    let registrar = key(seed, "registrar", 0);
    let charter = charter(scenario, members, registrar.public_key(), recovery)?;
    let mut founding = Founding::new(charter, &registrar, Timestamp::from_millis(FOUNDED_AT))?;
    let domain = founding.domain();
    let units = units(scenario, domain)?;
    for unit in &units {
        founding.unit(Raw::of(unit));
    }
    let mut open = |topic: &Topic, owner, signer: &Keypair, grant| {
        founding.open(
            FirstEpoch {
                chain: topic.chain(owner),
                key: signer.public_key(),
                recovery,
                grant,
            },
            signer,
        )
    };
    for (number, (person, member)) in (0_u32..).zip(members.iter().zip(&scenario.members)) {
        let own = Owner::Member(person.inception.id(), 0);
        let [writer, teller, auditor] =
            ["member", "teller", "audit"].map(|role| key(seed, role, number));
        open(&Topic::Governance(domain), own, &writer, None)?;
        open(
            &Topic::Governance(domain),
            Owner::Teller(number),
            &teller,
            None,
        )?;
        open(
            &Topic::Audit(domain, person.peer()),
            Owner::Node(person.peer()),
            &auditor,
            None,
        )?;
        for unit in &units {
            open(
                &Topic::Ledger(domain, unit.id()),
                own,
                &writer,
                Some(grant(unit, member.floor)?),
            )?;
        }
    }
    let unit = &units[scenario.budget.unit];
    let ledger = Topic::Ledger(domain, unit.id());
    let treasury = key(seed, "treasury", 0);
    open(
        &ledger,
        Owner::Shared(0),
        &treasury,
        Some(grant(unit, scenario.treasury.floor)?),
    )?;
    for (number, _) in (0_u32..).zip(&scenario.partners) {
        open(
            &ledger,
            Owner::Partner(number),
            &key(seed, "partner", number),
            Some(grant(unit, 0)?),
        )?;
    }
    let peers = members
        .iter()
        .map(Person::peer)
        .chain([PeerId::new(hostile.public_key())]);
    for peer in peers {
        founding.peer(Peer::new(peer, "loopback")?);
    }
    Ok((founding.finish()?, units))
}

fn charter(
    scenario: &Scenario,
    members: &[Person],
    registrar: PublicKey,
    recovery: PublicKey,
) -> Result<Charter, Fault> {
    let mut roll: Vec<Inception> = members
        .iter()
        .map(|person| person.inception.clone())
        .collect();
    roll.sort_by_key(Inception::id);
    let tellers: Vec<u32> = (0..u32::try_from(members.len())?).collect();
    let rules = Rules {
        text: Rule::majority(),
        budget: Rule::majority(),
        receivership: Rule::two_thirds_of_roll(),
        needed: u8::try_from(tellers.len() / 2 + 1)?,
        tellers: List::new(tellers)?,
        period: PERIOD,
        timelock: TIMELOCK,
    };
    let nonce = roll
        .first()
        .map(|member| member.community)
        .ok_or_else(|| format!("{} has no members", scenario.name))?;
    Ok(Charter {
        nonce,
        format: FORMAT,
        registrar,
        recovery: List::new([recovery])?,
        roll: List::new(roll)?,
        seal_interval: SEAL_INTERVAL,
        rules: Raw::of(&rules),
    })
}

fn units(scenario: &Scenario, domain: DomainId) -> Result<Vec<Unit>, Fault> {
    let unit = |unit: &crate::scenario::Unit| {
        Ok(Unit {
            issuer: domain,
            code: UnitCode::new(&unit.code)
                .ok_or_else(|| format!("{} is no code of a unit", unit.code))?,
            scale: Scale::new(unit.atoms).ok_or_else(|| format!("{} has no atoms", unit.code))?,
            min_leg: Amount::new(1)?,
        })
    };
    scenario.units.iter().map(unit).collect()
}

/// All credit may be spent before it is sealed: three friends on one machine.
fn grant(unit: &Unit, floor: i64) -> Result<Grant, Fault> {
    let atoms = i64::try_from(unit.scale.get())?;
    let floor = floor
        .checked_mul(atoms)
        .ok_or("floor is too low for the unit")?;
    Ok(Grant {
        floor,
        ceiling: i64::MAX,
        float: i64::MAX.cast_unsigned(),
    })
}

fn key(seed: u64, role: &str, number: u32) -> Keypair {
    Keypair::from_seed(&draw(seed, role, number))
}

fn draw(seed: u64, role: &str, number: u32) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(b"coop example, never a key of somebody");
    hasher.update(&seed.to_be_bytes());
    hasher.update(role.as_bytes());
    hasher.update(&number.to_be_bytes());
    hasher.finish()
}
