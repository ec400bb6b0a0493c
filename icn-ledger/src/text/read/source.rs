//! Files, and the files that they include.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::draft::Place;
use crate::text::flaw::{Flaw, TextError};

/// Most levels of files that include files.
const DEPTH_MAX: u32 = 16;

/// Most files in all.
const COUNT_MAX: u32 = 1000;

/// A file: its name in errors, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// A file.
    #[must_use]
    pub const fn new(name: String, text: String) -> Self {
        Self { name, text }
    }

    /// A file from its bytes.
    ///
    /// # Errors
    /// [`TextError`] at the first line that is not UTF-8.
    pub fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self, TextError> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { name, text }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let good = error.as_bytes().get(..good).unwrap_or_default();
                let ends = good.iter().filter(|&&byte| byte == b'\n').count();
                Err(TextError {
                    file: name,
                    line: number(ends),
                    flaw: Flaw::Utf8,
                })
            }
        }
    }
}

/// A file that another one asks for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Include<'a> {
    /// Name of the file that asks.
    pub from: &'a str,
    /// The path as it stands there.
    pub path: &'a str,
}

/// All files of a journal, the first one first.
pub(super) struct Files(Vec<File>);

struct File {
    source: Source,
    /// The files that it includes, in their order.
    includes: Vec<usize>,
}

impl Files {
    pub(super) fn text(&self, file: usize) -> &str {
        self.0.get(file).map_or("", |file| &file.source.text)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(|file| file.source.name.clone()).collect()
    }

    pub(super) fn includes(&self, file: usize) -> &[usize] {
        self.0.get(file).map_or(&[], |file| &file.includes)
    }

    pub(super) fn error(&self, place: Place, flaw: Flaw) -> TextError {
        let file = self.0.get(place.file);
        TextError {
            file: file.map_or_else(String::new, |file| file.source.name.clone()),
            line: place.line,
            flaw,
        }
    }
}

/// A file that includes none.
pub(super) fn single(source: Source) -> Files {
    Files(vec![File {
        source,
        includes: Vec::new(),
    }])
}

/// A file with all that it includes.
pub(super) fn load(
    source: Source,
    mut include: impl FnMut(&Include<'_>) -> Option<Source>,
) -> Result<Files, TextError> {
    let mut files = single(source);
    load_includes(&mut files, 0, 0, &mut include)?;
    Ok(files)
}

fn load_includes(
    files: &mut Files,
    file: usize,
    depth: u32,
    include: &mut impl FnMut(&Include<'_>) -> Option<Source>,
) -> Result<(), TextError> {
    let asked: Vec<(u32, String)> = lines(files.text(file))
        .filter_map(|(line, text)| Some((line, included(text)?.into())))
        .collect();
    for (line, path) in asked {
        let place = Place { file, line };
        if depth == DEPTH_MAX {
            return Err(files.error(place, Flaw::IncludeDepth { max: DEPTH_MAX }));
        }
        let next = files.0.len();
        if next > COUNT_MAX as usize {
            return Err(files.error(place, Flaw::IncludeCount { max: COUNT_MAX }));
        }
        let from = files.0.get(file).map_or("", |file| &file.source.name);
        let Some(source) = include(&Include { from, path: &path }) else {
            return Err(files.error(place, Flaw::IncludeMissing));
        };
        files.0.push(File {
            source,
            includes: Vec::new(),
        });
        if let Some(file) = files.0.get_mut(file) {
            file.includes.push(next);
        }
        load_includes(files, next, depth + 1, include)?;
    }
    Ok(())
}

/// The path, if the line includes a file.
pub(super) fn included(line: &str) -> Option<&str> {
    let path = line.strip_prefix("include")?;
    path.starts_with([' ', '\t']).then(|| path.trim())
}

/// Lines with their numbers, without comment blocks and line ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let text = without_mark(text);
    let mut is_comment = false;
    text.split('\n')
        .enumerate()
        .map(|(at, line)| (number(at), line.strip_suffix('\r').unwrap_or(line)))
        .filter(move |(_, line)| {
            if is_comment {
                is_comment = !is_block_end(line);
                return false;
            }
            is_comment = line.trim_end() == "comment";
            !is_comment
        })
}

/// A text without a byte order mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn is_block_end(line: &str) -> bool {
    let words = line.strip_prefix("end").map(str::trim);
    words == Some("comment")
}

/// The number of the line after so many others.
fn number(before: usize) -> u32 {
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}
