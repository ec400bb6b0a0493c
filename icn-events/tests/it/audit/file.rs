//! The form and completeness of an exported file.

use super::*;

#[test]
fn an_honest_file_proves_every_payment() {
    let scene = Scene::played();
    let report = verify(&scene.export(), None).unwrap();
    assert_eq!(
        (report.domain, report.node),
        (scene.stage.domain(), scene.node)
    );
    assert_eq!(
        (report.lines, report.head),
        (8, scene.stage.tip(&scene.audit))
    );
    let payments: Vec<_> = report
        .payments
        .iter()
        .map(|payment| (payment.proposal.as_bytes()[0], payment.action))
        .collect();
    assert_eq!(payments, [(1, 0), (2, 0), (1, 1)]);
    let entry = scene.record(&report.payments[0].entry);
    assert_eq!((entry.chain(), entry.seq()), (scene.treasury, 0));
}

#[test]
fn an_empty_log_verifies() {
    let report = verify(&Scene::new().export(), None).unwrap();
    assert_eq!((report.lines, report.head), (0, None));
}

#[test]
fn comments_change_no_report() {
    let text = Scene::played().export();
    let mut lines = lines(&text);
    lines.insert(5, "# for the auditor".to_owned());
    assert_eq!(verify(&summed(&lines), None), verify(&text, None));
}

#[test]
fn different_logs_have_different_digests() {
    let mut scene = Scene::played();
    let digest = |scene: &Scene| verify(&scene.export(), None).unwrap().digest;
    let mut digests = BTreeSet::from([digest(&scene)]);
    scene.line(authored(1));
    assert!(digests.insert(digest(&scene)));
    scene.decide(3, 1);
    assert!(digests.insert(digest(&scene)));
}

#[test]
fn an_old_head_lies_on_a_longer_log() {
    let mut scene = Scene::played();
    let known = scene.stage.tip(&scene.audit);
    scene.line(authored(1));
    let text = scene.export();
    assert!(verify(&text, known).is_ok());
    assert!(verify(&text, scene.stage.tip(&scene.audit)).is_ok());
    let forged = known.map(|tip| Tip {
        head: RecordId::from_bytes([1; 32]),
        ..tip
    });
    assert_eq!(refused_with(&text, forged).1, AuditReason::Head);
}

#[test]
fn a_cut_off_end_is_found_by_whoever_knows_the_head() {
    let scene = Scene::played();
    let mut lines = lines(&scene.export());
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap();
    lines.remove(last);
    let text = summed(&lines);
    assert_eq!(verify(&text, None).unwrap().lines, 7);
    let known = scene.stage.tip(&scene.audit);
    assert_eq!(
        refused_with(&text, known),
        (lines.len() + 1, AuditReason::Head)
    );
}

#[test]
fn a_cut_off_end_is_found_by_a_seal() {
    let mut scene = Scene::played();
    let audit = scene.audit;
    scene.stage.seal(&audit, Finality::Open);
    let mut lines = lines(&scene.export());
    assert!(verify(&summed(&lines), None).is_ok());
    let seal = lines
        .iter()
        .rposition(|line| line.starts_with("record "))
        .unwrap();
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap();
    lines.remove(last);
    assert_eq!(refused(&summed(&lines)), (seal + 1, AuditReason::Sealed));
}

#[test]
fn a_new_epoch_goes_on_with_the_log() {
    let mut scene = Scene::played();
    let (audit, tip) = (scene.audit, scene.stage.tip(&scene.audit));
    scene.stage.reopen(&audit, tip, 0);
    scene.line(authored(1));
    assert_eq!(verify(&scene.export(), tip).unwrap().lines, 9);
}

#[test]
fn a_line_beyond_a_final_seal_is_refused() {
    let mut scene = Scene::played();
    let (audit, before) = (scene.audit, scene.stage.tip(&scene.audit));
    let late = scene.line(authored(1));
    let late = format!("line {}", scene.hex(&late));
    scene.stage.seal_at(&audit, before, Finality::Final);
    scene.tell();
    let mut lines = lines(&scene.export());
    let after = lines
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap()
        + 1;
    assert!(!lines.contains(&late));
    lines.insert(after, late);
    assert_eq!(refused(&summed(&lines)), (after + 1, AuditReason::Beside));
}

#[test]
fn a_dropped_line_is_found() {
    let text = Scene::played().export();
    let all = lines(&text);
    let last = all
        .iter()
        .rposition(|line| line.starts_with("line "))
        .unwrap();
    for dropped in (0..all.len()).filter(|at| *at != last) {
        let mut lines = all.clone();
        lines.remove(dropped);
        refused(&summed(&lines));
    }
    let (line, reason) = edited(|lines| {
        let at = first(lines, "line");
        lines.remove(at + 2);
    });
    assert_eq!(
        (line, reason),
        (first(&all, "line") + 3, AuditReason::Follow)
    );
}

#[test]
fn swapped_and_repeated_lines_are_found() {
    let all = lines(&Scene::played().export());
    for at in 0..all.len() {
        let mut swapped = all.clone();
        if at + 1 < all.len() {
            swapped.swap(at, at + 1);
            let (line, _) = refused(&summed(&swapped));
            assert!(line > 0);
        }
        let mut repeated = all.clone();
        repeated.insert(at, all[at].clone());
        let (line, _) = refused(&summed(&repeated));
        assert!(line > at.min(2));
    }
    let (line, reason) = edited(|lines| {
        let at = first(lines, "line");
        lines.insert(at, lines[at].clone());
    });
    assert_eq!(
        (line, reason),
        (first(&all, "line") + 2, AuditReason::Follow)
    );
    let (line, reason) = edited(|lines| {
        let at = first(lines, "record");
        lines.insert(at, lines[at].clone());
    });
    assert_eq!(
        (line, reason),
        (first(&all, "record") + 2, AuditReason::RecordTwice)
    );
}

