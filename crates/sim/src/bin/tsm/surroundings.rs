//! Where the controller is: from the environment, and from `--server`.

use std::path::PathBuf;
use std::sync::Arc;

use hyper::Uri;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tsmsim::{TSM_CERTIFICATE, TSM_SOCKET, TSM_URL};

use crate::arguments::Global;
use crate::failure::Failure;

/// Where the controller is, and how it is known.
pub(crate) struct Surroundings {
    pub(crate) socket: PathBuf,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Surroundings {
    pub(crate) fn read(global: &Global) -> Result<Self, Failure> {
        let socket = PathBuf::from(variable(TSM_SOCKET)?);
        let (host, port) = match &global.server {
            Some(url) => place(url).map_err(Failure::Usage)?,
            None => place(&variable(TSM_URL)?).map_err(Failure::Failed)?,
        };
        let certificate = variable(TSM_CERTIFICATE)?;
        let tls = trust(&certificate)
            .map_err(|error| Failure::failed(format!("{TSM_CERTIFICATE}: {error}")))?;
        Ok(Self { socket, host, port, tls: Arc::new(tls) })
    }
}

fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| Failure::failed(format!("{name} is not set.")))
}

/// Documented: `https`, a port, and a name, not an address.
fn place(url: &str) -> Result<(String, u16), String> {
    let wrong = || format!("'{url}' is not like https://<name>:8850.");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().unwrap_or_default().to_owned();
    let name =
        !host.is_empty() && host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_err();
    match uri.port_u16() {
        Some(port) if name && uri.scheme_str() == Some("https") => Ok((host, port)),
        _ => Err(wrong()),
    }
}

/// Trusts this certificate and no other. The real one has a trust store for it.
fn trust(certificate: &str) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let pem = if certificate.starts_with("-----BEGIN") {
        certificate.as_bytes().to_vec()
    } else {
        std::fs::read(certificate)?
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
