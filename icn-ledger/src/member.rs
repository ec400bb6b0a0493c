//! Members with several devices: an account for each, one limit for all.
//!
//! Two devices never write one chain, so neither forks the other. What a
//! member may owe is what its devices may owe together: the registrar opens
//! and raises only within a limit, and moves credit from device to device so
//! that the sum never exceeds it in between.

use alloc::vec::Vec;

use icn_types::amount::{Amount, Position};
use icn_types::authority::{
    Act, Consent, ConsentTerms, Finality as SealFinality, Grant, Open, Raise, Seal, SealRow,
    Sealed, Start,
};
use icn_types::canon::List;
use icn_types::chain::{Chain, Owner};
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, Digest};
use icn_types::key::MemberId;
use icn_types::record::Draft;
use icn_types::set::{RecordSet, Seat};
use icn_types::time::Timestamp;

use crate::account::Terms;
use crate::ledger::Ledger;
use crate::position::{Finality, Positions};
use crate::query::Register;

/// All accounts of one member in the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberAccounts {
    /// Ascending by the number of the device.
    pub devices: Vec<Device>,
    /// Where the member stands.
    pub posted: Position,
    /// How final that is: the least of the devices.
    pub finality: Finality,
    /// Credit that the devices use or may use, in atoms. This is what a limit
    /// bounds.
    pub committed: u128,
    /// What the devices may spend together, in atoms; each only its own part.
    pub spendable: u128,
}

/// The account of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// The number of the device.
    pub number: u32,
    /// Its chain.
    pub chain: ChainId,
    /// Where the account stands.
    pub positions: Positions,
    /// Credit that is used, in atoms: how far the account stands below zero,
    /// charges included.
    pub used: u128,
    /// Credit that is used or may be: down to the floor in force, raises
    /// included that the device has not named yet, or only what is used when
    /// the epoch was sealed for good.
    pub committed: u128,
}

impl MemberAccounts {
    fn device(&self, chain: &ChainId) -> Option<&Device> {
        self.devices.iter().find(|device| device.chain == *chain)
    }

    /// What is committed once one device may go down to `floor`.
    fn with(&self, chain: &ChainId, floor: i64) -> u128 {
        let device = self.device(chain);
        let (used, committed) = device.map_or((0, 0), |device| (device.used, device.committed));
        self.committed - committed + u128::from(floor.unsigned_abs()).max(used)
    }
}

/// Why the registrar does not grant credit to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreditRefusal {
    /// The chain is no member's account in this unit.
    #[error("chain is no account of a member in this unit")]
    NoMember,
    /// The accounts are one, belong to two members, or one has no epoch with
    /// a grant that goes on.
    #[error("credit moves between two open accounts of one member")]
    Devices,
    /// The member's devices could owe more than the limit together.
    #[error("devices could owe {committed} atoms, more than the limit of {limit}")]
    Limit {
        /// What they could owe, in atoms.
        committed: u128,
        /// The limit, in atoms.
        limit: u64,
    },
    /// The account uses more of its credit than would be left.
    #[error("only {free} atoms of credit are free to move")]
    Used {
        /// What could be moved, in atoms.
        free: u128,
    },
    /// The last record of the account is not here, not Valid, or forks.
    #[error("account does not end in a valid record")]
    Tip,
}

impl Coded for CreditRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NoMember => "credit.member",
            Self::Devices => "credit.devices",
            Self::Limit { .. } => "credit.limit",
            Self::Used { .. } => "credit.used",
            Self::Tip => "credit.tip",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoMember | Self::Devices => Fault::Caller,
            Self::Limit { .. } | Self::Used { .. } | Self::Tip => Fault::Rule,
        }
    }
}

