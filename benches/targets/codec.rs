//! Canonical bytes, ids and signatures of one typical entry: a payment with
//! two legs.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use icn_benches::Market;
use icn_types::canon::from_bytes;
use icn_types::key::Signer as _;
use icn_types::record::Record;
use icn_types::sign::{Signed, Statement as _, Unverified};
use icn_types::testkit::stage::key_of;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let payment = Market::new(3).trade(1).swap_remove(0);
    codec(&mut criterion, &payment);
    signature(&mut criterion, &payment);
    criterion.final_summary();
}

fn codec(criterion: &mut Criterion, payment: &Signed<Record>) {
    let bytes = payment.to_bytes();
    let size = format!("bytes={}", bytes.len());
    let mut group = criterion.benchmark_group("record::encode");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(&size, |b| b.iter(|| black_box(payment).to_bytes()));
    group.finish();
    let mut group = criterion.benchmark_group("record::decode");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(&size, |b| {
        b.iter(|| from_bytes::<Unverified<Record>>(black_box(&bytes)).expect("canonical bytes"));
    });
    group.finish();
    let header = payment.header();
    criterion.bench_function("record::id/legs=2", |b| b.iter(|| black_box(header).id()));
}

fn signature(criterion: &mut Criterion, payment: &Signed<Record>) {
    let keypair = key_of(1, "bench", 0);
    let message = payment.signing_bytes();
    let signature = keypair.sign(&message).expect("a key in memory");
    let key = keypair.public_key();
    let prepared = key.prepare();
    criterion.bench_function("signature::sign/legs=2", |b| {
        b.iter(|| keypair.sign(black_box(&message)).expect("a key in memory"));
    });
    criterion.bench_function("signature::prepare/legs=2", |b| {
        b.iter(|| black_box(key).prepare())
    });
    criterion.bench_function("signature::verify/legs=2", |b| {
        b.iter(|| {
            prepared
                .verify(black_box(&message), &signature)
                .expect("a good signature")
        });
    });
}
