use icn_types::canon::{Raw, from_bytes, to_bytes};
use icn_types::id::{ChainId, Digest, DomainId, RecordId, TopicId};
use icn_types::set::Pair;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn id<T>(make: fn([u8; 32]) -> T) -> impl Strategy<Value = T>
where
    T: core::fmt::Debug,
{
    any::<[u8; 32]>().prop_map(make)
}

fn tip() -> impl Strategy<Value = Tip> {
    (any::<u64>(), id(RecordId::from_bytes)).prop_map(|(seq, head)| Tip { seq, head })
}

fn list_of<T: core::fmt::Debug + Clone, const MIN: usize, const MAX: usize>(
    item: impl Strategy<Value = T>,
) -> impl Strategy<Value = List<T, MIN, MAX>> {
    vec(item, MIN..=MIN + 3).prop_map(|items| List::new(items).unwrap())
}

fn row() -> impl Strategy<Value = Row> {
    let pair = (id(RecordId::from_bytes), id(RecordId::from_bytes))
        .prop_map(|(low, high)| Pair { low, high });
    let fields = (
        id(ChainId::from_bytes),
        proptest::option::of(tip()),
        proptest::option::of(pair),
    );
    fields.prop_map(|(chain, tip, fork)| Row { chain, tip, fork })
}

fn clock() -> impl Strategy<Value = Frame> {
    let fields = (
        id(TopicId::from_bytes),
        id(Digest::from_bytes),
        vec(row(), 1..4),
        any::<bool>(),
    );
    fields.prop_map(|(topic, digest, mut rows, ends)| {
        rows.sort_by_key(|row| row.chain);
        Frame::Clock(ClockPage {
            topic,
            digest,
            base: None,
            after: None,
            rows: List::new(rows).unwrap(),
            ends,
        })
    })
}

fn want() -> impl Strategy<Value = Frame> {
    let trace = (id(ChainId::from_bytes), list_of(tip()), any::<bool>()).prop_map(
        |(chain, tips, from_start)| Trace {
            chain,
            tips,
            from_start,
        },
    );
    let fields = (
        id(TopicId::from_bytes),
        list_of(id(RecordId::from_bytes)),
        list_of(trace),
    );
    fields.prop_map(|(topic, ids, chains)| Frame::Want(Want { topic, ids, chains }))
}

fn frame() -> impl Strategy<Value = Frame> {
    let hello = (id(DomainId::from_bytes), list_of(id(TopicId::from_bytes)))
        .prop_map(|(domain, topics)| Frame::Hello(Hello { domain, topics }));
    let base = proptest::option::of(id(Digest::from_bytes));
    let mark = (id(TopicId::from_bytes), id(Digest::from_bytes), base).prop_map(
        |(topic, digest, base)| Mark {
            topic,
            digest,
            base,
        },
    );
    let records = vec(any::<u8>(), 0..50).prop_map(Envelope);
    let done = (
        id(TopicId::from_bytes),
        list_of(id(ChainId::from_bytes)),
        list_of((id(ChainId::from_bytes), tip()).prop_map(|(chain, after)| More { chain, after })),
    )
        .prop_map(|(topic, lost, more)| Frame::Done(Done { topic, lost, more }));
    prop_oneof![
        hello,
        list_of(mark).prop_map(Frame::Ask),
        clock(),
        want(),
        list_of(records.clone()).prop_map(Frame::Records),
        list_of(records).prop_map(Frame::Fresh),
        done,
    ]
}

proptest! {
    #[test]
    fn frames_are_read_back(frame in frame()) {
        prop_assert_eq!(from_bytes::<Frame>(&to_bytes(&frame)), Ok(frame));
    }

    #[test]
    fn noise_is_never_a_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _noise: Result<Frame, _> = from_bytes(&bytes);
    }

    #[test]
    fn what_is_read_is_written_the_same_way(
        frame in frame(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = to_bytes(&frame);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = from_bytes::<Frame>(&bytes) {
            prop_assert_eq!(to_bytes(&read), bytes);
        }
    }
}

fn page(after: Option<u8>, chains: &[u8], ends: bool) -> ClockPage {
    let chain = |byte: u8| ChainId::from_bytes([byte; 32]);
    let rows: Vec<Row> = chains
        .iter()
        .map(|&byte| Row {
            chain: chain(byte),
            tip: None,
            fork: None,
        })
        .collect();
    ClockPage {
        topic: TopicId::from_bytes([0; 32]),
        digest: Digest::from_bytes([0; 32]),
        base: None,
        after: after.map(chain),
        rows: List::new(rows).unwrap(),
        ends,
    }
}

#[test]
fn pages_that_stand_still_or_go_back_are_refused() {
    let code = |page: &ClockPage| {
        from_bytes::<ClockPage>(&to_bytes(page)).map_err(|error| error.reason().code())
    };
    assert_eq!(code(&page(None, &[], true)), Ok(page(None, &[], true)));
    assert_eq!(
        code(&page(Some(1), &[2, 3], false)),
        Ok(page(Some(1), &[2, 3], false))
    );
    for bad in [
        page(None, &[], false),
        page(None, &[2, 2], true),
        page(Some(2), &[2], true),
        page(Some(5), &[2], true),
    ] {
        assert_eq!(code(&bad), Err("sync.page.order"));
    }
}

#[test]
fn the_longest_frames_fit() {
    let full = |tips: usize| Trace {
        chain: ChainId::from_bytes([255; 32]),
        tips: List::new(vec![
            Tip {
                seq: u64::MAX,
                head: RecordId::from_bytes([255; 32]),
            };
            tips
        ])
        .unwrap(),
        from_start: true,
    };
    let want = Frame::Want(Want {
        topic: TopicId::from_bytes([255; 32]),
        ids: List::new(vec![RecordId::from_bytes([255; 32]); IDS_MAX]).unwrap(),
        chains: List::new(vec![full(TIPS_MAX); CHAINS_MAX]).unwrap(),
    });
    assert!(to_bytes(&want).len() <= FRAME_LEN_MAX);

    let pair = Pair {
        low: RecordId::from_bytes([1; 32]),
        high: RecordId::from_bytes([2; 32]),
    };
    let row = Row {
        chain: ChainId::from_bytes([255; 32]),
        tip: full(1).tips.first().copied(),
        fork: Some(pair),
    };
    assert!(to_bytes(&row).len() * ROWS_MAX + 200 <= FRAME_LEN_MAX);
    let stray = Stray {
        id: pair.low,
        content: true,
    };
    assert!(to_bytes(&stray).len() * STRAYS_MAX + 200 <= FRAME_LEN_MAX);
}

#[test]
fn an_unknown_code_or_another_tag_is_refused() {
    let mut w = Writer::new();
    w.array(3);
    w.text(TAG);
    w.uint(9);
    w.null();
    let reason = |bytes: &[u8]| from_bytes::<Frame>(bytes).unwrap_err().reason().code();
    assert_eq!(reason(w.as_bytes()), "sync.frame.code");
    assert_eq!(reason(&to_bytes(&Raw::of(&0_u64))), "canon.type");
}
