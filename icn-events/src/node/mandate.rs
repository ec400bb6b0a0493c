//! What the registrar does about decided receiverships and envelopes. It acts
//! on a decision only after the ballots confirmed it.

use icn_types::authority::{Act, Action, Consent, Grant, Open, Release};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::PublicKey;
use icn_types::record::{Draft, Place};
use icn_types::set::{Seat, Slot};
use icn_types::time::Timestamp;

use super::Node;
use super::duty::ReadyAction;

impl Node {
    /// Seals an account that gets a receiver, then opens it for that one.
    pub(super) fn receivership_duty(&self, at: Timestamp) -> Option<Draft> {
        let office = self.set().office()?;
        self.ready_actions().find_map(|ready| {
            let Action::Receive {
                chain,
                key,
                recovery,
            } = ready.action
            else {
                return None;
            };
            if office.has_received(&ready.proposal, ready.number) {
                return None;
            }
            let seat = office.seat(&chain)?;
            let open = self.set().open(&seat.open())?;
            self.books.ledger_of(self.set(), &chain)?;
            office.is_account(&open.chain).then_some(())?;
            if self.set().is_frozen(&chain) {
                self.open_for_receiver(&chain, seat, (key, recovery), &ready, at)
            } else {
                self.draft_act(&self.final_seal(&chain, seat)?, Vec::new(), at)
            }
        })
    }

    /// The next epoch under the same limits, and charged with what is claimed.
    fn open_for_receiver(
        &self,
        chain: &ChainId,
        seat: &Seat,
        (key, recovery): (PublicKey, PublicKey),
        ready: &ReadyAction,
        at: Timestamp,
    ) -> Option<Draft> {
        let before = self.set().open(&seat.open())?;
        let open = Open {
            key,
            recovery,
            start: self.set().next_start(chain)?,
            grant: before.grant.map(|grant| Grant {
                floor: seat.floor().unwrap_or(grant.floor),
                ..grant
            }),
            consent: Consent::Decision {
                ready: ready.ready,
                action: ready.number,
            },
            ..before.clone()
        };
        let open = self.charged(chain, open).ok()?;
        self.draft_act(&Act::Open(open), vec![ready.ready], at)
    }

    /// Releases the next tranche of an envelope that is due.
    pub(super) fn release_duty(&self, at: Timestamp) -> Option<Draft> {
        self.ready_actions().find_map(|ready| {
            let decision = self.set().decision_of(&ready.ready)?;
            let (tranche, due) = decision.next_tranche(ready.number)?;
            (due <= at).then_some(())?;
            let release = Release {
                ready: ready.ready,
                action: ready.number,
                tranche,
            };
            self.draft_act(&Act::Release(release), vec![ready.ready], at)
        })
    }

    /// One act, if it would be Valid.
    pub(super) fn draft_act(&self, act: &Act, refs: Vec<RecordId>, at: Timestamp) -> Option<Draft> {
        self.if_valid(act.draft(self.end_of_authority()?, refs, at)?)
    }

    /// An Invalid act would end the registrar's own epoch.
    pub(super) fn if_valid(&self, act: Draft) -> Option<Draft> {
        self.set().rehearse(&act).is_valid().then_some(act)
    }

    /// Acts that follow each other.
    pub(super) fn draft_acts(&self, acts: &[Act], at: Timestamp) -> Option<Vec<Draft>> {
        let mut place = self.end_of_authority();
        let drafts = acts.iter().map(|act| {
            let draft = act.draft(place?, Vec::new(), at)?;
            place = draft.header().next_place();
            Some(draft)
        });
        drafts.collect()
    }

    /// Records of the authority chain, newest first.
    pub(super) fn acts(&self) -> impl Iterator<Item = Slot> + '_ {
        let spine = self.set().spine(&self.set().authority());
        spine.iter().rev().copied()
    }

    /// The newest act that is as asked.
    pub(super) fn written(&self, is_it: impl Fn(&Act) -> bool) -> Option<RecordId> {
        let set = self.set();
        let is_it = |slot: &Slot| set.act(*slot).is_some_and(|act| is_it(&act));
        self.acts().find(is_it).map(|slot| set.id(slot))
    }

    /// Where the next act goes, if the registrar's epoch goes on.
    pub(super) fn end_of_authority(&self) -> Option<Place> {
        let (set, authority) = (self.set(), self.set().authority());
        let goes_on = set.spine(&authority).last().copied() == set.office_tip();
        set.next_place(&authority).filter(|_| goes_on)
    }
}
