//! The bytes of a line.

use super::*;

#[test]
fn the_bytes_of_events_do_not_change() {
    let (proposal, id) = (
        ProposalId::from_bytes([1; 32]),
        RecordId::from_bytes([2; 32]),
    );
    let (p, r) = (
        format!("5820{}", "01".repeat(32)),
        format!("5820{}", "02".repeat(32)),
    );
    let high = RecordId::from_bytes([3; 32]);
    let h = format!("5820{}", "03".repeat(32));
    let outcome = Outcome::Rejected;
    let cases = [
        (
            AuditEvent::Opened {
                proposal,
                opening: id,
            },
            format!("8300{p}{r}"),
        ),
        (
            AuditEvent::Closed {
                proposal,
                close: id,
                outcome,
            },
            format!("8401{p}{r}01"),
        ),
        (
            AuditEvent::Paid {
                proposal,
                action: 7,
                ready: id,
                entry: high,
            },
            format!("8502{p}07{r}{h}"),
        ),
        (
            AuditEvent::Drawn {
                proposal,
                action: 7,
                ready: id,
                entry: high,
            },
            format!("8505{p}07{r}{h}"),
        ),
        (AuditEvent::Authored { record: id }, format!("8203{r}")),
        (
            AuditEvent::Evidence { low: id, high },
            format!("8304{r}{h}"),
        ),
    ];
    for (event, expected) in cases {
        let recorded_at = Timestamp::from_millis(9);
        let bytes = canon::to_bytes(&AuditLine { event, recorded_at });
        let tag: String = Hex(b"icn/events/audit-line/v1").to_string();
        assert_eq!(Hex(&bytes).to_string(), format!("837818{tag}{expected}09"));
        assert_eq!(
            canon::from_bytes(&bytes),
            Ok(AuditLine { event, recorded_at })
        );
    }
}

#[test]
fn evidence_names_the_lower_id_first() {
    let (low, high) = (RecordId::from_bytes([2; 32]), RecordId::from_bytes([3; 32]));
    for (low, high) in [(high, low), (low, low)] {
        let bytes = canon::to_bytes(&AuditEvent::Evidence { low, high });
        let error = canon::from_bytes::<AuditEvent>(&bytes).unwrap_err();
        assert_eq!(error.reason().code(), "audit.evidence.order");
    }
    let error = canon::from_bytes::<AuditEvent>(&[0x81, 0x05]).unwrap_err();
    assert_eq!(error.reason().code(), "audit.event");
}
