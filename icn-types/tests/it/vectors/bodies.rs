//! Bodies of the authority chain, and bodies that break a rule of their own.

use icn_types::authority::{
    Charter, Close, ConsentTerms, Open, Opening, Raise, Ready, Recall, Release, RollChange, Seal,
    VoteTerms,
};
use icn_types::canon::{self, Decode, Encode};
use icn_types::error::Coded as _;
use icn_types::key::{Inception, Keypair, PublicKey, Signer as _};

use super::json::Json;
use super::shape::Item;
use super::{Case, File};

pub(super) fn file() -> File {
    let mut cases = charters();
    cases.extend(rolls());
    cases.extend(opens());
    cases.extend(seals());
    cases.extend(recalls());
    cases.extend(decisions());
    File {
        name: "bodies.json",
        purpose: "bodies of the authority chain, and refused ones with the reason",
        cases,
    }
}

fn accepted<T: Encode + Decode>(name: &str, kind: &str, item: &Item) -> Case {
    let bytes = canon::to_bytes(item);
    let read = canon::from_bytes::<T>(&bytes).unwrap();
    assert_eq!(canon::to_bytes(&read), bytes, "{name}");
    Case::new(
        name,
        vec![
            ("as", Json::text(kind)),
            ("value", item.describe()),
            ("hex", Json::hex(&bytes)),
        ],
    )
}

fn refused<T: Decode>(name: &str, kind: &str, item: &Item, code: &'static str) -> Case {
    let bytes = canon::to_bytes(item);
    let Err(error) = canon::from_bytes::<T>(&bytes) else {
        panic!("{name} is accepted");
    };
    assert_eq!(error.code(), code, "{name}");
    Case::new(
        name,
        vec![
            ("as", Json::text(kind)),
            ("hex", Json::hex(&bytes)),
            ("code", Json::text(code)),
        ],
    )
}

// Parts

fn list(items: impl Into<Vec<Item>>) -> Item {
    Item::Array(items.into())
}

fn id(byte: u8) -> Item {
    Item::bytes(&[byte; 32])
}

fn signature() -> Item {
    Item::bytes(&[0x55; 64])
}

fn key_of(seed: u8) -> PublicKey {
    Keypair::from_seed(&[seed; 32]).public_key()
}

fn key(seed: u8) -> Item {
    Item::bytes(key_of(seed).as_bytes())
}

fn uint(value: u64) -> Item {
    Item::Uint(value)
}

fn inception(seed: u8) -> Item {
    let tag = Item::Text("icn/types/inception/v1");
    list([tag, id(9), key(seed), key(seed + 100)])
}

/// Inceptions in the order of their members' names.
fn roll(seeds: &[u8]) -> Vec<Item> {
    let mut seeds = seeds.to_vec();
    seeds.sort_by_key(|seed| {
        let (key, recovery) = (key_of(*seed), key_of(*seed + 100));
        Inception {
            community: [9; 32],
            key,
            recovery,
        }
        .id()
    });
    seeds.into_iter().map(inception).collect()
}

fn keys(seeds: &[u8]) -> Vec<Item> {
    let mut keys: Vec<PublicKey> = seeds.iter().copied().map(key_of).collect();
    keys.sort_unstable();
    keys.iter().map(|key| Item::bytes(key.as_bytes())).collect()
}

/// The same body with another field at this place.
fn with(body: Item, at: usize, field: Item) -> Item {
    let Item::Array(mut fields) = body else {
        panic!("a body is an array");
    };
    fields[at] = field;
    list(fields)
}

fn reversed(mut items: Vec<Item>) -> Vec<Item> {
    items.reverse();
    items
}

// Bodies

fn charter(nonce: u8, recovery: Vec<Item>, roll: Vec<Item>) -> Item {
    list([
        Item::Text("icn/types/charter/v1"),
        id(nonce),
        uint(1),
        key(1),
        list(recovery),
        list(roll),
        uint(86_400_000),
        list([Item::Text("icn/example/rules/v1"), uint(5)]),
    ])
}

