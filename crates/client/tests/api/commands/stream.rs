//! Started, streamed, ended: what was printed there is printed here, and its exit code is ours; a stream that
//! ends too early is taken up again.

use serde_json::json;

use super::{Lane, Stream, end, events, out};
use crate::rig::Reply;

#[test]
fn a_command_is_started_and_printed_to_its_end() {
    let lane = Lane::of(&[
        json!({ "state": { "state": "running" } }),
        out("ssl.enabled: false"),
        out(""),
        json!({ "stderr": "a word aside" }),
        out("\tssl.protocols: all -SSLv2 -SSLv3 C:\\x"),
        end(0),
    ]);
    let run = lane.run(&["security", "external-ssl", "list"]);
    assert_eq!(run.talk, "a word aside\n");
    assert_eq!(run.good(), "ssl.enabled: false\n\n\tssl.protocols: all -SSLv2 -SSLv3 C:\\x\n");
    assert_eq!(lane.lines(), ["POST /v1/commands", "GET /v1/commands/7/output?from=0"]);
    assert_eq!(lane.orders(), [json!({ "command": "security external-ssl list", "options": [] })]);
}
