//! Requests about the roll: who joins and who leaves.

use icn_types::authority::{Act, RollChange};
use icn_types::id::RecordId;
use icn_types::time::Times;

use super::Node;
use super::author::{AuthorError, Authored};

impl Node {
    /// As registrar, lets members join and leave. Who joined can be given a
    /// [voice and accounts](Self::open_chain); what belongs to who left is
    /// [frozen](Self::freeze) separately, for debts stay. A change that is in
    /// force is answered with the record that made it.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn change_roll(
        &mut self,
        change: &RollChange,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let act = Act::Roll(change.clone());
        if let Some(made) = self.made(change, &act) {
            return Ok(Authored::Again(made));
        }
        self.author_acts(&[act], times).await
    }

    /// The record that made a change of the roll which is in force.
    fn made(&self, change: &RollChange, act: &Act) -> Option<RecordId> {
        let office = self.set().office()?;
        let mut joined = change.join.iter().map(|member| office.member(&member.id()));
        let mut left = change.leave.iter().map(|id| office.member(id));
        let is_made = joined.all(|member| member.is_some()) && left.all(|member| member.is_none());
        is_made.then_some(())?;
        self.written(|written| written == act)
    }
}
