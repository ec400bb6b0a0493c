//! A cooperative of three nodes votes on a budget, pays it, trades hours,
//! loses a link, heals, and agrees to the last byte.
//!
//! `cargo run --release --example coop` needs nothing and leaves its stores
//! under the build folder; run again, it goes on from them.

mod cast;
mod options;
mod page;
mod scenario;
mod story;
mod village;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cast::Cast;
use icn_events::genesis::Genesis;
use options::{Options, Request, USAGE};
use page::Page;
use scenario::Scenario;
use story::{Disagreement, Story};
use village::Village;

type Fault = Box<dyn std::error::Error>;

/// The nodes did not agree.
const DISAGREED: u8 = 1;
/// The command line, a file or the machine is at fault.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let request = Request::parse(std::env::args().skip(1), default_folder());
    let options = match request {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("coop: {error}\n{USAGE}");
            return ExitCode::from(FAILED);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coop: {}", chain_of(&*error));
            ExitCode::from(if error.is::<Disagreement>() {
                DISAGREED
            } else {
                FAILED
            })
        }
    }
}

fn run(options: &Options) -> Result<(), Fault> {
    let scenario = read_scenario(options)?;
    let cast = Cast::new(&scenario, options.seed)?;
    fs::create_dir_all(&options.folder)?;
    found_or_join(&cast, &options.folder)?;
    let village = Village::open(&cast, &options.folder)?;
    Story::new(&scenario, &cast, Page::of_stdout(), village).tell(&options.folder)
}

fn read_scenario(options: &Options) -> Result<Scenario, Fault> {
    let (name, text) = match &options.scenario {
        Some(file) => {
            let text =
                fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            (file.display().to_string(), text)
        }
        None => ("built-in scenario".to_owned(), scenario::DEFAULT.to_owned()),
    };
    Scenario::parse(&text).map_err(|error| format!("{name}, {error}").into())
}

/// The genesis file lies beside the stores: the first run writes it, later
/// ones check that they tell the same story.
fn found_or_join(cast: &Cast, folder: &Path) -> Result<(), Fault> {
    let file = folder.join("genesis.icn");
    if !file.exists() {
        // Under its name it is whole, even if this program is killed here.
        let unfinished = folder.join("genesis.icn.new");
        fs::write(&unfinished, cast.genesis.to_text())?;
        return Ok(fs::rename(&unfinished, &file)?);
    }
    let text = fs::read_to_string(&file)?;
    let found = Genesis::parse(&text)
        .map_err(|error| format!("{}, {}", file.display(), chain_of(&error)))?;
    if found.domain() == cast.domain() {
        return Ok(());
    }
    Err(format!(
        "{} belongs to another scenario or seed; choose another --data folder",
        folder.display()
    )
    .into())
}

/// `target/coop-data` beside the build that holds this program.
fn default_folder() -> PathBuf {
    let program = std::env::current_exe().ok();
    let target = program
        .as_deref()
        .and_then(Path::parent)
        .and_then(Path::parent)
        .and_then(Path::parent);
    target.unwrap_or_else(|| Path::new(".")).join("coop-data")
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
