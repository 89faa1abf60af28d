//! The generated code: that it is current, and that it and our codec understand each other.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::Cursor;
use std::process::Command;

use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TFieldIdentifier, TInputProtocol,
    TMessageIdentifier, TMessageType, TOutputProtocol, TSerializable, TStructIdentifier, TType,
};
use tsmgate_wire::generated::passwordless_login::{
    PasswordLessLoginResult, PasswordLessLoginReturnCode, PasswordLessLoginSyncClient,
    TPasswordLessLoginSyncClient,
};
use tsmgate_wire::{Answer, Cookie, Login, Secret, decode_reply, encode_call, encode_reply};

#[test]
fn the_generated_code_is_what_the_compiler_writes_now() {
    let here = env!("CARGO_MANIFEST_DIR");
    let folder = std::env::temp_dir().join(format!("tsmgate-thrift-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let compiler = Command::new("thrift")
        .args(["--gen", "rs", "-out"])
        .arg(&folder)
        .arg(format!("{here}/idl/passwordless_login.thrift"))
        .status();
    let Ok(status) = compiler else {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "the Thrift compiler is missing");
        eprintln!("LEFT OUT: the Thrift compiler is missing (Debian: thrift-compiler)");
        return;
    };
    assert!(status.success());
    let now = std::fs::read(folder.join("passwordless_login.rs")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let committed = std::fs::read(format!("{here}/src/generated/passwordless_login.rs")).unwrap();
    assert!(now == committed, "regenerate: the command is at the top of src/generated.rs");
}

fn login() -> Login {
    let value = Secret::new("eyJ..a.b.c".into());
    Login {
        username: "tsmsvc".into(),
        cookie: Cookie::new("AUTH_COOKIE".into(), value, 7200).unwrap(),
    }
}

#[test]
fn the_generated_client_sends_our_call_and_reads_our_reply() {
    let mut sent = Vec::new();
    let reply = encode_reply(1, &Answer::Granted(login()));
    let result = PasswordLessLoginSyncClient::new(
        TBinaryInputProtocol::new(Cursor::new(&reply[..]), true),
        TBinaryOutputProtocol::new(&mut sent, true),
    )
    .login()
    .unwrap();
    assert_eq!(sent, encode_call(1));
    assert_eq!(result.return_code, Some(PasswordLessLoginReturnCode::PLL_SUCCESS));
    assert_eq!(result.username.as_deref(), Some("tsmsvc"));
    assert_eq!(result.cookie_name.as_deref(), Some("AUTH_COOKIE"));
    assert_eq!(result.cookie_value.as_deref(), Some("eyJ..a.b.c"));
    assert_eq!(result.cookie_max_age, Some(7200));
}

#[test]
fn we_read_what_the_generated_result_writes() {
    let result = PasswordLessLoginResult::new(
        PasswordLessLoginReturnCode::PLL_SUCCESS,
        "tsmsvc".to_owned(),
        "AUTH_COOKIE".to_owned(),
        "eyJ..a.b.c".to_owned(),
        7200,
    );
    let mut bytes = Vec::new();
    let mut output = TBinaryOutputProtocol::new(&mut bytes, true);
    output.write_message_begin(&TMessageIdentifier::new("login", TMessageType::Reply, -5)).unwrap();
    output.write_struct_begin(&TStructIdentifier::new("r")).unwrap();
    output.write_field_begin(&TFieldIdentifier::new("success", TType::Struct, 0)).unwrap();
    result.write_to_out_protocol(&mut output).unwrap();
    output.write_field_stop().unwrap();
    assert_eq!(decode_reply(&bytes, -5), Ok(Some(Answer::Granted(login()))));
    // and the generated reader agrees that the message ends where we say it does
    let mut input = TBinaryInputProtocol::new(Cursor::new(&bytes[..]), true);
    input.read_message_begin().unwrap();
    input.skip(TType::Struct).unwrap();
}
