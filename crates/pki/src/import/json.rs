//! The two JSON documents that issuers write: the answer of Vault's PKI (`vault write -format=json
//! pki/issue/…`, or its API), and SPIFFE's trust bundle, a JWK Set whose certificates are in `x5c`.

use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::read::{Block, pem_blocks};

/// Either document; the command line puts Vault's answer under `data`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    data: Option<Box<Document>>,
    certificate: Option<String>,
    ca_chain: Option<Chain>,
    issuing_ca: Option<String>,
    private_key: Option<String>,
    keys: Vec<JsonWebKey>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Chain {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct JsonWebKey {
    #[serde(rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    x5c: Vec<String>,
}

/// What is in such a document; none where it is another, or one of its texts is no PEM.
pub(super) fn blocks(text: &[u8]) -> Option<Vec<Block>> {
    let document: Document = serde_json::from_slice(text).ok()?;
    let mut found = Vec::new();
    if let Some(data) = document.data {
        found = of_vault(*data)?;
    } else if document.keys.is_empty() {
        found = of_vault(document)?;
    } else {
        // SPIFFE Trust Domain and Bundle, § 4.2.2: what has another use, or none, is ignored
        let ours = |key: &&JsonWebKey| key.purpose.as_deref() == Some("x509-svid");
        for key in document.keys.iter().filter(ours) {
            let [certificate] = key.x5c.as_slice() else { return None };
            found.push(Block::Certificate(BASE64.decode(certificate.as_bytes()).ok()?));
        }
    }
    Some(found)
}

fn of_vault(mut answer: Document) -> Option<Vec<Block>> {
    let key = answer.private_key.take().map(Zeroizing::new);
    // with `format=pem_bundle` the key stands in here too
    let mut texts: Vec<String> = answer.certificate.into_iter().collect();
    match answer.ca_chain {
        Some(Chain::One(text)) => texts.push(text),
        Some(Chain::Many(chain)) => texts.extend(chain),
        None => {}
    }
    texts.extend(answer.issuing_ca);
    let key = key.iter().map(|key| pem_text(key));
    let found = texts.iter().map(|text| pem_text(text)).chain(key).collect::<Option<Vec<_>>>();
    texts.iter_mut().for_each(Zeroize::zeroize);
    Some(found?.into_iter().flatten().collect())
}

/// The blocks of one text of the answer, which must have some.
fn pem_text(text: &str) -> Option<Vec<Block>> {
    pem_blocks(text.as_bytes()).filter(|blocks| !blocks.is_empty())
}
