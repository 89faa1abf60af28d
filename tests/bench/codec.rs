//! The cost of the conversation's bytes: a call of 18, and a reply with a cookie as long as real ones
//! are, in both directions.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tsmgate_wire::{
    Answer, Cookie, ExceptionKind, Login, METHOD, Secret, decode_call, decode_reply, encode_call,
    encode_exception, encode_reply,
};

/// A real cookie's value has about 700 bytes.
const COOKIE: usize = 700;

fn call(criterion: &mut Criterion) {
    let bytes = encode_call(7);
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| bencher.iter(|| encode_call(black_box(7))));
    group.bench_function("decode", |bencher| bencher.iter(|| decode_call(black_box(&bytes))));
    group.bench_function("decode half a call", |bencher| {
        bencher.iter(|| decode_call(black_box(&bytes[..9])));
    });
    group.bench_function("refuse HTTP", |bencher| {
        bencher.iter(|| decode_call(black_box(b"GET / HTTP/1.1\r\n")));
    });
    group.finish();
}

fn reply(criterion: &mut Criterion) {
    let secret = Secret::new("c".repeat(COOKIE));
    let cookie = Cookie::new("AUTH_COOKIE".to_owned(), secret, 7200).unwrap();
    let granted = Answer::Granted(Login { username: "tsmsvc".to_owned(), cookie });
    let bytes = encode_reply(7, &granted);
    assert_eq!(decode_reply(&bytes, 7), Ok(Some(granted.clone())));

    let mut group = criterion.benchmark_group("reply");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| bencher.iter(|| encode_reply(7, black_box(&granted))));
    group.bench_function("decode", |bencher| bencher.iter(|| decode_reply(black_box(&bytes), 7)));
    group.bench_function("decode half a reply", |bencher| {
        bencher.iter(|| decode_reply(black_box(&bytes[..bytes.len() / 2]), 7));
    });
    group.bench_function("encode an exception", |bencher| {
        let text = "over_limit; retry in 12 s";
        bencher.iter(|| encode_exception(METHOD, 7, ExceptionKind::InternalError, black_box(text)));
    });
    group.finish();
}

criterion_group!(benches, call, reply);
criterion_main!(benches);
