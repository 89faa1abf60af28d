//! An order in numbers and in records.

use data_encoding::HEXLOWER;
use tsmgate_catalogue::command::{Checked, FileKind, Given, Kind, Order};
use tsmgate_wire::Secret;

use crate::audit::record::Record;
use crate::config::CommandLimits;
use crate::digest::sha256;
use crate::house::House;
use crate::relay::http::answer::Refusal;

/// What a command may take longer than it was told to wait for its job, in seconds: for its beginning and
/// its end.
const BESIDE_THE_JOB: u64 = 300;

/// For how many seconds a command may run.
pub(super) fn run_seconds(
    checked: &Checked<'_>,
    order: &Order,
    limits: &CommandLimits,
) -> Result<u64, Refusal> {
    let for_job = checked.request_timeout.map(|wait| wait.saturating_add(BESIDE_THE_JOB));
    let wanted = for_job.max(order.run_seconds).unwrap_or(limits.run.as_secs());
    let most = limits.run_most.as_secs();
    if wanted > most {
        return Err(Refusal::value(format!(
            "it may run for {most} s at most here, of which `--request-timeout` gets {} s",
            most.saturating_sub(BESIDE_THE_JOB)
        )));
    }
    Ok(wanted)
}

/// The longest value that a record shows, in bytes: it is whole there.
const SHOWN: usize = 128;

/// By which a text is known again and nothing is said of it.
fn mark(house: &House, text: &str) -> String {
    house.audit.fingerprint(&Secret::new(text.to_owned()))
}

/// What the records say of an order: each option, secrets and files as fingerprints.
pub(super) fn about(house: &House, checked: &Checked<'_>) -> Record {
    let options: Vec<String> = checked
        .given
        .iter()
        .map(|(option, given)| match given {
            Given::Flag => option.long.clone().into_owned(),
            Given::Value(value) if value.len() > SHOWN => {
                let mark = mark(house, value);
                format!("{}={} bytes, hmac:{mark}", option.long, value.len())
            }
            Given::Value(value) => format!("{}={value}", option.long),
            Given::Secret(text) => {
                format!("{}=hmac:{}", option.long, mark(house, text.expose()))
            }
            // what anything may be in could be guessed by its hash
            Given::Sent(name, bytes) if option.kind == Kind::SendFile(FileKind::Any) => {
                let mark = mark(house, &HEXLOWER.encode(&sha256(bytes)));
                format!("{}=hmac:{mark} ({} bytes, {name})", option.long, bytes.len())
            }
            Given::Sent(name, bytes) => {
                let hash = HEXLOWER.encode(&sha256(bytes));
                format!("{}=sha256:{hash} ({} bytes, {name})", option.long, bytes.len())
            }
            Given::Fetched => format!("{} (to be fetched)", option.long),
        })
        .collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    Record::empty()
        .text("tsmgate.command.path", &checked.command.path)
        .texts("tsmgate.command.options", &options)
}
