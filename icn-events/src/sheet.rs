//! Text files of checked lines, the form of genesis and audit files.
//!
//! A header, one statement per line (a word, a space, a value), comments that
//! start with `#`, blank lines, and as the last line `sum` with the SHA-256 of
//! every byte before it. The sum finds a damaged file, not a forged one: what
//! the lines say is proved by the signatures in them. It is compared last, so
//! that an error names the line that is wrong by itself where there is one.

use std::fmt::{self, Write as _};

use icn_types::error::{Coded, Fault};
use icn_types::hash::sha256;
use icn_types::id::Hex;

const SUM: &str = "sum";

/// A file is refused at one of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is refused")]
#[non_exhaustive]
pub struct LineError<R: std::error::Error + 'static> {
    /// The line, from 1; 0 stands for the file as a whole.
    pub line: u32,
    /// What is wrong there.
    #[source]
    pub reason: R,
}

impl<R: std::error::Error + 'static> LineError<R> {
    pub(crate) const fn new(line: u32, reason: R) -> Self {
        Self { line, reason }
    }
}

impl<R: Coded + 'static> Coded for LineError<R> {
    fn code(&self) -> &'static str {
        self.reason.code()
    }

    fn fault(&self) -> Fault {
        self.reason.fault()
    }
}

/// Why a text does not have the form of a file of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadForm {
    /// The text is longer than files of its kind may be.
    #[error("file is longer than {max} bytes")]
    Size {
        /// The most bytes.
        max: usize,
    },
    /// There are more lines than files of its kind may have.
    #[error("file has more than {max} lines")]
    Lines {
        /// The most lines.
        max: u32,
    },
    /// The line is longer than any statement.
    #[error("line is longer than {max} bytes")]
    LineSize {
        /// The most bytes.
        max: usize,
    },
    /// A control character, such as the carriage return of another system's
    /// line ends.
    #[error("line holds a control character")]
    Control,
    /// The first line is another header.
    #[error("file does not start with its header")]
    Header,
    /// The word that starts the line means nothing at this place.
    #[error("word at the start of the line is unknown here")]
    Word,
    /// The value is not lower-case hex of the right length.
    #[error("value is not lower-case hex of the right length")]
    Hex,
    /// The file ends without its sum: it was cut off.
    #[error("file ends without its sum")]
    SumMissing,
    /// The sum is not the hash of what stands before it.
    #[error("sum is not the hash of the lines before it")]
    Sum,
    /// Something follows the sum.
    #[error("something follows the sum")]
    AfterSum,
}

impl Coded for BadForm {
    fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "sheet.size",
            Self::Lines { .. } => "sheet.lines",
            Self::LineSize { .. } => "sheet.line_size",
            Self::Control => "sheet.control",
            Self::Header => "sheet.header",
            Self::Word => "sheet.word",
            Self::Hex => "sheet.hex",
            Self::SumMissing => "sheet.sum.missing",
            Self::Sum => "sheet.sum",
            Self::AfterSum => "sheet.sum.after",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// How large a file of one kind may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) bytes: usize,
    pub(crate) lines: u32,
    pub(crate) line: usize,
}

impl Limits {
    /// Compares a whole text with the limits before anything is read from it.
    fn check(&self, text: &str) -> Result<(), LineError<BadForm>> {
        if text.len() > self.bytes {
            return Err(LineError::new(0, BadForm::Size { max: self.bytes }));
        }
        for (number, line) in (1..).zip(text.lines()) {
            let max = self.line;
            let bad = if number > self.lines {
                BadForm::Lines { max: self.lines }
            } else if line.len() > max {
                BadForm::LineSize { max }
            } else {
                continue;
            };
            return Err(LineError::new(number, bad));
        }
        Ok(())
    }
}

/// A file being read, line by line.
#[derive(Clone, Debug)]
pub(crate) struct Sheet<'a> {
    text: &'a str,
    rest: &'a str,
    number: u32,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) number: u32,
    pub(crate) word: &'a str,
    pub(crate) value: &'a str,
}

impl<'a> Sheet<'a> {
    /// Starts reading after the header.
    pub(crate) fn open(
        text: &'a str,
        header: &str,
        limits: &Limits,
    ) -> Result<Self, LineError<BadForm>> {
        limits.check(text)?;
        let mut sheet = Self {
            text,
            rest: text,
            number: 0,
        };
        match sheet.take_line()? {
            Some(line) if line == header => Ok(sheet),
            _ => Err(LineError::new(1, BadForm::Header)),
        }
    }

    /// The next statement; none after a sum that fits.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line<'a>>, LineError<BadForm>> {
        let mut start = self.offset();
        while let Some(line) = self.take_line()? {
            let number = self.number;
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            if word == SUM {
                return self.end(start, value).map(|()| None);
            }
            if !line.is_empty() && !line.starts_with('#') {
                return Ok(Some(Line {
                    number,
                    word,
                    value,
                }));
            }
            start = self.offset();
        }
        Err(LineError::new(self.number, BadForm::SumMissing))
    }

    /// The line that was read last.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// Compares the sum and refuses anything after it.
    fn end(&self, start: usize, value: &str) -> Result<(), LineError<BadForm>> {
        let here = |bad| LineError::new(self.number, bad);
        let sum = unhex32(value).map_err(here)?;
        if sha256(&self.text.as_bytes()[..start]) != sum {
            return Err(here(BadForm::Sum));
        }
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(LineError::new(self.number + 1, BadForm::AfterSum))
        }
    }

    const fn offset(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn take_line(&mut self) -> Result<Option<&'a str>, LineError<BadForm>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.number += 1;
        if line.chars().any(char::is_control) {
            return Err(LineError::new(self.number, BadForm::Control));
        }
        Ok(Some(line))
    }
}

/// A file being written.
#[derive(Debug)]
pub(crate) struct SheetWriter {
    text: String,
}

impl SheetWriter {
    pub(crate) fn new(header: &str) -> Self {
        Self {
            text: format!("{header}\n"),
        }
    }

    pub(crate) fn line(&mut self, word: &str, value: impl fmt::Display) {
        let _ = writeln!(self.text, "{word} {value}"); // a String takes everything
    }

    /// The text with its sum.
    pub(crate) fn finish(mut self) -> String {
        let sum = sha256(self.text.as_bytes());
        self.line(SUM, Hex(&sum));
        self.text
    }

    /// The same, unless no reader would take so large a text.
    pub(crate) fn finish_within(self, limits: &Limits) -> Result<String, BadForm> {
        let text = self.finish();
        limits.check(&text).map_err(|error| error.reason)?;
        Ok(text)
    }
}

/// Bytes of lower-case hex.
pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, BadForm> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return Err(BadForm::Hex);
    }
    pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?))
        .collect::<Option<_>>()
        .ok_or(BadForm::Hex)
}

/// Exactly 32 bytes of lower-case hex.
pub(crate) fn unhex32(text: &str) -> Result<[u8; 32], BadForm> {
    if text.len() != 64 {
        return Err(BadForm::Hex);
    }
    unhex(text)?.try_into().map_err(|_| BadForm::Hex)
}

const fn digit(ascii: u8) -> Option<u8> {
    match ascii {
        b'0'..=b'9' => Some(ascii - b'0'),
        b'a'..=b'f' => Some(ascii - b'a' + 10),
        _ => None,
    }
}