impl Ledger {
    /// The accounts of a member's devices. Linear in the chains of the domain.
    #[must_use]
    pub fn member(&self, set: &RecordSet, member: &MemberId) -> MemberAccounts {
        let seats = set.office().into_iter().flat_map(|office| office.seats());
        let mut devices: Vec<Device> = seats
            .filter_map(|(chain, seat)| {
                let open = set.open(&seat.open())?;
                match open.chain.owner() {
                    Owner::Member(id, number)
                        if id == *member && open.chain.topic() == self.topic() =>
                    {
                        Some(self.device(set, number, chain, seat))
                    }
                    _ => None,
                }
            })
            .collect();
        devices.sort_unstable_by_key(|device| device.number);
        let spendable = |device: &Device| device.positions.limits.map_or(0, |l| l.spendable);
        let finality = devices.iter().map(|device| device.positions.finality).min();
        MemberAccounts {
            posted: Position::new(devices.iter().map(|d| d.positions.posted.get()).sum()),
            finality: finality.unwrap_or(Finality::Sealed),
            committed: devices.iter().map(|device| device.committed).sum(),
            spendable: devices.iter().map(spendable).sum(),
            devices,
        }
    }

    fn device(&self, set: &RecordSet, number: u32, chain: &ChainId, seat: &Seat) -> Device {
        let mut positions = self.positions(set, chain);
        let is_frozen = set.is_frozen(chain);
        if is_frozen {
            positions.limits = None; // nobody spends before the next Open
        }
        let charged = positions.charged.max(u128::from(seat.charged()));
        let stands = self.account(set, chain).sums(&Terms::default()).position();
        let owes = i128::try_from(charged).map_or(i128::MAX, |charged| charged - stands);
        let used = owes.max(0).unsigned_abs();
        let granted = seat.floor().filter(|_| !is_frozen);
        let granted = granted.map_or(0, |floor| u128::from(floor.unsigned_abs()));
        Device {
            number,
            chain: *chain,
            positions,
            used,
            committed: granted.max(used),
        }
    }

    /// Whether the registrar may open an account of a member within `limit`
    /// atoms of credit for all of its devices together.
    ///
    /// # Errors
    /// [`CreditRefusal::NoMember`], [`CreditRefusal::Limit`].
    pub fn admit_open(
        &self,
        set: &RecordSet,
        open: &Open,
        limit: u64,
    ) -> Result<(), CreditRefusal> {
        let floor = open.grant.map_or(0, |grant| grant.floor);
        self.admit(set, &open.chain, floor, limit)
    }

    /// The same for a raise of a running epoch.
    ///
    /// # Errors
    /// As [`admit_open`](Self::admit_open).
    pub fn admit_raise(
        &self,
        set: &RecordSet,
        raise: &Raise,
        limit: u64,
    ) -> Result<(), CreditRefusal> {
        let open = set.open(&raise.open).ok_or(CreditRefusal::NoMember)?;
        self.admit(set, &open.chain, raise.floor, limit)
    }

    fn admit(
        &self,
        set: &RecordSet,
        chain: &Chain,
        floor: i64,
        limit: u64,
    ) -> Result<(), CreditRefusal> {
        let member = chain
            .owner()
            .member()
            .filter(|_| chain.topic() == self.topic())
            .ok_or(CreditRefusal::NoMember)?;
        let committed = self.member(set, &member).with(&chain.id(), floor);
        if committed > u128::from(limit) {
            return Err(CreditRefusal::Limit { committed, limit });
        }
        Ok(())
    }

