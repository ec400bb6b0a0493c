use std::collections::BTreeSet;

use icn_types::canon::{LEN_MAX, to_bytes};
use icn_types::id::Hex;
use icn_types::record::Record;
use icn_types::set::{Equivocation, RecordSet, Slot};

use crate::sheet::{BadForm, Limits, SheetWriter};

use super::line::AuditEvent;
use super::log::AuditLog;

pub(super) const HEADER: &str = "icn audit 1";
pub(super) const DOMAIN: &str = "domain";
pub(super) const NODE: &str = "node";
pub(super) const RECORD: &str = "record";
pub(super) const LINE: &str = "line";
pub(super) const ENTRY: &str = "entry";
pub(super) const PROOF: &str = "proof";

pub(super) const LIMITS: Limits = Limits {
    bytes: 256 * 1024 * 1024,
    lines: 1 << 20,
    line: 2 * LEN_MAX + 64,
};

impl AuditLog {
    /// The log as a text file that [`verify`](super::verify) checks with
    /// nothing else at hand.
    ///
    /// ```text
    /// icn audit 1
    /// domain <64 hex digits>
    /// node <did:key of the transport key>
    /// record <hex of a record of the authority chain>
    /// line <hex of a record of the audit chain>
    /// entry <hex of a ledger record that a line names as paid>
    /// proof <hex of the two headers that a line names as evidence>
    /// sum <64 hex digits: SHA-256 of every byte before this line>
    /// ```
    ///
    /// Authority records stand in an order in which each follows what it
    /// names, audit lines in the order of their chain, entries and proofs in the
    /// order of the lines that name them. What the set lacks is left out, and the
    /// file does not verify then. Linear in what it writes.
    ///
    /// # Errors
    /// [`BadForm`] when the file would be larger than a reader takes.
    pub fn export(&self, set: &RecordSet) -> Result<String, BadForm> {
        let mut sheet = SheetWriter::new(HEADER);
        sheet.line(DOMAIN, self.domain());
        sheet.line(NODE, self.node());
        let mut write = |word: &str, record: &Record| {
            sheet.line(word, Hex(&record.to_bytes()));
        };
        for &slot in set.judged() {
            if set.verdict(slot).is_valid() {
                write(RECORD, set.record(slot));
            }
        }
        for &slot in set.spine(&self.chain_id()) {
            write(LINE, set.record(slot));
        }
        for slot in self.entries(set) {
            write(ENTRY, set.record(slot));
        }
        for proof in self.proofs(set) {
            sheet.line(PROOF, Hex(&to_bytes(&proof)));
        }
        sheet.finish_within(&LIMITS)
    }

    /// Stored entries that lines name as paid, in the order of the lines.
    fn entries(&self, set: &RecordSet) -> Vec<Slot> {
        let mut named = BTreeSet::new();
        self.lines(set)
            .filter_map(|logged| match logged.line.event {
                AuditEvent::Paid { entry, .. } | AuditEvent::Drawn { entry, .. } => {
                    set.find(&entry)
                }
                _ => None,
            })
            .filter(|slot| named.insert(*slot))
            .collect()
    }

    /// Proofs of the forks that lines tell of, in the order of the lines.
    fn proofs(&self, set: &RecordSet) -> Vec<Equivocation> {
        let lines = self.lines(set);
        lines
            .filter_map(|logged| match logged.line.event {
                AuditEvent::Evidence { low, high } => {
                    set.equivocation(set.find(&low)?, set.find(&high)?).ok()
                }
                _ => None,
            })
            .collect()
    }
}
