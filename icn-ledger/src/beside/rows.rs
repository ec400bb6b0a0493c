//! What counts beside the spines as rows and back.

use icn_types::id::TopicId;
use icn_types::set::Slot;

use super::Beside;
use crate::snapshot::{Pages, Reading, RestoreError, read_waiting, write_waiting};

impl Beside {
    pub(crate) fn write(&self, into: &mut Pages) {
        let Self {
            topic: _, // that of the ledger
            canonical,
            awaited,
        } = self;
        into.table(canonical.iter().copied());
        write_waiting(awaited, into);
    }

    /// What was written of this topic.
    pub(crate) fn read<P: AsRef<[u8]>>(
        topic: TopicId,
        from: &mut Reading<'_, P>,
    ) -> Result<Self, RestoreError> {
        let canonical = from.table::<Slot>()?.into_iter();
        Ok(Self {
            topic,
            canonical: canonical.collect(),
            awaited: read_waiting(from)?,
        })
    }
}