fn charters() -> Vec<Case> {
    let good = |name, item: &Item| accepted::<Charter>(name, "charter", item);
    let bad = |name, item: &Item, code| refused::<Charter>(name, "charter", item, code);
    vec![
        good("charter of two", &charter(9, keys(&[4, 5]), roll(&[1, 2]))),
        good(
            "charter of four without recovery",
            &charter(9, vec![], roll(&[1, 2, 3, 4])),
        ),
        bad(
            "charter of nobody",
            &charter(9, keys(&[4]), vec![]),
            "canon.count",
        ),
        bad(
            "charter of format zero",
            &with(charter(9, keys(&[4]), roll(&[1])), 2, uint(0)),
            "charter.format",
        ),
        bad(
            "charter of three without recovery",
            &charter(9, vec![], roll(&[1, 2, 3])),
            "charter.recovery",
        ),
        bad(
            "charter with recovery out of order",
            &charter(9, reversed(keys(&[4, 5])), roll(&[1])),
            "charter.recovery",
        ),
        bad(
            "charter with members out of order",
            &charter(9, keys(&[4]), reversed(roll(&[1, 2]))),
            "charter.roll",
        ),
        bad(
            "charter with a member twice",
            &charter(9, keys(&[4]), vec![inception(1), inception(1)]),
            "charter.roll",
        ),
        bad(
            "charter with a member of another community",
            &charter(8, keys(&[4]), roll(&[1])),
            "charter.roll",
        ),
    ]
}

fn rolls() -> Vec<Case> {
    let change = |join: Vec<Item>, leave: Vec<Item>| {
        let tag = Item::Text("icn/types/roll/v1");
        list([tag, list(join), list(leave)])
    };
    vec![
        accepted::<RollChange>(
            "roll change",
            "roll",
            &change(roll(&[1]), vec![id(2), id(3)]),
        ),
        accepted::<RollChange>("roll change of nothing", "roll", &change(vec![], vec![])),
    ]
}

fn grant(floor: i64, ceiling: i64, float: u64) -> Item {
    list([Item::Int(floor), Item::Int(ceiling), uint(float)])
}

fn open(owner: Item, start: Item, charge: [Item; 2], grant: Item, consent: Item) -> Item {
    let chain = list([Item::Text("icn/types/chain/v1"), id(3), owner]);
    let [charged, claims] = charge;
    let tag = Item::Text("icn/types/open/v1");
    list([
        tag,
        chain,
        key(1),
        key(2),
        uint(1),
        start,
        charged,
        claims,
        grant,
        consent,
    ])
}

