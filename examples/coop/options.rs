//! What may be said on the command line.

use std::fmt;
use std::path::PathBuf;

/// How to run the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Another story.
    pub(crate) scenario: Option<PathBuf>,
    /// Seed of all keys and nonces.
    pub(crate) seed: u64,
    /// Where the nodes keep their stores.
    pub(crate) folder: PathBuf,
}

/// The command line says something that is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError(String);

impl std::error::Error for UsageError {}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Run(Options),
    Help,
}

pub(crate) const USAGE: &str = "\
usage: coop [--scenario FILE] [--seed N] [--data DIR]

  --scenario FILE  tell another story; see examples/coop/scenario.toml
  --seed N         same seed, same keys and same final table (default 7)
  --data DIR       where the stores live; run again to resume from them";

impl Request {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(
        args: impl IntoIterator<Item = String>,
        default_folder: PathBuf,
    ) -> Result<Self, UsageError> {
        let mut options = Options {
            scenario: None,
            seed: 7,
            folder: default_folder,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                args.next()
                    .ok_or_else(|| UsageError(format!("{arg} needs a value")))
            };
            match arg.as_str() {
                "--scenario" => options.scenario = Some(value()?.into()),
                "--data" => options.folder = value()?.into(),
                "--seed" => {
                    let text = value()?;
                    options.seed = text
                        .parse()
                        .map_err(|_| UsageError(format!("seed {text:?} is not a whole number")))?;
                }
                "--help" | "-h" => return Ok(Self::Help),
                _ => return Err(UsageError(format!("{arg} is not understood"))),
            }
        }
        Ok(Self::Run(options))
    }
}
