//! How the story looks: plain text, with colour only for a person's terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

/// Prints blocks of the story as they happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    colour: bool,
}

/// What a piece of text stands for; on a plain page it looks like the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Heading,
    Good,
    Bad,
    Faint,
}

impl Page {
    /// Coloured only on a terminal, and never when `NO_COLOR` says anything.
    pub(crate) fn of_stdout() -> Self {
        let silenced = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colour: std::io::stdout().is_terminal() && !silenced,
        }
    }

    pub(crate) fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Heading => "1",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Faint => "2",
        };
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn title(self, text: &str) {
        say(&self.ink(Ink::Heading, text));
    }

    pub(crate) fn heading(self, text: &str) {
        say(&format!("\n{}", self.ink(Ink::Heading, text)));
    }

    pub(crate) fn line(self, text: &str) {
        say(&format!("  {text}"));
    }

    /// Rows under their heads: the first column flush left, the others right.
    pub(crate) fn table(self, head: &[String], rows: &[Vec<String>]) {
        let columns = head.len();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .chain(head.get(column))
                .map(String::len)
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.line(&self.ink(Ink::Faint, &spread(head, &widths)));
        for row in rows {
            self.line(&spread(row, &widths));
        }
    }
}

/// Prints a line. A reader who has left misses it; the story goes on.
fn say(text: &str) {
    let _gone = writeln!(std::io::stdout(), "{text}");
}

fn spread(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        let written = if at == 0 {
            write!(line, "{gap}{cell:<width$}")
        } else {
            write!(line, "{gap}{cell:>width$}")
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    line.trim_end().to_owned()
}

/// A bar of as many blocks as there are votes.
pub(crate) fn bar(count: usize, of: usize) -> String {
    const WIDTH: usize = 12;
    let filled = (count * WIDTH).checked_div(of).unwrap_or(0);
    format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled))
}