fn opens() -> Vec<Case> {
    let member = || list([uint(1), id(6), uint(0)]);
    let by = |by| list([uint(by), signature()]);
    let free = || [uint(0), Item::Null];
    let null = || Item::Null;
    let tip = || list([uint(41), id(8)]);
    let good = |name, item: &Item| accepted::<Open>(name, "open", item);
    let bad = |name, item: &Item, code| refused::<Open>(name, "open", item, code);
    let granted = |grant| open(member(), null(), free(), grant, by(0));
    let raise = |floor| list([Item::Text("icn/types/raise/v1"), id(7), Item::Int(floor)]);
    let terms = |start, grant| {
        let tag = Item::Text("icn/types/consent/v1");
        list([tag, id(1), id(2), start, key(1), key(2), uint(1), grant])
    };
    vec![
        good("first open", &open(member(), null(), free(), null(), by(0))),
        good(
            "next open",
            &open(
                member(),
                list([id(7), tip()]),
                [uint(100), id(4)],
                grant(-5000, i64::MAX, i64::MAX.cast_unsigned()),
                by(1),
            ),
        ),
        good(
            "open after an empty epoch",
            &open(
                list([uint(2), uint(1)]),
                list([id(7), null()]),
                free(),
                null(),
                by(0),
            ),
        ),
        bad(
            "open of format zero",
            &with(open(member(), null(), free(), null(), by(0)), 4, uint(0)),
            "open.format",
        ),
        bad(
            "open with a charge and no claims",
            &open(member(), null(), [uint(1), null()], null(), by(0)),
            "open.claims",
        ),
        bad(
            "open with claims and no charge",
            &open(member(), null(), [uint(0), id(4)], null(), by(0)),
            "open.claims",
        ),
        bad(
            "open with a floor above zero",
            &granted(grant(1, 0, 0)),
            "grant.range",
        ),
        bad(
            "open with a ceiling below zero",
            &granted(grant(0, -1, 0)),
            "grant.range",
        ),
        bad(
            "open with a float of 2^63",
            &granted(grant(0, 0, 1 << 63)),
            "grant.range",
        ),
        good(
            "open for a receiver",
            &open(
                member(),
                list([id(7), tip()]),
                free(),
                grant(-5000, 0, 0),
                list([uint(2), id(9), uint(0)]),
            ),
        ),
        bad(
            "open with consent of another kind",
            &open(member(), null(), free(), null(), by(3)),
            "consent.kind",
        ),
        bad(
            "open for a receiver with a signature",
            &open(member(), null(), free(), null(), by(2)),
            "consent.kind",
        ),
        bad(
            "open for an owner of another kind",
            &open(list([uint(6), uint(0)]), null(), free(), null(), by(0)),
            "chain.owner",
        ),
        bad(
            "open for a member without device",
            &open(list([uint(1), id(6)]), null(), free(), null(), by(0)),
            "chain.owner",
        ),
        accepted::<Raise>("raise", "raise", &raise(-7000)),
        refused::<Raise>("raise above zero", "raise", &raise(1), "grant.range"),
        accepted::<ConsentTerms>("terms of a first open", "consent", &terms(null(), null())),
        accepted::<ConsentTerms>(
            "terms of a next open",
            "consent",
            &terms(list([id(7), tip()]), grant(-1, 1, 0)),
        ),
    ]
}

fn seals() -> Vec<Case> {
    let row = |chain, sealed, last| list([id(chain), id(7), sealed, Item::Bool(last)]);
    let header = list([
        Item::Text("icn/types/header/v1"),
        id(1),
        id(2),
        id(7),
        uint(3),
        id(4),
        uint(40_000),
        uint(1_700_000_000_000),
        id(5),
        uint(120),
    ]);
    let sealed = list([header, signature()]);
    let seal = |rows: Vec<Item>| list([Item::Text("icn/types/seal/v1"), list(rows)]);
    let empty = |chain| row(chain, Item::Null, false);
    let both = vec![row(2, sealed, false), row(3, Item::Null, true)];
    vec![
        accepted::<Seal>("seal of two chains", "seal", &seal(both)),
        refused::<Seal>("seal of nothing", "seal", &seal(vec![]), "canon.count"),
        refused::<Seal>(
            "seal with rows out of order",
            "seal",
            &seal(vec![empty(3), empty(2)]),
            "seal.rows",
        ),
        refused::<Seal>(
            "seal with a chain twice",
            "seal",
            &seal(vec![empty(3), empty(3)]),
            "seal.rows",
        ),
    ]
}

fn recalls() -> Vec<Case> {
    let member = |byte| list([uint(0), id(byte)]);
    let number = |number| list([uint(1), uint(number)]);
    let recall = |voters: Vec<Item>| {
        let votes: Vec<Item> = voters
            .into_iter()
            .map(|voter| list([voter, signature()]))
            .collect();
        list([Item::Text("icn/types/recall/v1"), key(1), list(votes)])
    };
    let bad = |name, voters, code| refused::<Recall>(name, "recall", &recall(voters), code);
    let terms = list([Item::Text("icn/types/recall-vote/v1"), id(1), id(2), key(3)]);
    vec![
        accepted::<Recall>(
            "recall by members",
            "recall",
            &recall(vec![member(2), member(3)]),
        ),
        accepted::<Recall>(
            "recall by keys",
            "recall",
            &recall(vec![number(0), number(2)]),
        ),
        accepted::<VoteTerms>("terms of a recall", "recall-vote", &terms),
        bad("recall by nobody", vec![], "canon.count"),
        bad(
            "recall with votes out of order",
            vec![member(3), member(2)],
            "recall.votes",
        ),
        bad(
            "recall with a vote twice",
            vec![number(1), number(1)],
            "recall.votes",
        ),
        bad(
            "recall by a voter of another kind",
            vec![list([uint(2), id(1)])],
            "recall.voter",
        ),
    ]
}

