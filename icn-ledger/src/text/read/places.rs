//! Where the transactions of a journal stand.

use alloc::string::String;
use alloc::vec::Vec;

use super::draft::Place;
use super::source::Files;
use crate::text::flaw::TextError;
use crate::text::journal::Broken;

/// The lines on which the transactions and postings of a journal were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    files: Vec<String>,
    transactions: Vec<Lines>,
}

/// The lines of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) head: Place,
    pub(super) postings: Vec<u32>,
}

impl Places {
    pub(super) fn of(files: &Files) -> Self {
        Self {
            files: files.names(),
            transactions: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, lines: Lines) {
        self.transactions.push(lines);
    }

    /// What is wrong with a transaction of the journal, with its line. The
    /// first file and line 1 for one that was not read.
    #[must_use]
    pub fn locate(&self, broken: Broken) -> TextError {
        let lines = self.transactions.get(broken.transaction);
        let head = lines.map(|lines| lines.head).unwrap_or_default();
        let line = broken
            .posting
            .and_then(|posting| lines?.postings.get(posting).copied());
        TextError {
            file: self.files.get(head.file).cloned().unwrap_or_default(),
            line: line.unwrap_or(head.line),
            flaw: broken.flaw,
        }
    }
}
