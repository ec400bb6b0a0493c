//! The registrar's duties: open votes, certify them, let them take effect, and
//! seal chains that moved.

use icn_governance::author::{Drafted, draft_close, draft_opening, draft_ready};
use icn_types::authority::{Act, Finality, SEAL_ROWS_MAX, Seal, SealRow, Sealed};
use icn_types::canon::List;
use icn_types::id::ChainId;
use icn_types::record::{Content, Draft, Kind};
use icn_types::set::Seat;
use icn_types::time::Timestamp;

use super::{Node, SharedSigner};

impl Node {
    pub(super) fn registrar_duty(&self, now: Timestamp) -> Option<(Draft, SharedSigner)> {
        let key = self.set().registrar()?;
        let signer = self
            .signers
            .iter()
            .find(|signer| signer.public_key() == key)?;
        let at = self.not_before_tip(&self.set().authority(), now);
        let draft = self.vote_duty(at).or_else(|| self.seal_duty(at))?;
        Some((draft, signer.clone()))
    }

    fn vote_duty(&self, at: Timestamp) -> Option<Draft> {
        let (set, governance) = (self.set(), self.governance());
        let new = |drafted| match drafted {
            Ok(Drafted::New(draft)) => Some(*draft),
            _ => None,
        };
        let mut proposals = governance.proposals().map(|(proposal, _, _)| proposal);
        if let Some(draft) =
            proposals.find_map(|proposal| new(draft_opening(set, governance, &proposal, at)))
        {
            return Some(draft);
        }
        set.office()?
            .decisions()
            .find_map(|(opening, decision)| match decision.close() {
                None => new(draft_close(set, governance, opening, at)),
                Some((close, _, _)) if decision.ready().is_none() => {
                    new(draft_ready(set, governance, &close, at))
                }
                Some(_) => None,
            })
    }

    /// One Seal per interval, over chains whose Valid part grew.
    fn seal_duty(&self, at: Timestamp) -> Option<Draft> {
        let set = self.set();
        let interval = set.charter()?.seal_interval;
        let last = set
            .spine(&set.authority())
            .iter()
            .rev()
            .map(|&slot| set.record(slot))
            .find(|record| record.kind() == Kind::SEAL);
        if last.is_some_and(|last| at < last.at().saturating_add(interval)) {
            return None;
        }
        let rows: Vec<SealRow> = set
            .office()?
            .seats()
            .filter_map(|(chain, seat)| self.seal_row(chain, seat))
            .take(SEAL_ROWS_MAX)
            .collect();
        let (kind, body) = Act::Seal(Seal {
            rows: List::new(rows).ok()?,
        })
        .body();
        let content = Content::new(Vec::new(), None, &body)?;
        Draft::new(set.next_place(&set.authority())?, kind, at, content)
    }

    /// The furthest head whose whole path is here, Valid and posted.
    fn seal_row(&self, chain: &ChainId, seat: &Seat) -> Option<SealRow> {
        let set = self.set();
        let sealed = set.sealed_len(chain);
        let fresh = set.spine(chain).get(sealed..)?;
        let head = fresh
            .iter()
            .take_while(|&&slot| self.books.is_valid(set, slot))
            .last()?;
        if set.is_frozen(chain) {
            return None;
        }
        let record = set.record(*head);
        let sealed = Sealed {
            header: record.header().clone(),
            signature: *record.signature(),
        };
        Some(SealRow {
            chain: *chain,
            open: seat.open(),
            sealed: Some(sealed),
            finality: Finality::Open,
        })
    }
}
