//! A book and a replicated ledger in the formats of hledger, ledger, beancount
//! and CSV, and a journal read back into a book.
//!
//! `cargo run --release --example plain_text` shows a small book in every
//! format. `write FOLDER ENTRIES` writes a large book and a large ledger for
//! the tools themselves, `read FILE` reads a journal or CSV and shows what its
//! accounts hold.

mod replica;
mod village;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use icn_ledger::book::{Book, CauseId, Limits};
use icn_ledger::text::{Booking, Format, Import, Include, Journal, Places, Sides, Source, Symbol};
use icn_types::id::ChainId;

use replica::Replica;

type Fault = Box<dyn std::error::Error>;

const USAGE: &str = "usage: plain_text [write FOLDER ENTRIES | read FILE]";

/// The formats with the ends of their files' names.
const FORMATS: [(Format, &str); 4] = [
    (Format::Hledger, "hledger"),
    (Format::Ledger, "ledger"),
    (Format::Beancount, "beancount"),
    (Format::Csv, "csv"),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        [] => show(),
        ["write", folder, entries] => write(Path::new(folder), entries),
        ["read", file] => read(Path::new(file)),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plain_text: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Shows a small book in every format, and that it comes back whole.
fn show() -> Result<(), Fault> {
    let book = village::small()?;
    let journal = Journal::from_book(&book, Sides::default())?;
    for (format, name) in FORMATS {
        println!("== book.{name}\n\n{}", journal.show(format));
    }
    let text = journal.show(Format::Hledger).to_string();
    let source = Source::new("book.hledger".into(), text.clone());
    let (again, _) = Import::new().journal(source, |_| None)?;
    println!("== read back\n\nthe same journal: {}", again == journal);

    let wrong = text.replacen("= 7 hours", "= 8 hours", 1);
    let source = Source::new("book.hledger".into(), wrong);
    if let Err(error) = Import::new().journal(source, |_| None) {
        println!("with another balance: {error}");
    }
    Ok(())
}

/// Writes a large book and a large ledger in every format, each with its
/// positions.
fn write(folder: &Path, entries: &str) -> Result<(), Fault> {
    let entries = entries.parse()?;
    fs::create_dir_all(folder)?;
    let book = village::large(entries)?;
    let journal = Journal::from_book(&book, Sides::default())?;
    write_all(folder, "book", &journal, &positions(&book, &journal)?)?;
    let replica = Replica::of(entries)?;
    let mut registers = Default::default();
    let queries = replica.queries(&mut registers);
    let named = |chain: &ChainId| replica.name(chain);
    let journal = Journal::from_ledgers(&queries, Sides::default(), named)?;
    write_all(folder, "replica", &journal, &columns(&replica, &journal)?)
}

fn write_all(folder: &Path, name: &str, journal: &Journal, positions: &str) -> Result<(), Fault> {
    for (format, end) in FORMATS {
        let path = folder.join(format!("{name}.{end}"));
        fs::write(path, journal.show(format).to_string())?;
    }
    fs::write(folder.join(format!("{name}.positions")), positions)?;
    println!("{name}: {} transactions", journal.transactions().len());
    Ok(())
}

/// The same of a replicated ledger, from its columns.
fn columns(replica: &Replica, journal: &Journal) -> Result<String, Fault> {
    let mut lines = String::new();
    for (name, symbol, atoms) in replica.columns() {
        let known = Symbol::new(symbol).ok_or("a symbol")?;
        let number = journal.number(&known, atoms);
        lines.push_str(&format!("{name}\t{symbol}\t{number}\n"));
    }
    Ok(lines)
}

/// Account, commodity and position, from the book itself; only those that are
/// not zero, as the tools leave these out.
fn positions(book: &Book, journal: &Journal) -> Result<String, Fault> {
    let mut lines = String::new();
    let commodities: Vec<_> = village::UNITS.into_iter().zip(book.units()).collect();
    for (account, name) in book.accounts() {
        for ((written, _), (unit, _)) in &commodities {
            let Ok(standing) = book.standing(account, *unit) else {
                continue;
            };
            let (symbol, _) = journal
                .commodities()
                .find(|(symbol, _)| symbol.as_str() == *written)
                .ok_or("a commodity for each unit")?;
            let atoms = standing.position.get();
            if atoms != 0 {
                let number = journal.number(symbol, atoms);
                lines.push_str(&format!("{name}\t{symbol}\t{number}\n"));
            }
        }
    }
    Ok(lines)
}

/// Reads a file and those that it includes, and books it.
fn read(path: &Path) -> Result<(), Fault> {
    let (journal, places) = open(path)?;
    let name = path.file_name().ok_or("a file has a name")?;
    let source = icn_types::hash::sha256(name.as_encoded_bytes());
    let mut booking = Booking::new(CauseId::from_bytes(source)).with_limits(Limits::UNBOUNDED);
    for (symbol, decimals) in journal.commodities() {
        booking = booking.with_unit(symbol.clone(), village::unit_of(symbol, decimals)?);
    }
    let mut book = Book::new();
    let posted = journal.book(&mut book, &booking);
    let posted = posted.map_err(|broken| places.locate(broken))?;
    let balances = journal.balances();
    for (account, symbol, atoms) in balances.iter().filter(|(.., atoms)| *atoms != 0) {
        println!("{account}\t{symbol}\t{}", journal.number(symbol, atoms));
    }
    eprintln!("{} entries booked", posted.iter().flatten().count());
    Ok(())
}

fn open(path: &Path) -> Result<(Journal, Places), Fault> {
    let first = source(path)?;
    let read = if path.extension().is_some_and(|end| end == "csv") {
        Import::new().csv(first)
    } else {
        Import::new().journal(first, included)
    };
    Ok(read?)
}

fn source(path: &Path) -> Result<Source, Fault> {
    let bytes = fs::read(path)?;
    Ok(Source::from_bytes(path.display().to_string(), bytes)?)
}

/// Paths are relative to the file that includes.
fn included(include: &Include<'_>) -> Option<Source> {
    let folder = PathBuf::from(include.from);
    source(&folder.parent()?.join(include.path)).ok()
}
