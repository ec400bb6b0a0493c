//! The registrar's duties: open votes, certify them, let them take effect, and
//! seal chains that moved.

use icn_governance::author::{Drafted, draft_close, draft_opening, draft_ready};
use icn_types::authority::{Act, Finality, SEAL_ROWS_MAX, Seal, SealRow, Sealed, Tip};
use icn_types::canon::List;
use icn_types::id::ChainId;
use icn_types::record::{Draft, Kind};
use icn_types::resume::Standing;
use icn_types::set::Seat;
use icn_types::time::Timestamp;

use super::{Node, SharedSigner};

impl Node {
    pub(super) fn registrar_duty(
        &self,
        now: Timestamp,
        able: &[&SharedSigner],
    ) -> Option<(Draft, SharedSigner)> {
        let key = self.set().registrar()?;
        let signer = able.iter().find(|signer| signer.public_key() == key)?;
        let standing = self.standing(&self.set().authority());
        (standing == Standing::Confirmed).then_some(())?;
        let at = self.not_before_tip(&self.set().authority(), now);
        let draft = self
            .vote_duty(at)
            .or_else(|| self.receivership_duty(at))
            .or_else(|| self.release_duty(at))
            .or_else(|| self.seal_duty(at))?;
        Some((draft, SharedSigner::clone(signer)))
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
    fn seal_duty(&self, at: Timestamp) -> Option<Draft> {
        let set = self.set();
        let interval = set.charter()?.seal_interval;
        let is_early = |(last, rows): (Timestamp, _)| {
            rows < SEAL_ROWS_MAX && at < last.saturating_add(interval)
        };
        if self.last_checkpoints().is_some_and(is_early) {
            return None;
        }
        let rows: Vec<SealRow> = set
            .office()?
            .seats()
            .filter_map(|(chain, seat)| self.seal_row(chain, seat))
            .take(SEAL_ROWS_MAX)
            .collect();
        let rows = List::new(rows).ok()?;
        self.draft_act(&Act::Seal(Seal { rows }), Vec::new(), at)
    }

    /// When the newest Seal with a checkpoint was written, and how many rows it
    /// has.
    fn last_checkpoints(&self) -> Option<(Timestamp, usize)> {
        let set = self.set();
        let acts = self.acts();
        let mut seals = acts.filter(|&slot| set.record(slot).kind() == Kind::SEAL);
        seals.find_map(|slot| match set.act(slot)? {
            Act::Seal(seal) if seal.rows.iter().any(|row| row.finality == Finality::Open) => {
                Some((set.record(slot).at(), seal.rows.len()))
            }
            _ => None,
        })
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
