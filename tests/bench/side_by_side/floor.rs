//! The floors: what nobody on this runtime and this TLS library can be cheaper than. TLS 1.3 with a client
//! certificate from tokio-rustls as it comes, one thread, no decisions, no record. One answers by itself;
//! one reads each call and passes it to the login server, on a connection of its own.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;

use crate::{stage, tsm};

/// What a floor does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Floor {
    /// Answers it by itself.
    Answers,
    /// Passes it on.
    Passes,
}

/// What every conversation needs.
struct House {
    floor: Floor,
    acceptor: TlsAcceptor,
    reply: Vec<u8>,
    socket: PathBuf,
}

/// Serves until it is ended, with the stage's files.
pub fn serve(floor: Floor, port: u16, folder: &Path) -> anyhow::Result<()> {
    let house = Arc::new(House {
        floor,
        acceptor: TlsAcceptor::from(Arc::new(server_config(folder)?)),
        reply: std::fs::read(folder.join(stage::REPLY))?,
        socket: folder.join(stage::SOCKET),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // out of descriptors: as others do, it looks again a little later
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            };
            let house = Arc::clone(&house);
            // whatever went wrong, the client says so
            tokio::spawn(async move { converse(stream, &house).await.ok() });
        }
    })
}

async fn converse(tcp: TcpStream, house: &House) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let mut stream = house.acceptor.accept(tcp).await?;
    let mut call = [0; tsm::CALL];
    while stream.read_exact(&mut call).await.is_ok() {
        match house.floor {
            Floor::Answers => stream.write_all(&house.reply).await?,
            Floor::Passes => {
                let mut tsm = UnixStream::connect(&house.socket).await.context("no TSM")?;
                tsm.write_all(&call).await?;
                let mut reply = vec![0; house.reply.len()];
                tsm.read_exact(&mut reply).await?;
                stream.write_all(&reply).await?;
            }
        }
        stream.flush().await?;
    }
    Ok(stream.shutdown().await?)
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