fn decisions() -> Vec<Case> {
    let pay = |amount| list([uint(0), id(1), id(2), id(3), uint(amount)]);
    let terms = |tellers: Vec<Item>, needed| {
        list([
            list(tellers),
            uint(needed),
            uint(604_800_000),
            uint(86_400_000),
        ])
    };
    let opening = |action, terms| {
        let tag = Item::Text("icn/types/opening/v1");
        let rule = list([Item::Text("icn/example/rule/v1")]);
        list([tag, id(1), id(2), list([action]), rule, id(3), terms])
    };
    let close = |outcome, shuts: Vec<Item>| {
        let tally = list([uint(3), uint(1)]);
        list([
            Item::Text("icn/types/close/v1"),
            id(1),
            uint(outcome),
            list(shuts),
            tally,
        ])
    };
    let good = |name, item: &Item| accepted::<Opening>(name, "opening", item);
    let bad = |name, item: &Item, code| refused::<Opening>(name, "opening", item, code);
    let two = || vec![id(4), id(5)];
    let unknown = list([uint(3), id(1)]);
    let receive = list([uint(1), id(1), key(1), key(2)]);
    let envelope = |payee, tranches| {
        let times = [uint(tranches), uint(2_592_000_000)];
        let [tranches, interval] = times;
        let parts = [id(1), payee, id(3), uint(400), tranches, interval];
        list([uint(2), list(parts)])
    };
    vec![
        good("opening", &opening(pay(5000), terms(two(), 2))),
        good(
            "opening of the largest payment",
            &opening(pay((1 << 63) - 1), terms(two(), 1)),
        ),
        bad(
            "opening of a payment of nothing",
            &opening(pay(0), terms(two(), 1)),
            "amount.zero",
        ),
        bad(
            "opening of 2^63 atoms",
            &opening(pay(1 << 63), terms(two(), 1)),
            "amount.large",
        ),
        bad(
            "opening of an unknown action",
            &opening(unknown, terms(two(), 1)),
            "action.kind",
        ),
        good(
            "opening of a receivership",
            &opening(receive, terms(two(), 1)),
        ),
        bad(
            "opening of a receivership without keys",
            &opening(list([uint(1), id(1)]), terms(two(), 1)),
            "action.kind",
        ),
        good(
            "opening of an envelope for one payee",
            &opening(envelope(id(2), 12), terms(two(), 1)),
        ),
        good(
            "opening of an envelope for anybody",
            &opening(envelope(Item::Null, 1), terms(two(), 1)),
        ),
        bad(
            "opening of an envelope without tranches",
            &opening(envelope(id(2), 0), terms(two(), 1)),
            "envelope.tranches",
        ),
        bad(
            "opening without tellers",
            &opening(pay(1), terms(vec![], 0)),
            "canon.count",
        ),
        bad(
            "opening that needs no teller",
            &opening(pay(1), terms(two(), 0)),
            "opening.tellers",
        ),
        bad(
            "opening that needs too many",
            &opening(pay(1), terms(two(), 3)),
            "opening.tellers",
        ),
        bad(
            "opening with tellers out of order",
            &opening(pay(1), terms(reversed(two()), 1)),
            "opening.tellers",
        ),
        accepted::<Close>("close", "close", &close(0, two())),
        accepted::<Close>("close of an expired vote", "close", &close(6, vec![id(4)])),
        refused::<Close>(
            "close of an unknown outcome",
            "close",
            &close(7, two()),
            "outcome.kind",
        ),
        refused::<Close>(
            "close with shuts out of order",
            "close",
            &close(0, reversed(two())),
            "close.shuts",
        ),
        accepted::<Ready>(
            "ready",
            "ready",
            &list([Item::Text("icn/types/ready/v1"), id(1)]),
        ),
        accepted::<Release>(
            "release of the second tranche",
            "release",
            &list([Item::Text("icn/types/release/v1"), id(1), uint(0), uint(1)]),
        ),
    ]
}
