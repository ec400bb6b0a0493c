//! Proofs in an audit file: each shows what a line about a fork says.

use std::collections::VecDeque;

use icn_types::authority::Act;
use icn_types::canon;
use icn_types::id::{ChainId, RecordId};
use icn_types::key::PublicKey;
use icn_types::set::{ClaimedEquivocation, RecordSet};

use crate::sheet::{LineError, unhex};

use super::error::{AuditError, AuditReason};

/// Proofs that lines ask for and that have not come yet, in their order.
#[derive(Debug, Default)]
pub(super) struct Proofs(VecDeque<Due>);

#[derive(Debug)]
struct Due {
    number: u32,
    ids: (RecordId, RecordId),
}

impl Proofs {
    /// The line with this number names two records.
    pub(super) fn expect(&mut self, number: u32, ids: (RecordId, RecordId)) {
        self.0.push_back(Due { number, ids });
    }

    /// Takes the proof that must come next.
    pub(super) fn take(
        &mut self,
        set: &RecordSet,
        number: u32,
        value: &str,
    ) -> Result<(), AuditError> {
        let here = |reason| LineError::new(number, reason);
        let Some(due) = self.0.front() else {
            return Err(here(AuditReason::ProofUnnamed));
        };
        let ids = proved(set, value).map_err(here)?;
        if ids != due.ids {
            let is_later = self.0.iter().any(|due| due.ids == ids);
            return match is_later {
                true => self.all_came(),
                false => Err(here(AuditReason::ProofUnnamed)),
            };
        }
        self.0.pop_front();
        Ok(())
    }

    /// The first line whose proof has not come is refused.
    pub(super) fn all_came(&self) -> Result<(), AuditError> {
        match self.0.front() {
            Some(due) => Err(LineError::new(due.number, AuditReason::ProofMissing)),
            None => Ok(()),
        }
    }
}

/// The two records of a proof, if the key of their epoch signed both.
fn proved(set: &RecordSet, value: &str) -> Result<(RecordId, RecordId), AuditReason> {
    let claimed: ClaimedEquivocation = canon::from_bytes(&unhex(value)?)?;
    let epoch = claimed.epoch().and_then(|epoch| writer(set, &epoch));
    let (writes, key) = epoch.ok_or(AuditReason::ProofEpoch)?;
    let proof = claimed.verify(&key.prepare())?;
    let (chain, ..) = proof.place();
    if chain == writes {
        Ok(proof.ids())
    } else {
        Err(AuditReason::ProofEpoch)
    }
}

/// The chain that an epoch writes, and its key.
fn writer(set: &RecordSet, epoch: &RecordId) -> Option<(ChainId, PublicKey)> {
    match set.act(set.find(epoch)?)? {
        Act::Open(open) => Some((open.chain.id(), open.key)),
        Act::Charter(charter) => Some((set.authority(), charter.registrar)),
        Act::Recall(recall) => Some((set.authority(), recall.successor)),
        _ => None,
    }
}
