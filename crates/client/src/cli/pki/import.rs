//! `tsmgate pki import`: reads arguments, asks the library, and tells what it found, one part after the
//! other. It judges nothing itself.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use time::OffsetDateTime;
use tsmgate_pki::import::{Import, Part, Purpose, Role};

use super::Failure;
use super::show::{Answer, lines_of, path_text, view_lines};
use crate::exit::Exit;

/// Judge what another issuer wrote as the gate would, and write it as the gate reads it
///
/// For example: `tsmgate pki import root_ca.crt jump01.crt jump01.key`, or `tsmgate pki import bundle.json
/// --as client-authority --out ./spiffe`. Exits with 65 when the gate would refuse a part.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files with certificates, lists or keys: PEM, DER, PKCS#7, Vault's JSON, SPIFFE's bundle
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What they are to be taken for [default: what each looks like]
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,
    /// Write client-ca.pem, clients.crl, chain.pem and NAME.key of what is accepted into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    ClientAuthority,
    Client,
    RevocationList,
}

impl From<Kind> for Purpose {
    fn from(kind: Kind) -> Purpose {
        match kind {
            Kind::ClientAuthority => Purpose::ClientAuthority,
            Kind::Client => Purpose::Client,
            Kind::RevocationList => Purpose::RevocationList,
        }
    }
}

pub(super) fn run(
    args: &ImportArgs,
    now: OffsetDateTime,
    json: bool,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<u8, Failure> {
    let import = Import::read(&args.files, args.kind.map(Purpose::from), now)?;
    let written = match &args.out {
        Some(folder) => import.write(folder, args.force)?,
        None => Vec::new(),
    };
    let written: Vec<_> = written.iter().map(|path| path_text(path)).collect();
    let accepted = import.is_accepted();
    let lines = import.parts().iter().map(part_lines).collect::<Vec<_>>().join("\n");
    let mut said: String = written.iter().map(|path| format!("wrote {path}\n")).collect();
    if let Some(lacks) = import.lacks() {
        said += &format!("tsmgate: {lacks}\nhint: leave --as out to see what there is\n");
    } else if !accepted {
        said +=
            "tsmgate: the gate would refuse a part of it\nhint: `refused` says which, and why\n";
    }
    let json_answer = json!({ "accepted": accepted, "parts": import.parts(), "written": written });
    Answer::new(lines, json_answer, said).write(json, out, talk)?;
    Ok(if accepted { Exit::Done } else { Exit::Check }.code())
}

fn part_lines(part: &Part) -> String {
    let role = match part.role {
        Role::ClientAuthority => "tls.client_authority",
        Role::Intermediate => "shown by the client, between it and its authority",
        Role::Client => "a client",
        Role::RevocationList => "tls.revocation_list",
        Role::PrivateKey => "a client's key",
        Role::Unused => "not asked for",
    };
    let mut fields = vec![("file", part.file.clone()), ("for", role.to_owned())];
    if part.problems.is_empty() && part.role != Role::Unused {
        fields.push(("accepted", "yes".to_owned()));
    }
    fields.extend(part.problems.iter().map(|problem| ("refused", problem.clone())));
    fields.extend(part.notes.iter().map(|note| ("note", note.clone())));
    let identity = part.identity.as_ref();
    fields.extend(identity.map(|id| ("[[client]]", format!("identity = \"{id}\""))));
    lines_of(&fields) + &view_lines(&part.view)
}
