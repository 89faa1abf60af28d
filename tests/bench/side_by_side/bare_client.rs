//! The floor of `tsmgate login`: a program that makes one TLS 1.3 connection with a client certificate,
//! makes one call, prints the cookie, and ends. No settings, no checks of its files, no complaints for people.
//!
//! `bare-client HOST:PORT AUTHORITY CERTIFICATE KEY`, PEM files; the server's name is localhost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{bail, ensure};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tsmgate_wire::{Answer, decode_reply, encode_call};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, authority, certificate, key] = arguments.as_slice() else {
        bail!("usage: bare-client HOST:PORT AUTHORITY CERTIFICATE KEY");
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    let tcp = TcpStream::connect(address)?;
    tcp.set_nodelay(true)?;
    let tls = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(tls, tcp);
    stream.write_all(&encode_call(1))?;
    let (mut reply, mut part) = (Vec::new(), [0; 4096]);
    let answer = loop {
        let read = stream.read(&mut part)?;
        ensure!(read > 0, "no whole answer");
        reply.extend_from_slice(&part[..read]);
        if let Some(answer) = decode_reply(&reply, 1)? {
            break answer;
        }
    };
    let Answer::Granted(login) = answer else { bail!("it was refused") };
    std::io::stdout().write_all(login.cookie.value().expose().as_bytes())?;
    Ok(())
}
