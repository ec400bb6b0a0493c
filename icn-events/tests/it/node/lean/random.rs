//! Whatever happens.

use futures::executor::block_on;
use icn_events::node::{Node, verify_store};
use icn_ledger::LegId;
use icn_types::id::ChainId;

use super::super::coop::Registrar;
use super::super::hours;
use super::super::money::{Ask, ask, holding, refunding, resolving};
use super::{CHARLIE, Mixed, all_of};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    pub(super) fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.roll(all.len())].clone())
    }
}

/// Something that a member may want to do now.
fn any_deed(
    node: &Node,
    dice: &mut Dice,
    accounts: [ChainId; 3],
    own: usize,
    key: u8,
) -> Option<Ask> {
    let set = node.set();
    let spine = set.spine(&accounts[(own + 1) % 3]);
    let other = accounts[(own + 1 + dice.roll(2)) % 3];
    let atoms = 1 + dice.roll(900) as u64;
    match dice.roll(4) {
        0 => Some(Ask::Hold(holding(other, accounts[own], atoms, key))),
        1 => {
            let ledger = node
                .ledgers()
                .find(|ledger| ledger.columns(set).held().len() > 0)?;
            let columns = ledger.columns(set);
            let (hold, held) = columns.unresolved(accounts[own]).next()?;
            Some(Ask::Resolve(resolving(&[(hold, held.amount.get() / 2)])))
        }
        2 => {
            let record = set.id(*spine.get(dice.roll(spine.len().max(1)))?);
            Some(Ask::Refund(refunding(LegId { record, leg: 0 }, atoms, key)))
        }
        _ => Some(Ask::Pay(hours(other, 1, key))),
    }
}

#[test]
fn whatever_happens_a_lean_node_is_the_node_of_its_store() {
    let (mut kept_its_history_away, mut forked) = (0, 0);
    for seed in 0..8 {
        let mut mixed = Mixed::with_past(420 + seed);
        let peer = mixed.village.coop.members[CHARLIE].peer();
        let stranger = Registrar::join(&mixed.village);
        let mut dice = Dice(seed);
        let accounts = [0, 1, 2].map(|member| mixed.hours_of(member));
        let unit = mixed.village.coop.hours;
        for key in 16..48_u8 {
            let member = dice.roll(3);
            let place = (&unit, &accounts[member]);
            let times = mixed.village.times();
            if member == CHARLIE {
                let choice = dice.roll(usize::MAX) as u64;
                let any = |node: &Node| any_deed(node, &mut Dice(choice), accounts, member, key);
                if let Some(request) = mixed.ask(any) {
                    let deed = async |node: &mut Node| ask(node, place, &request, times).await;
                    let _may_be_refused = block_on(mixed.lean.act(deed));
                }
            } else {
                let node = &mut mixed.village.nodes[member];
                if let Some(request) = any_deed(node, &mut dice, accounts, member, key) {
                    let _may_be_refused = block_on(ask(node, place, &request, times));
                }
            }
            if seed % 2 == 1 && dice.roll(24) == 0 {
                stranger.tell(peer, &[mixed.twin_of_the_last()]);
            }
            match dice.roll(6) {
                0 => mixed.reopen(),
                1 => drop(block_on(mixed.lean.save()).unwrap()),
                rounds => (0..rounds).for_each(|_| mixed.round()),
            }
        }
        mixed.until("nodes agree", Mixed::agree);
        kept_its_history_away += u32::from(!mixed.lean.has_history());
        forked += u32::from(mixed.ask(|node| !node.set().is_straight()));
        let genesis = &mixed.village.coop.genesis;
        let store = &mixed.village.stores[CHARLIE];
        assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
        let whole = mixed.whole();
        assert_eq!(mixed.ask(all_of), all_of(&whole));
    }
    assert!(
        (1..8).contains(&kept_its_history_away),
        "{kept_its_history_away}"
    );
    assert!(forked > 1, "{forked}");
}
