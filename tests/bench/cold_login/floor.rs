//! The floor: accept, TLS 1.3 with a client certificate from tokio-rustls as it comes, a constant
//! answer, close. One thread, no decisions, no record, nothing behind it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::{stage, tsm};

/// Serves until it is killed, with the stage's files.
pub fn serve(port: u16, folder: &Path) -> anyhow::Result<()> {
    let reply: Arc<[u8]> = std::fs::read(folder.join(stage::REPLY))?.into();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(folder)?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept")?;
            let (acceptor, reply) = (acceptor.clone(), Arc::clone(&reply));
            // whatever went wrong, the client says so
            tokio::spawn(async move { converse(stream, &acceptor, &reply).await.ok() });
        }
    })
}

async fn converse(tcp: TcpStream, acceptor: &TlsAcceptor, reply: &[u8]) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut stream = acceptor.accept(tcp).await?;
    let mut call = [0; tsm::CALL];
    stream.read_exact(&mut call).await?;
    stream.write_all(reply).await?;
    stream.flush().await?;
    stream.read_to_end(&mut Vec::new()).await?;
    stream.shutdown().await
}

/// No tickets and no resumption, as `tsmgated` has it.
fn server_config(folder: &Path) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join(stage::AUTHORITY))?)?;
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = CertificateDer::pem_file_iter(folder.join(stage::CERTIFICATE))?
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(folder.join(stage::KEY))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(clients.build()?)
        .with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
