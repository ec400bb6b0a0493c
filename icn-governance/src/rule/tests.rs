use icn_types::canon::{from_bytes, to_bytes};
use icn_types::error::Coded as _;

use super::*;

#[test]
fn unknown_shapes_of_a_rule_do_not_read() {
    let code = |error: DecodeError| error.code();
    let unknown = to_bytes(&9_u64);
    assert_eq!(
        code(from_bytes::<Turnout>(&unknown).unwrap_err()),
        "rule.turnout"
    );
    assert_eq!(code(from_bytes::<Base>(&unknown).unwrap_err()), "rule.base");
    assert_eq!(code(from_bytes::<Tie>(&unknown).unwrap_err()), "rule.tie");
    assert_eq!(
        code(from_bytes::<Comparator>(&unknown).unwrap_err()),
        "rule.comparator"
    );
}

#[test]
fn a_share_of_nothing_is_never_reached() {
    for comparator in [Comparator::Above, Comparator::AtLeast] {
        for ratio in [Ratio::ZERO, Ratio::HALF, Ratio::ONE] {
            let share = Share { comparator, ratio };
            assert!(!share.is_reached(0, 0));
            assert!(!share.is_reached(5, 0));
        }
    }
}

#[test]
fn presets_say_what_they_are_called() {
    let majority = Rule::majority();
    assert_eq!(majority.threshold.base, Base::Decisive);
    assert_eq!(majority.threshold.share, Share::above(Ratio::HALF));
    let cast = Rule::two_thirds_of_cast();
    assert_eq!(cast.threshold.base, Base::Cast);
    assert_eq!(cast.threshold.share, Share::at_least(Ratio::TWO_THIRDS));
    let roll = Rule::majority_of_roll().with_quorum(Ratio::HALF);
    assert_eq!(roll.threshold.base, Base::Eligible);
    assert_eq!(roll.quorum.share, Share::at_least(Ratio::HALF));
    let veto = Rule::majority().with_veto(Ratio::HALF, 2).veto;
    let expected = Veto::Share {
        base: Base::Cast,
        share: Share::above(Ratio::HALF),
        minimum: 2,
    };
    assert_eq!(veto, expected);
}
