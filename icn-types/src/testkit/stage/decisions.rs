//! Decisions that nobody voted on, and receivers whom they appoint.

use super::Stage;
use crate::authority::{
    Act, Action, Close, Consent, DecisionTerms, Opening, Outcome, ProposalId, Ready, Start, Tip,
};
use crate::canon::{List, Raw};
use crate::id::{ChainId, RecordId};
use crate::key::{Keypair, Signer as _};

#[expect(
    clippy::expect_used,
    reason = "a test builder fails the test that misuses it"
)]
impl Stage {
    /// Opens and closes a vote on some actions and makes it ready, all at once;
    /// nobody votes. The Ready.
    ///
    /// # Panics
    /// When there are more actions than an opening holds.
    pub fn decide(&mut self, proposal: ProposalId, actions: &[Action]) -> RecordId {
        let opening = Opening {
            proposal,
            record: RecordId::from_bytes([1; 32]),
            actions: List::new(actions).expect("few actions"),
            rule: Raw::of(&0_u64),
            roll: self.set.office().expect("a charter").roll_digest(),
            terms: DecisionTerms {
                tellers: List::new([ChainId::from_bytes([2; 32])]).expect("one teller"),
                needed: 1,
                period: 0,
                timelock: 0,
            },
        };
        let opening = self.act(&Act::Opening(opening), &[]);
        let close = Close {
            opening,
            outcome: Outcome::Accepted,
            shuts: List::new([RecordId::from_bytes([3; 32])]).expect("one shut"),
            tally: Raw::of(&0_u64),
        };
        let close = self.act(&Act::Close(close), &[opening]);
        self.act(&Act::Ready(Ready { close }), &[close])
    }

    /// Opens the next epoch of a chain for a receiver, as the action `number`
    /// of a decision says. The chain was sealed for good at `tip`.
    ///
    /// # Panics
    /// When the chain was never opened.
    pub fn receive(
        &mut self,
        chain: &ChainId,
        tip: Option<Tip>,
        key: &Keypair,
        (ready, number): (RecordId, u16),
    ) -> RecordId {
        let writer = self.writers.get(chain).expect("an open chain").clone();
        let start = Start::After {
            prior: writer.open,
            tip,
        };
        let mut open = self.open_body(writer.chain, key, start, 0, writer.grant, key);
        open.consent = Consent::Decision {
            ready,
            action: number,
        };
        self.open_as(open, key, &[ready])
    }

    /// The action that puts a chain into the hands of `key`; the recovery key
    /// is the one of every chain on this stage.
    #[must_use]
    pub fn receivership(&self, chain: ChainId, key: &Keypair) -> Action {
        Action::Receive {
            chain,
            key: key.public_key(),
            recovery: self.recovery_key().public_key(),
        }
    }
}
