//! The registrar's duties: open votes, certify them, let them take effect, and
//! seal chains that moved.

use icn_governance::author::{Drafted, draft_close, draft_opening, draft_ready};
use icn_types::authority::{Act, Finality, SEAL_ROWS_MAX, Seal, SealRow, Sealed, Tip};
use icn_types::canon::List;
use icn_types::id::ChainId;
use icn_types::record::Draft;
use icn_types::resume::Standing;
use icn_types::set::Seat;
use icn_types::time::Timestamp;

use super::{Node, SharedSigner, Work};

impl Node {
    pub(super) fn registrar_duty(
        &mut self,
        now: Timestamp,
        work: &mut Work,
    ) -> Option<(Draft, SharedSigner)> {
        let key = self.set().registrar()?;
        (!work.mute.contains(&key)).then_some(())?;
        let signer = self.signer_with(key)?.clone();
        let standing = self.standing(&self.set().authority());
        (standing == Standing::Confirmed).then_some(())?;
        let at = self.not_before_tip(&self.set().authority(), now);
        let draft = self
            .vote_duty(at)
            .or_else(|| self.receivership_duty(at))
            .or_else(|| self.release_duty(at))
            .or_else(|| self.seal_duty(at, work))?;
        Some((draft, signer))
    }

    fn vote_duty(&self, at: Timestamp) -> Option<Draft> {
        let (set, governance) = (self.set(), self.governance());
        let new = |drafted| match drafted {
            Ok(Drafted::New(draft)) => self.if_valid(*draft),
            _ => None,
        };
        let mut proposals = self.docket.proposals();
        if let Some(draft) =
            proposals.find_map(|proposal| new(draft_opening(set, governance, proposal, at)))
        {
            return Some(draft);
        }
        self.pending()
            .find_map(|(opening, decision)| match decision.close() {
                None => new(draft_close(set, governance, opening, at)),
                Some((close, _, _)) if decision.ready().is_none() => {
                    new(draft_ready(set, governance, &close, at))
                }
                Some(_) => None,
            })
    }

    /// Checkpoints once per interval, over chains whose Valid part grew: one
    /// Seal after another while they are full.
    fn seal_duty(&mut self, at: Timestamp, work: &mut Work) -> Option<Draft> {
        if self.sealing.is_early(at) {
            return None;
        }
        self.end_of_authority()?;
        let office = self.set().office()?;
        let seats = self
            .sealing
            .chains()
            .filter_map(|chain| Some((chain, office.seat(chain)?)));
        let rows: Vec<SealRow> = seats
            .inspect(|_| work.progress.looked += 1)
            .filter_map(|(chain, seat)| self.seal_row(chain, seat))
            .take(SEAL_ROWS_MAX)
            .collect();
        if rows.is_empty() {
            self.sealing.be_quiet();
        }
        let rows = List::new(rows).ok()?;
        self.draft_act(&Act::Seal(Seal { rows }), Vec::new(), at)
    }

    /// A checkpoint at a head beyond the last Seal.
    fn seal_row(&self, chain: &ChainId, seat: &Seat) -> Option<SealRow> {
        let set = self.set();
        let sealed = self.sealed_head(chain)?;
        let is_new = usize::try_from(sealed.header.seq()).ok()? >= set.sealed_len(chain);
        let is_open = !set.is_frozen(chain) && !self.lags(chain);
        (is_new && is_open).then(|| SealRow {
            chain: *chain,
            open: seat.open(),
            sealed: Some(sealed),
            finality: Finality::Open,
        })
    }

    /// Whether a chain was sealed further than this node holds it, or elsewhere.
    /// A row from here would go back, which ends the registrar's own epoch, or
    /// contradict the one before.
    pub(super) fn lags(&self, chain: &ChainId) -> bool {
        let set = self.set();
        let is_here = |tip: Tip| set.find(&tip.head).is_some_and(|head| set.on_spine(head));
        set.newest_row(chain).is_some_and(|tip| !is_here(tip))
    }

    /// The furthest head whose whole path is here, Valid and posted, or the
    /// one that was sealed before.
    pub(super) fn sealed_head(&self, chain: &ChainId) -> Option<Sealed> {
        let set = self.set();
        let (sealed, fresh) = set.spine(chain).split_at_checked(set.sealed_len(chain))?;
        let good = fresh
            .iter()
            .take_while(|&&slot| self.books.is_valid(set, slot));
        let head = good.last().or_else(|| sealed.last())?;
        let record = set.record(*head);
        Some(Sealed {
            header: record.header().clone(),
            signature: *record.signature(),
        })
    }
}
