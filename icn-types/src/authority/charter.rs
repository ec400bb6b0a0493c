use crate::canon::{List, Raw, Reason};
use crate::canonical;
use crate::key::{Inception, MemberId, PublicKey};

use super::recall::can_recall;

/// The newest format of epochs that this code can judge. The first is 1.
pub const FORMAT: u16 = 1;

/// Most members that one charter or roll change names.
pub const ROLL_MAX: usize = 512;

/// The first record of a domain: who belongs to it and who keeps its chain.
///
/// Signed by the registrar key that it names. Its id is the domain's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Charter {
    /// 32 random bytes that every founding member's inception names.
    pub nonce: [u8; 32],
    /// Format of the authority chain, from 1. A node that does not know it judges
    /// nothing in the domain.
    pub format: u16,
    /// Key of the first registrar.
    pub registrar: PublicKey,
    /// Keys that may recall the registrar while the roll has fewer than four
    /// members; more than two thirds of them must sign.
    pub recovery: List<PublicKey, 0, 16>,
    /// The founding members.
    pub roll: List<Inception, 1, ROLL_MAX>,
    /// Milliseconds between Seals of chains that moved.
    pub seal_interval: u64,
    /// Rules of voting, read by icn-governance.
    pub rules: Raw,
}
canonical!(Charter = "icn/types/charter/v1" { nonce, format, registrar, recovery, roll, seal_interval, rules } where check);

impl Charter {
    fn check(self) -> Result<Self, Reason> {
        if self.format == 0 {
            return Err(Reason::Value("charter.format"));
        }
        let belong = self
            .roll
            .iter()
            .all(|member| member.community == self.nonce);
        let ascending = self.roll.is_sorted_by(|a, b| a.id() < b.id());
        if !belong || !ascending {
            return Err(Reason::Value("charter.roll"));
        }
        if !super::ascending(&self.recovery) || !can_recall(self.roll.len(), self.recovery.len()) {
            return Err(Reason::Value("charter.recovery"));
        }
        Ok(self)
    }
}

/// Members who join and members who leave.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct RollChange {
    /// Members who join.
    pub join: List<Inception, 0, ROLL_MAX>,
    /// Members who leave, ascending.
    pub leave: List<MemberId, 0, ROLL_MAX>,
}
canonical!(RollChange = "icn/types/roll/v1" { join, leave });
