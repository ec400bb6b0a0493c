//! Text that nobody meant: an error or a journal, never a panic, and the line
//! is one of the file.

use icn_ledger::text::{Conversion, Format, Import, Journal, Places, Source, TextError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::chance::{account, journals};

fn lines(text: &[u8]) -> usize {
    1 + text.iter().filter(|&&byte| byte == b'\n').count()
}

/// Reads bytes in every way, and whatever is read once more.
fn try_all(bytes: &[u8]) -> Result<(), TestCaseError> {
    let count = lines(bytes);
    let check = |outcome: Result<(Journal, Places), TextError>| {
        match outcome {
            Ok((journal, _)) => {
                let text = journal.show(Format::Hledger).to_string();
                let again = Import::new().journal(Source::new("again".into(), text), |_| None);
                prop_assert_eq!(again.map(|(again, _)| again), Ok(journal));
            }
            Err(error) => {
                prop_assert!(error.line >= 1 && usize::try_from(error.line).unwrap() <= count);
            }
        }
        Ok(())
    };
    let source = match Source::from_bytes("fuzz".into(), bytes.to_vec()) {
        Ok(source) => source,
        Err(error) => return check(Err(error)),
    };
    let through = Import::new().with_conversion(Conversion::Through(account("conversion")));
    for import in [Import::new(), through] {
        check(import.journal(source.clone(), |_| Some(source.clone())))?;
        check(import.csv(source.clone()))?;
    }
    Ok(())
}

/// What journals are made of, so that chance gets past the first line.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        Just("2024-01-01"),
        Just("=02-01"),
        Just(" "),
        Just("  "),
        Just("\t"),
        Just("\n"),
        Just("\n  "),
        Just("\n  a  "),
        Just("\r\n"),
        Just("*"),
        Just("!"),
        Just("(x)"),
        Just("1"),
        Just("-1"),
        Just("1,000"),
        Just("1.5"),
        Just("EUR"),
        Just("$"),
        Just("\"x y\""),
        Just("@"),
        Just("@@"),
        Just("="),
        Just("==*"),
        Just(";"),
        Just("x: y"),
        Just("{"),
        Just("commodity "),
        Just("D "),
        Just("P 2024-01-01 "),
        Just("account "),
        Just("comment\n"),
        Just("end comment\n"),
        Just("include x\n"),
        Just("format "),
        Just("\u{feff}"),
        Just("\u{a0}"),
        Just("999999999999999"),
        Just("decimal-mark ,\n"),
        Just("date,account,amount\n"),
        Just(","),
        Just("\""),
    ];
    vec(fragment, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..200)) {
        try_all(&bytes)?;
    }

    #[test]
    fn random_fragments_do_no_harm(text in fragments()) {
        try_all(text.as_bytes())?;
    }

    #[test]
    fn mutated_journals_do_no_harm(
        journal in journals(),
        format in 0..3_usize,
        changes in vec((any::<Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let format = [Format::Hledger, Format::Ledger, Format::Csv][format];
        let mut bytes = journal.show(format).to_string().into_bytes();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                _ if at == bytes.len() => {}
                1 => bytes[at] = byte,
                _ => drop(bytes.remove(at)),
            }
        }
        try_all(&bytes)?;
    }

    #[test]
    fn a_wrong_line_is_named(journal in journals(), at in any::<Index>()) {
        let text = journal.show(Format::Hledger).to_string();
        let mut all: Vec<&str> = text.lines().collect();
        let at = at.index(all.len() + 1);
        all.insert(at, "nonsense here");
        let source = Source::new("x".into(), all.join("\n"));
        let error = Import::new().journal(source, |_| None).unwrap_err();
        prop_assert_eq!(usize::try_from(error.line).unwrap(), at + 1);
    }
}