    /// Plans how `amount` of credit goes from one device of a member to
    /// another: a final Seal and an Open that leaves the first one less, and
    /// only then a Raise of the other. The first device agrees to its part.
    ///
    /// # Errors
    /// [`CreditRefusal`]; nothing is written here.
    pub fn plan_move(
        &self,
        set: &RecordSet,
        (from, to): (&ChainId, &ChainId),
        amount: Amount,
        limit: u64,
    ) -> Result<Move, CreditRefusal> {
        let running = |chain: &ChainId| {
            let seat = set.office()?.seat(chain)?;
            let open = set.open(&seat.open()).filter(|_| !set.is_frozen(chain))?;
            let member = open.chain.owner().member()?;
            Some((open, seat, seat.floor()?, member))
        };
        let (open, seat, floor, member) = running(from).ok_or(CreditRefusal::Devices)?;
        let (_, other, other_floor, other_member) = running(to).ok_or(CreditRefusal::Devices)?;
        if from == to || member != other_member {
            return Err(CreditRefusal::Devices);
        }
        let accounts = self.member(set, &member);
        let both = accounts.device(from).zip(accounts.device(to));
        let (source, _) = both.ok_or(CreditRefusal::NoMember)?;
        let free = u128::from(floor.unsigned_abs()).saturating_sub(source.used);
        let moved = i64::try_from(amount.get()).unwrap_or(i64::MAX);
        if u128::from(amount.get()) > free {
            return Err(CreditRefusal::Used { free });
        }
        // The first device has given up as much as the second one gets.
        let lowered = other_floor.saturating_sub(moved);
        let committed = accounts.with(to, lowered) - u128::from(amount.get());
        if committed > u128::from(limit) {
            return Err(CreditRefusal::Limit { committed, limit });
        }
        let grant = open.grant.ok_or(CreditRefusal::Devices)?;
        let sealed = self.tip(set, from, seat)?;
        let claims = Register::new().query(set, self).claims_of(from);
        Ok(Move {
            row: SealRow {
                chain: *from,
                open: seat.open(),
                sealed,
                finality: SealFinality::Final,
            },
            open: open.clone(),
            grant: Grant {
                floor: floor + moved,
                ..grant
            },
            charged: u64::try_from(claims.claimed).map_err(|_| CreditRefusal::Tip)?,
            claims: claims.digest(),
            raise: Raise {
                open: other.open(),
                floor: lowered,
            },
        })
    }

    /// The last record of an account, if the account can be sealed there.
    fn tip(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        seat: &Seat,
    ) -> Result<Option<Sealed>, CreditRefusal> {
        if set.fork(chain).is_some() {
            return Err(CreditRefusal::Tip);
        }
        let start = set.open(&seat.open()).and_then(|open| open.start.tip());
        let Some(&tip) = set.spine(chain).last() else {
            return start.map_or(Ok(None), |_| Err(CreditRefusal::Tip));
        };
        let record = set.record(tip);
        let is_own = record.epoch() == Some(seat.open())
            || start.is_some_and(|start| start.head == record.id());
        if !is_own || !self.verdict(tip).is_valid() {
            return Err(CreditRefusal::Tip);
        }
        Ok(Some(Sealed {
            header: record.header().clone(),
            signature: *record.signature(),
        }))
    }
}

/// A planned move of credit between two devices of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    row: SealRow,
    /// The epoch that the first device writes now.
    open: Open,
    grant: Grant,
    charged: u64,
    claims: Option<Digest>,
    raise: Raise,
}

impl Move {
    /// What the first device signs: the same keys at its own last record, with
    /// less credit. It writes nothing until the Open is there.
    #[must_use]
    pub fn terms(&self, set: &RecordSet) -> ConsentTerms {
        ConsentTerms {
            domain: set.domain(),
            chain: self.row.chain,
            start: self.start(),
            key: self.open.key,
            recovery: self.open.recovery,
            format: self.open.format,
            grant: Some(self.grant),
        }
    }

    fn start(&self) -> Start {
        Start::After {
            prior: self.row.open,
            tip: self.row.tip(),
        }
    }

    /// Seal, Open and Raise, to be signed and written in this order at the end
    /// of the authority chain; all of them, or none if the plan or the chain is
    /// out of date by then. `None` while the chain cannot be written.
    #[must_use]
    pub fn drafts(&self, set: &RecordSet, consent: Consent, at: Timestamp) -> Option<[Draft; 3]> {
        let rows = List::new([self.row.clone()]).ok()?;
        let open = Open {
            start: self.start(),
            charged: self.charged,
            claims: self.claims,
            grant: Some(self.grant),
            consent,
            ..self.open.clone()
        };
        let draft = |place, act: Act| act.draft(place, Vec::new(), at);
        let place = set.next_place(&set.authority())?;
        let seal = draft(place, Act::Seal(Seal { rows }))?;
        let open = draft(seal.header().next_place()?, Act::Open(open))?;
        let raise = draft(open.header().next_place()?, Act::Raise(self.raise))?;
        Some([seal, open, raise])
    }
}
