//! The label digest: what two replicas compare after they exchanged records.

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::{Encode, Writer, to_bytes};
use icn_types::canonical;
use icn_types::hash::Hasher;
use icn_types::id::{ChainId, Digest, RecordId};
use icn_types::judge::Judge;
use icn_types::set::{Canonical, Label, Slot};
use icn_types::verdict::Verdict;

use crate::columns::Columns;
use crate::rules::LedgerRules;

/// What a canonical record counts as, in one word: its label, `waiting`, or
/// the code of its breach.
struct LabelRow {
    record: RecordId,
    word: &'static str,
}

impl Encode for LabelRow {
    fn encode(&self, w: &mut Writer) {
        w.array(2);
        self.record.encode(w);
        w.text(self.word);
    }
}

/// Sums are 128 bits wide, most significant byte first.
struct ColumnRow {
    chain: ChainId,
    posted: [u8; 16],
    contested: [u8; 16],
    charged: [u8; 16],
}
canonical!(ColumnRow {
    chain,
    posted,
    contested,
    charged
});

struct HeldRow {
    hold: RecordId,
    payer: ChainId,
    payee: ChainId,
    resolver: ChainId,
    amount: Amount,
}
canonical!(HeldRow {
    hold,
    payer,
    payee,
    resolver,
    amount
});

struct TransitRow {
    record: RecordId,
    leg: u8,
    payer: ChainId,
    payee: ChainId,
    amount: Amount,
}
canonical!(TransitRow {
    record,
    leg,
    payer,
    payee,
    amount
});

/// SHA-256 over four lists of rows, each ascending and behind its count: labels
/// by record, columns by chain, transit by record and leg, open holds by record.
pub(crate) fn labels(
    canonical: &Canonical<'_>,
    judge: &Judge<LedgerRules>,
    columns: &Columns,
) -> Digest {
    let set = canonical.set();
    let mut records: Vec<Slot> = canonical
        .slots()
        .filter(|&slot| set.topic(slot) == judge.topic())
        .collect();
    records.sort_unstable_by_key(|&slot| set.id(slot));
    let mut hasher = Hasher::new();
    hasher.update(b"icn/ledger/label-digest/v1");
    feed(
        &mut hasher,
        records.iter().map(|&slot| LabelRow {
            record: set.id(slot),
            word: word(canonical, judge, slot),
        }),
    );
    feed(
        &mut hasher,
        columns.accounts().map(|(chain, column)| ColumnRow {
            chain,
            posted: column.posted.to_be_bytes(),
            contested: column.contested.to_be_bytes(),
            charged: column.charged.to_be_bytes(),
        }),
    );
    feed(
        &mut hasher,
        columns.in_transit().map(|(leg, transit)| TransitRow {
            record: leg.record,
            leg: leg.leg,
            payer: transit.payer,
            payee: transit.payee,
            amount: transit.amount,
        }),
    );
    feed(
        &mut hasher,
        columns.held().map(|(hold, held)| HeldRow {
            hold,
            payer: held.payer,
            payee: held.payee,
            resolver: held.resolver,
            amount: held.amount,
        }),
    );
    Digest::from_bytes(hasher.finish())
}

fn word(canonical: &Canonical<'_>, judge: &Judge<LedgerRules>, slot: Slot) -> &'static str {
    match (judge.verdict(slot), canonical.label(slot)) {
        (Verdict::Waiting, _) => "waiting",
        (Verdict::Invalid(breach), _) => breach.code(),
        (Verdict::Valid, Label::Posted) => "posted",
        (Verdict::Valid, Label::Contested) => "contested",
        (Verdict::Valid, Label::Void) => "void",
    }
}

fn feed<T: Encode>(hasher: &mut Hasher, rows: impl ExactSizeIterator<Item = T>) {
    let mut head = Writer::new();
    head.array(rows.len());
    hasher.update(head.as_bytes());
    for row in rows {
        hasher.update(&to_bytes(&row));
    }
}