#[test]
fn the_form_of_the_file_is_checked() {
    let form = |bad| AuditReason::Form(bad);
    assert_eq!(refused("icn genesis 1\n").1, form(BadForm::Header));
    assert_eq!(
        edited(|lines| lines.push("member 00".to_owned())).1,
        form(BadForm::Word)
    );
    assert_eq!(
        edited(|lines| lines.push("entry 0".to_owned())).1,
        form(BadForm::Hex)
    );
    let text = Scene::played().export();
    let changed = text.replacen("sum ", "#\nsum ", 1);
    assert_eq!(refused(&changed).1, form(BadForm::Sum));
}

#[test]
fn domain_and_node_come_first() {
    let (line, reason) = edited(|lines| drop(lines.remove(1)));
    assert_eq!((line, reason), (2, AuditReason::Domain));
    let (line, reason) = edited(|lines| drop(lines.remove(2)));
    assert_eq!((line, reason), (3, AuditReason::Node));
    let (line, reason) = edited(|lines| lines[2].push('z'));
    assert_eq!(line, 3);
    assert!(matches!(reason, AuditReason::NodeKey(_)));
}

#[test]
fn the_log_of_another_domain_or_node_is_refused() {
    let (line, reason) = edited(|lines| lines[1] = format!("domain {}", "00".repeat(32)));
    assert_eq!((line, reason), (4, AuditReason::Refused(Refusal::Domain)));
    let other = PeerId::new(Scene::new().stage.draw_key().public_key());
    let (_, reason) = edited(|lines| lines[2] = format!("node {other}"));
    assert_eq!(reason, AuditReason::Elsewhere);
}

#[test]
fn a_file_without_a_charter_is_refused() {
    let (line, reason) = edited(|lines| lines.truncate(3));
    assert_eq!((line, reason), (4, AuditReason::Charter));
}

#[test]
fn authority_lines_and_entries_keep_their_order() {
    let (line, reason) = edited(|lines| {
        let record = lines[first(lines, "record")].clone();
        lines.push(record);
    });
    assert_eq!(reason, AuditReason::Order);
    assert_eq!(line, lines(&Scene::played().export()).len() + 1);
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let (_, reason) = edited(|lines| lines.push("entry 1801".to_owned()));
    assert!(matches!(reason, AuditReason::Bytes(_)));
    let scene = Scene::played();
    let record = scene.record(&scene.stage.tip(&scene.audit).unwrap().head);
    let bare = Record::bare(record.header().clone(), *record.signature());
    let line = format!("entry {}", Hex(&bare.claim().to_bytes()));
    assert_eq!(edited(|lines| lines.push(line)).1, AuditReason::Bare);
}

#[test]
fn each_word_is_for_its_own_chain() {
    let (_, reason) = edited(|lines| {
        let (line, entry) = (first(lines, "line"), first(lines, "entry"));
        lines[line] = lines[entry].replacen("entry", "record", 1);
    });
    assert_eq!(reason, AuditReason::Elsewhere);
    let (_, reason) = edited(|lines| {
        let (line, entry) = (first(lines, "line"), first(lines, "entry"));
        lines[line] = lines[entry].replacen("entry", "line", 1);
    });
    assert_eq!(reason, AuditReason::Elsewhere);
}

/// One played file for the properties, which only read it.
fn played() -> &'static (String, Report) {
    static PLAYED: std::sync::OnceLock<(String, Report)> = std::sync::OnceLock::new();
    PLAYED.get_or_init(|| {
        let text = Scene::played().export();
        let report = verify(&text, None).unwrap();
        (text, report)
    })
}

proptest! {
    #[test]
    fn reading_never_panics_on_any_text(text in "(icn audit 1\n)?(\\PC|\n){0,200}") {
        prop_assert!(verify(&text, None).is_err());
    }

    /// With the old sum or one that a forger computed anew.
    #[test]
    fn a_changed_character_is_refused_and_its_line_named(
        line in any::<prop::sample::Index>(),
        at in any::<usize>(),
        sums_up in any::<bool>(),
    ) {
        let (text, _) = played();
        let mut lines = lines(text);
        let line = line.index(lines.len());
        lines[line] = flipped(&lines[line], at);
        let changed = if sums_up {
            summed(&lines)
        } else {
            format!("{}\n{}\n", lines.join("\n"), text.lines().last().unwrap())
        };
        let (named, _) = refused(&changed);
        // Another domain or node is found at its first record.
        if !lines[line].starts_with("domain ") && !lines[line].starts_with("node ") {
            prop_assert_eq!(named, line + 1);
        }
    }

    #[test]
    fn a_mangled_file_is_refused(
        cut in any::<prop::sample::Index>(),
        put in "\\PC{0,8}",
        len in 0_usize..40,
    ) {
        let (text, report) = played();
        let (from, to) = (cut.index(text.len()), (cut.index(text.len()) + len).min(text.len()));
        let mangled = format!("{}{put}{}", &text[..from], &text[to..]);
        match verify(&mangled, None) {
            Ok(same) => prop_assert!(same == *report && mangled.trim_end() == text.trim_end()),
            Err(error) => prop_assert!(mangled != *text && error.line > 0),
        }
    }
}
