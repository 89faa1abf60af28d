//! First lines and fields that some would mend.

use super::{Cases, GOOD, OTHER, STATUS, Then, bad, post};

/// R59, R61: a first line that is not METHOD TARGET HTTP/1.1 to the byte, nor HTTP/2's preface
#[tokio::test]
async fn first_lines_of_another_kind_are_refused() {
    const BEGIN: &str = "it does not begin with a method";
    const WORDS: &str = "the first line is not METHOD TARGET VERSION";
    const BYTES: &str = "method or target have bytes that cannot be there";
    const NEITHER: &str = "it is neither HTTP/1.1 nor HTTP/1.0";
    let cases = Cases::start().await;
    for (first, what) in [
        ("", BEGIN),
        ("\r\n\r\nGET /api/0.5/status HTTP/1.1", BEGIN),
        (" GET /api/0.5/status HTTP/1.1", BEGIN),
        ("\u{feff}GET /api/0.5/status HTTP/1.1", BEGIN),
        ("\0GET /api/0.5/status HTTP/1.1", BEGIN),
        ("GET", WORDS),
        ("GET /api/0.5/status", WORDS),
        ("GET  /api/0.5/status HTTP/1.1", WORDS),
        ("GET /api/0.5/status  HTTP/1.1", WORDS),
        ("GET /api/0.5/status HTTP/1.1 ", WORDS),
        ("GET /api/0.5/status HTTP/1.1 HTTP/1.1", WORDS),
        ("GET\t/api/0.5/status\tHTTP/1.1", WORDS),
        ("GET /api/0.5/status\u{a0}HTTP/1.1", WORDS),
        ("GE\tT /api/0.5/status HTTP/1.1", BYTES),
        ("GET /api/0.5/status\0 HTTP/1.1", BYTES),
        ("GET /api/0.5/status\t HTTP/1.1", BYTES),
        ("GET /api/0.5/status\r HTTP/1.1", BYTES),
        ("GET /api/0.5/stat\u{fc}s HTTP/1.1", BYTES),
        ("GET /api/0.5/\u{ff0e}\u{ff0e}/status HTTP/1.1", BYTES),
        ("GET /api/0.5/status http/1.1", NEITHER),
        ("GET /api/0.5/status HTTP/1.1\r", NEITHER),
        ("GET /api/0.5/status HTTP/0.9", NEITHER),
        ("GET /api/0.5/status HTTP/1.2", NEITHER),
        ("GET /api/0.5/status HTTP/2.0", NEITHER),
        ("GET /api/0.5/status HTTP/3", NEITHER),
        ("GET /api/0.5/status SPDY/1.1", NEITHER),
    ] {
        let request = format!("{first}\r\nHost: gate\r\n\r\n");
        cases.refused(request, bad(what), Then::Ends).await;
    }
    // bytes of no UTF-8: an overlong slash, and a dot
    for target in [&b"/api/0.5\xc0\xafstatus"[..], b"/api/0.5/\xc0\xae/status", b"/\xff"] {
        let request = [b"GET ", target, b" HTTP/1.1\r\nHost: gate\r\n\r\n"].concat();
        cases.refused(request, bad(BYTES), Then::Ends).await;
    }
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    cases.refused(preface, bad(NEITHER), Then::Ends).await;
    cases.control(GOOD, 200, &[STATUS, STATUS]).await;
}

/// R59: bare ends of lines, lines that go on from the one before, blanks before the colon, no name, NUL
#[tokio::test]
async fn fields_of_another_kind_are_refused() {
    const END: &str = "a line does not end in CR LF";
    const COLON: &str = "a line without a colon";
    const NAME: &str = "the name of a field has bytes that cannot be there";
    const CONTROL: &str = "the value of a field has control bytes";
    const HOST: &str = "there has to be one Host";
    let cases = Cases::start().await;
    let smuggled = format!("A: b\n\nGET {OTHER} HTTP/1.1\r\n");
    for (lines, what) in [
        ("A: b\n", END),
        ("A: b\nC: d\r\n", END),
        ("A: b\r\n\n", END),
        (&smuggled, END),
        ("A: b\rC: d\r\n", CONTROL),
        ("A: b\r\r\n", CONTROL),
        ("A: \r\r\n", CONTROL),
        ("A: \0\r\n", CONTROL),
        ("A: b\u{b}\r\n", CONTROL),
        ("A: \u{1b}[31m\r\n", CONTROL),
        ("A: b\r\n c\r\n", COLON),
        ("A: b\r\n\tc\r\n", COLON),
        ("Transfer-Encoding:\r\n chunked\r\n", COLON),
        ("Content-Length:\r\n\t5\r\n", COLON),
        ("A: b\r\n Content-Length: 5\r\n", NAME),
        ("A: b\r\n\tContent-Length: 5\r\n", NAME),
        (" A: b\r\n", NAME),
        ("Content-Length : 5\r\n", NAME),
        ("Content-Length\t: 5\r\n", NAME),
        ("Transfer-Encoding : chunked\r\n", NAME),
        ("Transfer\0-Encoding: chunked\r\n", NAME),
        ("Transfer-Encoding\r: chunked\r\n", NAME),
        (": b\r\n", NAME),
        ("A\u{e4}: b\r\n", NAME),
        ("A b: c\r\n", NAME),
        ("A\r\n", COLON),
        ("Host: gate\r\n", HOST),
        ("HOST: other\r\n", HOST),
    ] {
        let request = format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\n{lines}\r\n");
        cases.refused(request, bad(what), Then::Ends).await;
    }
    let nobody = format!("GET {STATUS} HTTP/1.1\r\n\r\n");
    cases.refused(nobody, bad(HOST), Then::Ends).await;
    // every line with the wrong end
    cases.refused(GOOD.replace("\r\n", "\n"), bad(END), Then::Ends).await;
    cases.refused(GOOD.replace("\r\n", "\n\r"), bad(END), Then::Ends).await;
    let odd = format!(
        "GET {STATUS} HTTP/1.1\r\nhOST:gate\r\nA:\t b \t\r\nEmpty:\r\n!#$%&'*+-.^_`|~: c\r\n\r\n"
    );
    cases.control(odd, 200, &[STATUS, STATUS]).await;
}

/// R59: no other protocol, no consent in advance
#[tokio::test]
async fn what_is_not_spoken_is_refused() {
    const UPGRADE: &str = "there is nothing to upgrade to";
    let cases = Cases::start().await;
    for lines in [
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings\r\n",
        "Upgrade: TLS/1.0\r\n",
        "Connection: upgrade\r\n",
        "Connection: keep-alive , UPGRADE\r\n",
    ] {
        let request = format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\n{lines}\r\n");
        cases.refused(request, bad(UPGRADE), Then::Ends).await;
    }
    // by who could not have it, and with bytes of the other protocol, as if it had been agreed to
    let lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let old = format!("GET {STATUS} HTTP/1.0\r\nHost: gate\r\n{lines}\r\n");
    cases.refused(old, bad(UPGRADE), Then::Ends).await;
    let eager = post(&format!("{lines}Content-Length: 2\r\n"), "{}");
    cases.refused(eager, bad(UPGRADE), Then::Ends).await;
    let said = (417, "expectation_refused", "expectation_refused", None);
    for expect in ["100-continue", "100-Continue", "", "200-ok"] {
        let request = format!(
            "POST {OTHER} HTTP/1.1\r\nHost: gate\r\nContent-Length: 2\r\nExpect: {expect}\r\n\r\n{{}}"
        );
        cases.refused(request, said, Then::Ends).await;
    }
    cases.control(GOOD, 200, &[STATUS, STATUS]).await;
}
