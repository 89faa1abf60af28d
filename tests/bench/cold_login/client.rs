//! The load: one cold login after the other, blocking, on a connection of its own each. Every target
//! gets the same offer: one cipher suite, one key exchange, no resumption.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, Stream};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tests::Identity;

/// No single read or write takes longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A client that knows what the answer must be.
pub struct Client {
    config: Arc<ClientConfig>,
    call: Vec<u8>,
    reply: Vec<u8>,
}

impl Client {
    /// Trusts `authority` (PEM), shows `identity`, exchanges keys with `group` alone.
    pub fn new(
        authority: &str,
        identity: Option<&Identity>,
        group: &'static dyn SupportedKxGroup,
        reply: &[u8],
    ) -> anyhow::Result<Self> {
        let provider = CryptoProvider {
            kx_groups: vec![group],
            cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384],
            ..aws_lc_rs::default_provider()
        };
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                config.with_client_auth_cert(identity.certificates(), identity.private_key())?
            }
        };
        // a cold login is a whole handshake, also where a server would resume
        config.resumption = Resumption::disabled();
        let call = tsmgate_wire::encode_call(crate::tsm::SEQUENCE);
        Ok(Self { config: Arc::new(config), call, reply: reply.to_vec() })
    }

    /// One cold login; the time from connect to the last byte of the answer.
    ///
    /// # Errors
    /// Anything but the whole right answer and an orderly end.
    pub fn login(&self, port: u16) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let (mut tls, mut tcp) = self.connect(port).context("cannot connect")?;
        let mut answer = vec![0; self.reply.len()];
        let mut stream = Stream::new(&mut tls, &mut tcp);
        stream.write_all(&self.call).context("cannot call")?;
        stream.read_exact(&mut answer).context("no whole answer")?;
        let took = begun.elapsed();
        ensure!(answer == self.reply, "the answer is not the one TSM gave");
        ensure!(
            tls.handshake_kind() == Some(HandshakeKind::Full),
            "the handshake was not a full one"
        );
        tls.send_close_notify();
        while tls.wants_write() {
            tls.write_tls(&mut tcp).context("cannot close")?;
        }
        tcp.shutdown(Shutdown::Write).context("cannot close")?;
        wait_for_end(&mut tcp).context("the other side did not close")?;
        Ok(took)
    }

    /// Calls, and gets no answer.
    ///
    /// # Errors
    /// There was an answer, or neither an answer nor an end.
    pub fn is_refused(&self, port: u16) -> anyhow::Result<()> {
        let (mut tls, mut tcp) = self.connect(port).context("cannot connect")?;
        let mut stream = Stream::new(&mut tls, &mut tcp);
        // the client's side of TLS 1.3 is done before the server's: the refusal may come at the read
        let read = stream.write_all(&self.call).and_then(|()| stream.read(&mut [0; 1]));
        match read {
            Ok(0) => Ok(()),
            Ok(_) => bail!("it was answered"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("it was neither answered nor refused")
            }
            Err(_) => Ok(()),
        }
    }

    fn connect(&self, port: u16) -> anyhow::Result<(ClientConnection, TcpStream)> {
        let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        tcp.set_write_timeout(Some(DEADLINE))?;
        let name = ServerName::try_from("localhost")?;
        Ok((ClientConnection::new(Arc::clone(&self.config), name)?, tcp))
    }
}

/// Reads away what is left, such as the other side's close_notify, until it closes.
fn wait_for_end(tcp: &mut TcpStream) -> io::Result<()> {
    let mut rest = [0; 256];
    loop {
        match tcp.read(&mut rest) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
