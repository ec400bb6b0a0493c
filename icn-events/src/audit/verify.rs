use std::collections::{BTreeSet, VecDeque};

use icn_types::authority::{Act, Action, Opening, Outcome, ProposalId, Tip};
use icn_types::canon::{self, Encode as _, Writer};
use icn_types::hash;
use icn_types::id::{ChainId, Digest, DomainId, RecordId, TopicId, UnitId};
use icn_types::key::PeerId;
use icn_types::record::Record;
use icn_types::set::{Added, RecordSet, Slot};
use icn_types::sign::Unverified;
use icn_types::topic::Topic;
use icn_types::verdict::Verdict;

use crate::sheet::{BadForm, Line, LineError, Sheet, unhex, unhex32};

use super::error::{AuditError, AuditReason};
use super::file::{DOMAIN, ENTRY, HEADER, LIMITS, LINE, NODE, PROOF, RECORD};
use super::line::{AuditEvent, AuditLine};
use super::log::AuditLog;
use super::proof::Proofs;

/// What a file proved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The domain, named by its charter.
    pub domain: DomainId,
    /// The node whose log it is.
    pub node: PeerId,
    /// The last authority record that counts. A reader who knows a later one
    /// knows of decisions that the file says nothing about.
    pub authority: Tip,
    /// Number of audit lines.
    pub lines: u64,
    /// The last of them; none while there is none.
    pub head: Option<Tip>,
    /// What was paid, in the order of the lines.
    pub payments: Vec<Payment>,
    /// Hash of all fields above: two files that prove the same have the same.
    pub digest: Digest,
}

/// One action of a decision and the entry that carried it out, or one of those
/// that did where the action is an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payment {
    /// The proposal.
    pub proposal: ProposalId,
    /// Which of its actions.
    pub action: u16,
    /// The ledger record.
    pub entry: RecordId,
}

/// Checks an exported audit log with nothing but the file.
///
/// It answers with a report when every record hashes and is signed as its
/// chain asks, every authority record is Valid, the audit chain runs from its
/// first line to its last without gap or fork, every line is Valid and names
/// decisions that the authority chain holds, and every payment is there: an
/// entry signed by the paying account, which refs the Ready of an accepted
/// decision about that very proposal. Every fork that a line tells of is proved
/// by two headers under one key. Whether the node saw others, or signed what an
/// [`Authored`](AuditEvent::Authored) line names, no file can show.
///
/// Lines cut off at the end leave no trace in the file unless the registrar
/// sealed them. Who knows a head of the chain from elsewhere, however old,
/// gives it as `known`; then it must lie on the chain. Payee and amount of an
/// entry are for the ledger's rules to check.
///
/// Linear in the length of the text, with one signature check per record.
///
/// # Errors
/// [`AuditError`] with the first line that is wrong and the reason.
pub fn verify(text: &str, known: Option<Tip>) -> Result<Report, AuditError> {
    let mut sheet = Sheet::open(text, HEADER, &LIMITS).map_err(widen)?;
    let domain = statement(&mut sheet, DOMAIN, AuditReason::Domain, |value| {
        Ok(DomainId::from_bytes(unhex32(value)?))
    })?;
    let node = statement(&mut sheet, NODE, AuditReason::Node, |value| {
        value.parse().map_err(AuditReason::NodeKey)
    })?;
    let mut reading = Reading::new(domain, node);
    while let Some(line) = sheet.next_line().map_err(widen)? {
        reading.take(&line)?;
    }
    reading.finish(known, sheet.number())
}

fn widen(error: LineError<BadForm>) -> AuditError {
    LineError::new(error.line, error.reason.into())
}

/// The statement that must come next.
fn statement<T>(
    sheet: &mut Sheet<'_>,
    word: &str,
    missing: AuditReason,
    read: impl FnOnce(&str) -> Result<T, AuditReason>,
) -> Result<T, AuditError> {
    match sheet.next_line().map_err(widen)? {
        Some(line) if line.word == word => {
            read(line.value).map_err(|reason| LineError::new(line.number, reason))
        }
        _ => Err(LineError::new(sheet.number(), missing)),
    }
}

/// A file as far as it was read.
struct Reading {
    set: RecordSet,
    log: AuditLog,
    section: Section,
    /// Heads of the audit chain that Seals name, with the line of the Seal.
    sealed: Vec<(u32, RecordId)>,
    head: Option<Tip>,
    payments: Vec<Payment>,
    /// Payments whose entry has not come yet.
    due: VecDeque<Due>,
    named: BTreeSet<RecordId>,
    proofs: Proofs,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Authority,
    Lines,
    Entries,
    Proofs,
}

/// The entry that an audit line asks for.
struct Due {
    number: u32,
    entry: RecordId,
    ready: RecordId,
    payer: ChainId,
    topic: TopicId,
}

impl Reading {
    fn new(domain: DomainId, node: PeerId) -> Self {
        Self {
            set: RecordSet::new(domain),
            log: AuditLog::new(domain, node),
            section: Section::Authority,
            sealed: Vec::new(),
            head: None,
            payments: Vec::new(),
            due: VecDeque::new(),
            named: BTreeSet::new(),
            proofs: Proofs::default(),
        }
    }

