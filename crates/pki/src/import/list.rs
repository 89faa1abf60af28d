//! A revocation list: whose it is, until when it counts, and whether the gate would take it.

use rustls::Error;
use rustls::pki_types::CertificateRevocationListDer;
use tsmgate_text::escape;
use x509_parser::extensions::ParsedExtension;
use x509_parser::revocation_list::CertificateRevocationList;

use super::Role;
use super::authority::signature_trouble;
use super::bundle::{Bundle, Verdict, What};
use super::client::verifier;
use crate::time_text;

/// The largest file that the gate reads, in bytes.
const LIST_MOST: usize = 8 * 1024 * 1024;
/// What is new since another list (RFC 5280 § 5.2.4).
const DELTA: &str = "2.5.29.27";

pub(super) fn judge(
    bundle: &Bundle<'_>,
    der: &[u8],
    list: &CertificateRevocationList<'_>,
) -> Verdict {
    let mut verdict = Verdict { problems: own_trouble(bundle, der, list), ..Verdict::default() };
    let Verdict { problems, notes, .. } = &mut verdict;
    let mut namesakes =
        bundle.authorities().filter(|authority| authority.subject() == list.issuer()).peekable();
    if namesakes.peek().is_none() {
        let issuer = escape(list.issuer().to_string());
        notes.push(format!("its issuer, {issuer}, is not in these files: who signed it is open"));
    } else {
        match namesakes.find(|one| list.verify_signature(one.public_key()).is_ok()) {
            None => problems.push("the authority of that name here did not sign it".into()),
            Some(signer) => {
                let usage = signer.key_usage().ok().flatten();
                if usage.is_some_and(|usage| !usage.value.crl_sign()) {
                    problems.push("its issuer's key usage does not let it sign lists".into());
                }
            }
        }
    }
    let is_part = |list: &CertificateRevocationList<'_>| {
        let mut extensions = list.extensions().iter().map(|e| e.parsed_extension());
        extensions.any(|e| matches!(e, ParsedExtension::IssuingDistributionPoint(_)))
    };
    if is_part(list) {
        notes.push(
            "it speaks for a part of its issuer's certificates: the others need theirs".into(),
        );
    }
    let twin = |(other_der, other): (&[u8], &CertificateRevocationList<'_>)| {
        other_der != der && other.issuer() == list.issuer() && !is_part(other)
    };
    if !is_part(list) && lists(bundle).any(twin) {
        problems.push("there is another list of its issuer: give the newer one alone".into());
    }
    // without an authority there is nothing to ask the library for
    if problems.is_empty()
        && bundle.certificates(Role::ClientAuthority).next().is_some()
        && let Err(error @ Error::General(_)) = verifier(bundle, vec![der.to_vec().into()])
    {
        problems.push(format!("the TLS library does not take it: {error}"));
    }
    verdict
}

/// The lists that the chain can be checked against.
pub(super) fn usable(bundle: &Bundle<'_>) -> Vec<CertificateRevocationListDer<'static>> {
    let good = lists(bundle).filter(|(der, list)| own_trouble(bundle, der, list).is_empty());
    good.map(|(der, _)| der.to_vec().into()).collect()
}

fn lists<'b>(
    bundle: &'b Bundle<'_>,
) -> impl Iterator<Item = (&'b [u8], &'b CertificateRevocationList<'b>)> {
    bundle.found.iter().filter_map(|one| match &one.what {
        What::List { der, parsed, role: Role::RevocationList } => Some((*der, parsed.as_ref())),
        _ => None,
    })
}

/// What is wrong with it whoever signed it.
fn own_trouble(
    bundle: &Bundle<'_>,
    der: &[u8],
    list: &CertificateRevocationList<'_>,
) -> Vec<String> {
    let mut problems = Vec::new();
    if der.len() > LIST_MOST {
        problems.push("it is larger than 8 MiB, more than the gate reads".into());
    }
    if list.extensions().iter().any(|extension| extension.oid.to_id_string() == DELTA) {
        problems.push("it holds only what is new since another list: give the base list".into());
    }
    problems.extend(signature_trouble(&list.signature_algorithm));
    match list.next_update().map(|next| next.to_datetime()) {
        None => problems.push("it does not say until when it counts (nextUpdate)".into()),
        Some(next) if next < bundle.now => {
            let next = time_text(next);
            problems.push(format!("it expired on {next}, and would refuse all of its issuer"));
        }
        Some(_) => {}
    }
    problems
}
