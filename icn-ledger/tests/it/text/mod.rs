//! Plain-text accounting: what is read, what is refused, and that nothing is
//! lost on the way.

mod books;
mod chance;
mod hostile;
mod ledgers;
mod numbers;
mod order;
mod reading;
mod refusals;
mod round_trip;
mod words;

use icn_ledger::text::{Import, Journal, Source, TextError};

/// Reads a journal that includes nothing.
fn read(text: &str) -> Result<Journal, TextError> {
    read_with(&Import::new(), text)
}

fn read_with(import: &Import, text: &str) -> Result<Journal, TextError> {
    let read = import.journal(source("main.journal", text), |_| None);
    read.map(|(journal, _)| journal)
}

fn read_csv(text: &str) -> Result<Journal, TextError> {
    let read = Import::new().csv(source("main.csv", text));
    read.map(|(journal, _)| journal)
}

fn source(name: &str, text: &str) -> Source {
    Source::new(name.into(), text.into())
}