    fn take(&mut self, line: &Line<'_>) -> Result<(), AuditError> {
        let here = |reason| LineError::new(line.number, reason);
        let section = match line.word {
            RECORD => Section::Authority,
            LINE => Section::Lines,
            ENTRY => Section::Entries,
            PROOF => Section::Proofs,
            _ => return Err(here(BadForm::Word.into())),
        };
        if section < self.section {
            return Err(here(AuditReason::Order));
        }
        self.section = section;
        let record = || record(line.value).map_err(here);
        match section {
            Section::Authority => self.authority(line.number, record()?).map_err(here),
            Section::Lines => self.line(line.number, record()?).map_err(here),
            Section::Entries => self.entry(line.number, &record()?),
            Section::Proofs => self.proofs.take(&self.set, line.number, line.value),
        }
    }

    fn authority(&mut self, number: u32, record: Unverified<Record>) -> Result<(), AuditReason> {
        // Before the charter every chain is another one.
        if !self.set.is_empty() && record.claim().chain() != self.set.authority() {
            return Err(AuditReason::Elsewhere);
        }
        let Added::New(slot) = self.set.receive(record)? else {
            return Err(AuditReason::RecordTwice);
        };
        match self.set.verdict(slot) {
            Verdict::Valid => {}
            Verdict::Waiting => return Err(AuditReason::Waiting),
            Verdict::Invalid(breach) => return Err(AuditReason::InvalidRecord(breach)),
        }
        self.log.update(&self.set, slot);
        if let Some(Act::Seal(seal)) = self.set.act(slot) {
            let chain = self.log.chain_id();
            let rows = seal.rows.iter().filter(|row| row.chain == chain);
            let heads = rows.filter_map(|row| Some((number, row.tip()?.head)));
            self.sealed.extend(heads);
        }
        Ok(())
    }

    fn line(&mut self, number: u32, record: Unverified<Record>) -> Result<(), AuditReason> {
        let claim = record.claim();
        if claim.chain() != self.log.chain_id() {
            return Err(AuditReason::Elsewhere);
        }
        let follows = claim.prev() == self.head.map(|tip| tip.head);
        if !follows || Some(claim.seq()) != self.next_seq() {
            return Err(AuditReason::Follow);
        }
        let slot = self.set.receive(record)?.slot();
        if !self.set.on_spine(slot) {
            return Err(AuditReason::Beside);
        }
        self.log.update(&self.set, slot);
        match self.log.verdict(slot) {
            Verdict::Valid => {}
            Verdict::Waiting => return Err(AuditReason::Waiting),
            Verdict::Invalid(breach) => return Err(AuditReason::InvalidLine(breach)),
        }
        let record = self.set.record(slot);
        self.head = Some(Tip {
            seq: record.seq(),
            head: record.id(),
        });
        match AuditLine::of(record) {
            Some(line) => self.decision(number, line.event),
            None => Ok(()), // a Valid line can be read
        }
    }

    fn next_seq(&self) -> Option<u64> {
        self.head.map_or(Some(0), |tip| tip.seq.checked_add(1))
    }

    /// What the line says about a decision is what the authority chain says.
    fn decision(&mut self, number: u32, event: AuditEvent) -> Result<(), AuditReason> {
        let opening = match event {
            AuditEvent::Opened { opening, .. } => {
                self.opening(&opening).ok_or(AuditReason::Opening)?
            }
            AuditEvent::Closed { close, outcome, .. } => {
                self.closed(&close, outcome).ok_or(AuditReason::Close)?
            }
            AuditEvent::Paid { ready, .. } | AuditEvent::Drawn { ready, .. } => {
                self.readied(&ready).ok_or(AuditReason::Ready)?
            }
            AuditEvent::Evidence { low, high } => {
                self.proofs.expect(number, (low, high));
                return Ok(());
            }
            AuditEvent::Authored { .. } => return Ok(()),
        };
        if event.proposal() != Some(opening.proposal) {
            return Err(AuditReason::Proposal);
        }
        let (payment, ready) = match event {
            AuditEvent::Paid {
                proposal,
                action,
                ready,
                entry,
            }
            | AuditEvent::Drawn {
                proposal,
                action,
                ready,
                entry,
            } => (
                Payment {
                    proposal,
                    action,
                    entry,
                },
                ready,
            ),
            _ => return Ok(()),
        };
        let is_drawn = matches!(event, AuditEvent::Drawn { .. });
        let (payer, unit) = match opening.actions.get(usize::from(payment.action)) {
            Some(Action::Pay { payer, unit, .. }) if !is_drawn => (*payer, *unit),
            Some(Action::Envelope(envelope)) if is_drawn => (envelope.payer, envelope.unit),
            _ => return Err(AuditReason::Action),
        };
        self.expect(number, payment, (ready, payer, unit))
    }

