use alloc::vec::Vec;

use icn_types::amount::{Amount, Ratio};
use icn_types::authority::Action;
use icn_types::canon::{List, from_bytes, to_bytes};
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, DomainId, UnitId};
use icn_types::key::Signer as _;
use icn_types::testkit::stage::key_of;

use super::{Flaw, Rules, Trust, certain_receipts};
use crate::body::Subject;
use crate::rule::{Base, Quorum, Rule, Share, Threshold, Turnout, Veto};
use crate::scene::rules;

fn threshold(base: Base, share: Share) -> Rules {
    Rules {
        text: Rule {
            threshold: Threshold { base, share },
            ..Rule::majority()
        },
        ..rules(3, 2)
    }
}

fn veto(share: Share, minimum: u64) -> Rules {
    Rules {
        text: Rule {
            veto: Veto::Share {
                base: Base::Cast,
                share,
                minimum,
            },
            ..Rule::majority()
        },
        ..rules(3, 2)
    }
}

#[test]
fn presets_have_no_flaw() {
    let third = Ratio::new(1, 3).unwrap();
    let chosen = [
        Rule::majority(),
        Rule::two_thirds_of_cast(),
        Rule::majority_of_roll().with_quorum(Ratio::HALF),
        Rule::majority().with_veto(third, 2),
    ];
    for rule in chosen {
        let rules = Rules {
            text: rule,
            ..rules(3, 2)
        };
        assert_eq!(rules.flaws(), []);
    }
    assert_eq!(rules(1, 1).flaws(), []);
}

#[test]
fn every_flaw_is_found_and_has_a_code_of_its_own() {
    let quorum = Rules {
        text: Rule {
            quorum: Quorum {
                turnout: Turnout::Cast,
                share: Share::above(Ratio::ONE),
            },
            ..Rule::majority()
        },
        ..rules(3, 2)
    };
    let hasty = Rules {
        period: 0,
        ..rules(3, 2)
    };
    let third = Ratio::new(1, 3).unwrap();
    let easy = Rules {
        receivership: Rule::majority(),
        ..rules(3, 2)
    };
    let found = [
        (rules(3, 4), Flaw::Tellers),
        (rules(4, 2), Flaw::TwoCloses),
        (hasty, Flaw::Period),
        (quorum, Flaw::QuorumOutOfReach),
        (
            threshold(Base::Cast, Share::above(Ratio::ONE)),
            Flaw::ThresholdOutOfReach,
        ),
        (threshold(Base::Cast, Share::above(third)), Flaw::Minority),
        (
            threshold(Base::Eligible, Share::at_least(Ratio::ZERO)),
            Flaw::ThresholdOfNothing,
        ),
        (veto(Share::at_least(Ratio::ZERO), 0), Flaw::VetoByNobody),
        (veto(Share::above(Ratio::ZERO), 1), Flaw::VetoByOne),
        (easy, Flaw::EasyReceivership),
    ];
    for (rules, flaw) in &found {
        assert_eq!(rules.flaws(), [*flaw], "{}", flaw.code());
    }
    let mut codes: Vec<&str> = found.iter().map(|(_, flaw)| flaw.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), found.len());
}

/// Money of the community and the account of a member need not be moved by the
/// same bar; whoever asks for both meets the higher one.
#[test]
fn a_proposal_that_puts_an_account_into_other_hands_has_a_bar_of_its_own() {
    let rules = rules(3, 2);
    let chain = ChainId::from_bytes([1; 32]);
    let pay = Action::Pay {
        payer: chain,
        payee: ChainId::from_bytes([2; 32]),
        unit: UnitId::from_bytes([3; 32]),
        amount: Amount::new(1).unwrap(),
    };
    let key = key_of(1, "receiver", 0).public_key();
    let receive = Action::Receive {
        chain,
        key,
        recovery: key,
    };
    let rule = |actions: &[Action]| *rules.rule(&Subject::Actions(List::new(actions).unwrap()));
    assert_ne!(rules.receivership, rules.budget);
    assert_eq!(rule(&[pay]), rules.budget);
    assert_eq!(rule(&[receive]), rules.receivership);
    assert_eq!(rule(&[pay, receive]), rules.receivership);
}

#[test]
fn rules_read_back_as_written_and_bad_tellers_do_not() {
    let good = rules(5, 3);
    assert_eq!(from_bytes::<Rules>(&to_bytes(&good)), Ok(good));
    let twice = Rules {
        tellers: List::new([1, 1]).unwrap(),
        ..rules(3, 2)
    };
    for bad in [rules(3, 0), rules(3, 4), twice] {
        let error = from_bytes::<Rules>(&to_bytes(&bad)).unwrap_err();
        assert_eq!(error.code(), "rules.tellers");
    }
}

/// A ballot is in every possible close exactly when n - k + 1 tellers
/// acknowledged it, and two closes always share a teller exactly when no flaw
/// says otherwise: every choice of up to five tellers.
#[test]
fn receipts_and_closes_meet_where_they_must() {
    for of in 1..=5_u32 {
        for needed in 1..=of {
            let rules = rules(of, u8::try_from(needed).unwrap());
            let terms = rules.terms(DomainId::from_bytes([1; 32])).unwrap();
            let closes: Vec<u32> = (0..1 << of)
                .filter(|close: &u32| close.count_ones() == needed)
                .collect();
            for receipts in 0..1_u32 << of {
                let certain = receipts.count_ones() as usize >= certain_receipts(&terms);
                assert_eq!(closes.iter().all(|close| close & receipts != 0), certain);
            }
            let share = |close: &u32| closes.iter().all(|other| close & other != 0);
            let flawed = rules.flaws().contains(&Flaw::TwoCloses);
            assert_eq!(closes.iter().all(share), !flawed);
        }
    }
}

#[test]
fn one_teller_is_called_a_trusted_registrar() {
    let trust = |of, needed| {
        let terms = rules(of, needed).terms(DomainId::from_bytes([1; 32]));
        Trust::of(&terms.unwrap())
    };
    assert_eq!(trust(1, 1), Trust::TrustedRegistrar);
    assert_eq!(trust(3, 2), Trust::Tellers { needed: 2, of: 3 });
}
