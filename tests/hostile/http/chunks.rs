//! Chunks that are none, and fields behind the last.

use super::{Cases, OTHER, STATUS, Then, bad, post};

/// R59: sizes that are empty, signed, prefixed, too long or ended in another way, long extensions, data
/// that is longer than it said, and trailers
#[tokio::test]
async fn bad_chunks_are_refused() {
    const SIZE: &str = "a chunk without a size";
    const END: &str = "a chunk does not end where it said";
    const FIELDS: &str = "fields behind the last chunk";
    const MORE: &str = "too much behind the sizes of chunks";
    let cases = Cases::start().await;
    let long = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(256));
    let longer = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(5000));
    let many = format!("1;{0}\r\n{{\r\n1;{0}\r\n}}\r\n0;{0}\r\n\r\n", "x".repeat(100));
    for (body, what) in [
        ("\r\n{}\r\n0\r\n\r\n", SIZE),
        (" 2\r\n{}\r\n0\r\n\r\n", SIZE),
        ("2 \r\n{}\r\n0\r\n\r\n", SIZE),
        ("2\t;a\r\n{}\r\n0\r\n\r\n", SIZE),
        ("+2\r\n{}\r\n0\r\n\r\n", SIZE),
        ("-2\r\n{}\r\n0\r\n\r\n", SIZE),
        ("0x2\r\n{}\r\n0\r\n\r\n", SIZE),
        ("2h\r\n{}\r\n0\r\n\r\n", SIZE),
        ("g\r\n{}\r\n0\r\n\r\n", SIZE),
        ("000000002\r\n{}\r\n0\r\n\r\n", SIZE),
        ("100000002\r\n{}\r\n0\r\n\r\n", SIZE),
        ("10000000000000002\r\n{}\r\n0\r\n\r\n", SIZE),
        ("ffffffffffffffff\r\n{}\r\n0\r\n\r\n", SIZE),
        ("2\n{}\r\n0\r\n\r\n", SIZE),
        ("2\r{}\r\n0\r\n\r\n", SIZE),
        ("2\r\r\n{}\r\n0\r\n\r\n", SIZE),
        ("2;a\n{}\r\n0\r\n\r\n", SIZE),
        ("2;a\rb\r\n{}\r\n0\r\n\r\n", SIZE),
        ("2;\0\r\n{}\r\n0\r\n\r\n", SIZE),
        (&longer, SIZE),
        ("2\r\n{}0\r\n\r\n", END),
        ("2\r\n{}\n0\r\n\r\n", END),
        ("2\r\n{}\r0\r\n\r\n", END),
        ("2\r\n{} \r\n0\r\n\r\n", END),
        ("1\r\n{}\r\n0\r\n\r\n", END),
        ("0\r\nX: y\r\n\r\n", FIELDS),
        ("0\r\nContent-Length: 5\r\n\r\n", FIELDS),
        ("2\r\n{}\r\n0\r\nHost: other\r\n\r\n", FIELDS),
        ("2\r\n{}\r\n0\r\n", FIELDS),
        (&long, MORE),
        (&many, MORE),
    ] {
        let request = post("Transfer-Encoding: chunked\r\n", body);
        cases.refused(request, bad(what), Then::Ends).await;
    }
    // sizes in either case, with an extension that fits
    let good = "00000001;a=b\r\n{\r\nB;c=\"d\"\r\n \"a\": 1234 \r\n1;\r\n}\r\n0;e\r\n\r\n";
    let good = post("Transfer-Encoding: chunked\r\nTrailer: X\r\n", good);
    cases.control(good, 400, &[OTHER, STATUS]).await;
    let requests = cases.scene.api().requests();
    assert_eq!(requests[0].body, b"{ \"a\": 1234 }");
    assert_eq!(requests[0].header("content-length"), Some("13"));
    assert_eq!(
        (requests[0].header("transfer-encoding"), requests[0].header("trailer")),
        (None, None)
    );
}

/// R59: a chunk of 4 GiB, or of more than any body has, is not waited for
#[tokio::test]
async fn a_huge_chunk_is_refused_when_it_is_announced() {
    let cases = Cases::start().await;
    let said = (413, "body_too_large", "body_refused", Some("the body is too large"));
    for size in ["ffffffff", "7fffffff", "100001"] {
        let request = post("Transfer-Encoding: chunked\r\n", &format!("{size}\r\n"));
        cases.refused(request, said, Then::Ends).await;
    }
    for length in ["1048577", "4294967297", "999999999999999"] {
        let request = post(&format!("Content-Length: {length}\r\n"), "");
        cases.refused(request, said, Then::Ends).await;
    }
    cases.control(post("Content-Length: 2\r\n", "{}"), 400, &[OTHER, STATUS]).await;
}