    /// The entry of a payment has to come, once.
    fn expect(
        &mut self,
        number: u32,
        payment: Payment,
        (ready, payer, unit): (RecordId, ChainId, UnitId),
    ) -> Result<(), AuditReason> {
        let entry = payment.entry;
        if !self.named.insert(entry) {
            return Err(AuditReason::EntryTwice);
        }
        self.due.push_back(Due {
            number,
            entry,
            ready,
            payer,
            topic: Topic::Ledger(self.set.domain(), unit).id(),
        });
        self.payments.push(payment);
        Ok(())
    }

    fn opening(&self, id: &RecordId) -> Option<Opening> {
        match self.act(id)? {
            Act::Opening(opening) => Some(opening),
            _ => None,
        }
    }

    fn closed(&self, id: &RecordId, outcome: Outcome) -> Option<Opening> {
        match self.act(id)? {
            Act::Close(close) if close.outcome == outcome => self.opening(&close.opening),
            _ => None,
        }
    }

    fn readied(&self, id: &RecordId) -> Option<Opening> {
        match self.act(id)? {
            Act::Ready(ready) => self.closed(&ready.close, Outcome::Accepted),
            _ => None,
        }
    }

    fn act(&self, id: &RecordId) -> Option<Act> {
        self.set.act(self.set.find(id)?)
    }

    /// An entry comes in the order of the lines that name them.
    fn entry(&mut self, number: u32, record: &Unverified<Record>) -> Result<(), AuditError> {
        let id = record.claim().id();
        let here = |reason| LineError::new(number, reason);
        match self.due.iter().position(|due| due.entry == id) {
            Some(0) => {
                self.paid(&self.due[0], record).map_err(here)?;
                self.due.pop_front();
                Ok(())
            }
            Some(_) => self.all_came(),
            None => Err(here(AuditReason::EntryUnnamed)),
        }
    }

    /// The first line whose entry has not come is refused.
    fn all_came(&self) -> Result<(), AuditError> {
        match self.due.front() {
            Some(due) => Err(LineError::new(due.number, AuditReason::EntryMissing)),
            None => Ok(()),
        }
    }

    fn paid(&self, due: &Due, record: &Unverified<Record>) -> Result<(), AuditReason> {
        let claim = record.claim();
        let open = claim.epoch().and_then(|epoch| self.set.open(&epoch));
        let open = open
            .filter(|open| open.chain.id() == claim.chain() && open.chain.topic() == claim.topic())
            .ok_or(AuditReason::EntryEpoch)?;
        record
            .clone()
            .verify(&open.key.prepare())
            .map_err(|_| AuditReason::EntrySignature)?;
        if claim.chain() != due.payer || claim.topic() != due.topic {
            return Err(AuditReason::EntryPayer);
        }
        if !claim.refs().contains(&due.ready) {
            return Err(AuditReason::EntryReady);
        }
        Ok(())
    }

    fn finish(self, known: Option<Tip>, last: u32) -> Result<Report, AuditError> {
        self.all_came()?;
        self.proofs.all_came()?;
        for (number, head) in &self.sealed {
            if self.set.find(head).is_none() {
                return Err(LineError::new(*number, AuditReason::Sealed));
            }
        }
        let end = |reason| LineError::new(last, reason);
        let authority = self.set.office_tip();
        let authority = authority.ok_or_else(|| end(AuditReason::Charter))?;
        if known.is_some_and(|tip| !self.holds(tip)) {
            return Err(end(AuditReason::Head));
        }
        let mut report = Report {
            domain: self.set.domain(),
            node: self.log.node(),
            authority: self.tip(authority),
            lines: self.next_seq().unwrap_or(u64::MAX),
            head: self.head,
            payments: self.payments,
            digest: Digest::from_bytes([0; 32]),
        };
        report.digest = report.hashed();
        Ok(report)
    }

    fn holds(&self, tip: Tip) -> bool {
        let at = usize::try_from(tip.seq).ok();
        let spine = self.set.spine(&self.log.chain_id());
        at.and_then(|at| spine.get(at))
            .is_some_and(|&slot| self.set.id(slot) == tip.head)
    }

    fn tip(&self, slot: Slot) -> Tip {
        let record = self.set.record(slot);
        Tip {
            seq: record.seq(),
            head: record.id(),
        }
    }
}

fn record(value: &str) -> Result<Unverified<Record>, AuditReason> {
    let record: Unverified<Record> = canon::from_bytes(&unhex(value)?)?;
    match record.claim().content() {
        Some(_) => Ok(record),
        None => Err(AuditReason::Bare),
    }
}

impl Report {
    /// `[tag, domain, node, authority, lines, head, [[proposal, action,
    /// entry], ...]]`
    fn hashed(&self) -> Digest {
        let mut w = Writer::new();
        w.array(7);
        w.text("icn/events/audit-report/v1");
        self.domain.encode(&mut w);
        self.node.encode(&mut w);
        self.authority.encode(&mut w);
        w.uint(self.lines);
        self.head.encode(&mut w);
        w.array(self.payments.len());
        for payment in &self.payments {
            w.array(3);
            payment.proposal.encode(&mut w);
            payment.action.encode(&mut w);
            payment.entry.encode(&mut w);
        }
        Digest::from_bytes(hash::sha256(&w.into_bytes()))
    }
}
