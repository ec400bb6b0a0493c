use std::process::Command;

use crate::is_measuring;

/// One program of a comparison: it does its next piece of work and answers
/// with the nanoseconds that this took.
pub type Case<'a> = (&'static str, Box<dyn FnMut() -> u64 + 'a>);

/// Times of programs that ran in turn.
#[derive(Debug)]
pub struct Rounds {
    names: Vec<&'static str>,
    /// Nanoseconds per entry, by round and program.
    times: Vec<Vec<u64>>,
}

impl Rounds {
    /// Runs every program once per round, in rotating order. Each does `len`
    /// entries at a time.
    pub fn run(rounds: usize, len: usize, mut cases: Vec<Case<'_>>) -> Self {
        let names = cases.iter().map(|(name, _)| *name).collect();
        let mut times = Vec::with_capacity(rounds);
        for round in 0..rounds {
            let mut row = vec![0; cases.len()];
            for turn in 0..cases.len() {
                let at = (round + turn) % cases.len();
                row[at] = (cases[at].1)() / len as u64;
            }
            times.push(row);
        }
        Self { names, times }
    }

    fn at(&self, name: &str) -> usize {
        let found = self.names.iter().position(|known| *known == name);
        found.unwrap_or_else(|| unreachable!("no program {name}"))
    }

    /// Median nanoseconds per entry of a program.
    #[must_use]
    pub fn nanos(&self, name: &str) -> u64 {
        let at = self.at(name);
        median(self.times.iter().map(|row| row[at]))
    }

    /// Median over rounds of `floor / ours`, in thousandths: 1000 is as fast
    /// as the floor. `floor` is given each program's times of one round.
    #[must_use]
    pub fn ratio(&self, ours: &str, floor: impl Fn(&dyn Fn(&str) -> u64) -> u64) -> u64 {
        let ours = self.at(ours);
        median(self.times.iter().map(|row| {
            let of = |name: &str| row[self.at(name)];
            floor(&of) * 1000 / row[ours].max(1)
        }))
    }

    /// Prints one row per program.
    pub fn print(&self) {
        for name in &self.names {
            let nanos = self.nanos(name).max(1);
            println!("| {name} | {nanos} | {} |", 1_000_000_000 / nanos);
        }
    }
}

fn median(times: impl Iterator<Item = u64>) -> u64 {
    let mut times: Vec<u64> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}

/// Tells a process that another one runs it for one bar.
const PART: &str = "--part";

/// Runs the bars, or the one that the first argument names. Measured bars have a
/// process each: the heap that one leaves behind would be part of the next.
pub fn run(bars: &[(&str, fn())]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    if !arguments.iter().any(|argument| argument == PART) {
        print_machine();
    }
    for (name, bar) in bars {
        match wanted {
            None if is_measuring() => run_apart(name),
            Some(wanted) if wanted != name => {}
            _ => bar(),
        }
    }
}

fn run_apart(name: &str) {
    let program = std::env::current_exe().expect("this program");
    let part = Command::new(program).args([name, "--bench", PART]).status();
    assert!(part.is_ok_and(|status| status.success()), "{name} failed");
}

/// Prints the head of a table, with what its two columns of figures are.
pub fn title(text: &str, [nanos, speed]: [&str; 2]) {
    println!("\n{text}\n\n| program | {nanos} | {speed} |\n|---|---|---|");
}

/// Prints thousandths beside the bar. Small runs say nothing about time.
pub fn verdict(text: &str, thousandths: u64, bar: u64) {
    if is_measuring() {
        let word = if thousandths >= bar { "met" } else { "missed" };
        println!("\n{text}: {thousandths} / 1000, bar {bar}: {word}");
    }
}

/// Prints a ratio that has no bar.
pub fn told(text: &str, thousandths: u64) {
    if is_measuring() {
        println!("\n{text}: {thousandths} / 1000");
    }
}

/// Prints machine, compiler and the versions that decide.
pub fn print_machine() {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |line| {
            line.trim_start_matches([':', '\t', ' '])
        });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(
        |_| String::from("unknown rustc"),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
    );
    println!("machine: {model}, {cores} cores, {}", std::env::consts::OS);
    println!("built by: {rustc}, bench profile");
    // Read where it stands: it is no part of the package.
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap_or_default();
    let versions = [
        "ed25519-dalek",
        "curve25519-dalek",
        "sha2",
        "redb",
        "criterion",
    ]
    .map(|name| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let version = lock
            .split_once(&entry)
            .and_then(|(_, rest)| rest.split_once('"'));
        format!(
            "{name} {}",
            version.map_or("unknown", |(version, _)| version)
        )
    });
    println!("with: {}", versions.join(", "));
}
