//! TSM's own certificate: what is believed and what is not, and in which words. The simulator's HTTPS
//! controller answers, with the certificate that the test gives it; `handshakes` has servers that cheat.

use std::io;
use std::sync::Arc;

use data_encoding::HEXUPPER;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tests::peer::within;
use tests::{Authority, Identity, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tsmgate_server::config;
use tsmgate_server::credentials::tsm::distrust;
use tsmgate_server::credentials::{Credentials, load, load_anew};
use tsmgate_server::digest::sha256;
use tsmsim::{Api, ApiOptions, ServerCertificate, Simulator, SimulatorOptions};

mod handshakes;

/// TSM with its HTTPS controller.
struct Tsm {
    simulator: Simulator,
    _folder: TempDir,
}

impl Tsm {
    async fn showing(identity: &Identity) -> Self {
        let (chain, key) = (identity.chain.clone(), identity.key.clone());
        let certificate = ServerCertificate::Given { chain, key };
        let folder = tempfile::tempdir().unwrap();
        let api = Some(ApiOptions { certificate, ..ApiOptions::default() });
        let options =
            SimulatorOptions { api, ..SimulatorOptions::new(folder.path().join("login")) };
        Self { simulator: Simulator::start(options).await.unwrap(), _folder: folder }
    }

    fn api(&self) -> &Api {
        self.simulator.api().unwrap()
    }

    fn port(&self) -> u16 {
        self.api().address().port()
    }
}

/// The SHA-256 of an identity's own certificate, as openssl prints it.
fn pin(identity: &Identity) -> String {
    let hash = sha256(&identity.certificates()[0]);
    let pairs: Vec<_> = hash.chunks(1).map(|byte| HEXUPPER.encode(byte)).collect();
    pairs.join(":")
}

fn pinned(identity: &Identity) -> String {
    format!("api_certificate_sha256 = \"{}\"", pin(identity))
}

/// A configuration with `tsm.api` at this host and port, checked in this way; no daemon.
async fn scene(host: &str, port: u16, check: &str, files: &[(&str, String)]) -> Scene {
    let tsm = format!("api = \"https://{host}:{port}\"\n{check}");
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    let options = SceneOptions { tsm, files, ..SceneOptions::default() };
    Scene::prepare(tempfile::tempdir().unwrap(), Authority::new("tests"), &options).await
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn loaded(scene: &Scene) -> Credentials {
    load(&config::load(&scene.path("tsmgated.toml")).unwrap(), now()).unwrap()
}

/// Asks for a page; gives the answer's first bytes.
async fn ask(config: Arc<ClientConfig>, host: &str, port: u16) -> io::Result<String> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    within(async {
        let mut stream = TlsConnector::from(config).connect(name, tcp).await?;
        stream.write_all(b"GET /api/0.5/status HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    })
    .await?
}

/// Asks as a gate of this configuration does; `Err` is what its log would say.
async fn asked(host: &str, port: u16, check: &str, files: &[(&str, String)]) -> Result<(), String> {
    let scene = scene(host, port, check, files).await;
    match ask(loaded(&scene).tsm.unwrap(), host, port).await {
        Ok(head) => {
            assert_eq!(head, "HTTP/1.1 401");
            Ok(())
        }
        Err(error) => Err(distrust(&error).unwrap_or_else(|| panic!("{error}"))),
    }
}

const AUTHORITY: &str = "api_authority = \"tsm-ca.pem\"";
/// What every word about a certificate ends with.
const LOOK: &str = "; `tsmgated trust-tsm` shows it";

/// R63: TSM's certificate is the pinned one, or an authority of ours issued it for that name; nothing else
/// is believed, and nothing is sent to who is not
#[tokio::test]
async fn tsm_is_believed_by_pin_or_authority_and_in_no_other_way() {
    let (ours, other) = (Authority::new("TSM's"), Authority::new("TSM's"));
    let ended = |params: &mut rcgen::CertificateParams| {
        params.not_before = now() - Duration::days(30);
        params.not_after = now() - Duration::days(1);
    };
    let (good, expired) = (ours.server(|_| {}), ours.server(ended));
    let file = |text: String| vec![("tsm-ca.pem", text)];
    let both = format!("{}{}", other.pem(), ours.pem());
    let past = Authority::new_with("TSM's", ended);
    let under_past = past.server(|_| {});
    let not_pinned = format!(
        "its certificate is not the pinned one (SHA-256 {}): either TSM has a new one",
        pin(&good).replace(':', "")
    );
    let unknown =
        "no authority of tsm.api_authority that is within its time issued its certificate";
    let name = "its certificate is for another name: tsm.api calls it tsm.example";
    for (shown, host, check, files, refused) in [
        (&good, "localhost", pinned(&good), vec![], None),
        // a pin is this certificate, whatever it says of itself
        (&good, "tsm.example", pinned(&good), vec![], None),
        (&expired, "localhost", pinned(&expired), vec![], None),
        (&good, "localhost", pinned(&expired), vec![], Some(not_pinned.as_str())),
        (&good, "localhost", AUTHORITY.to_owned(), file(ours.pem()), None),
        (&good, "127.0.0.1", AUTHORITY.to_owned(), file(ours.pem()), None),
        (&good, "localhost", AUTHORITY.to_owned(), file(both), None),
        // of the same name, and by another key
        (&good, "localhost", AUTHORITY.to_owned(), file(other.pem()), Some("a signature is wrong")),
        (&good, "localhost", AUTHORITY.to_owned(), file(Authority::new("x").pem()), Some(unknown)),
        (&good, "tsm.example", AUTHORITY.to_owned(), file(ours.pem()), Some(name)),
        (&expired, "localhost", AUTHORITY.to_owned(), file(ours.pem()), Some("it expired on ")),
        (&under_past, "localhost", AUTHORITY.to_owned(), file(past.pem()), Some(unknown)),
    ] {
        let tsm = Tsm::showing(shown).await;
        let outcome = asked(host, tsm.port(), &check, &files).await;
        match refused {
            None => assert_eq!(outcome, Ok(()), "{host} {check}"),
            Some(says) => {
                let said =
                    outcome.expect_err(&check).replace("its certificate expired", "it expired");
                assert!(said.contains(says) && said.ends_with(LOOK), "{host} {check}\n{said}");
                assert!(tsm.api().requests().is_empty(), "something was sent: {check}");
            }
        }
    }
}

/// R63: an authority's own certificate, as TSM may sign for itself, is pinned and vouches for nobody
#[tokio::test]
async fn an_authority_that_serves_itself_is_taken_by_its_pin() {
    let params = |authority: bool| {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        if authority {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        Identity { chain, key: key.serialize_pem(), serial: String::new() }
    };
    for authority in [false, true] {
        let identity = params(authority);
        let tsm = Tsm::showing(&identity).await;
        assert_eq!(asked("localhost", tsm.port(), &pinned(&identity), &[]).await, Ok(()));
        let file = [("tsm-ca.pem", identity.chain.clone())];
        let vouched = asked("localhost", tsm.port(), AUTHORITY, &file).await;
        match authority {
            false => assert_eq!(vouched, Ok(()), "it vouches for itself"),
            true => assert!(vouched.unwrap_err().contains("an authority's own"), "pin it"),
        }
    }
}

/// R63: that a pinned certificate ends or has ended is said once it was seen, and that of an authority
#[tokio::test]
async fn what_runs_out_is_said() {
    let ours = Authority::new("TSM's");
    for (days, says) in [(-1, "the pinned certificate expired on "), (5, "certificate ends on ")] {
        let identity = ours.server(|params| {
            params.not_before = now() - Duration::days(30);
            params.not_after = now() + Duration::days(days);
        });
        let tsm = Tsm::showing(&identity).await;
        let scene = scene("localhost", tsm.port(), &pinned(&identity), &[]).await;
        let credentials = loaded(&scene);
        let said = || credentials.warnings(now()).join("\n");
        assert!(!said().contains("tsm.api"), "{}", said());
        ask(credentials.tsm.clone().unwrap(), "localhost", tsm.port()).await.unwrap();
        assert!(said().contains(says), "{}", said());
    }
    let past = Authority::new_with("TSM's", |params| params.not_after = now() - Duration::days(1));
    let scene = scene("localhost", 8850, AUTHORITY, &[("tsm-ca.pem", past.pem())]).await;
    let said = loaded(&scene).warnings(now()).join("\n");
    assert!(said.contains("tsm-ca.pem: the authority CN=TSM's expired on "), "{said}");
}

/// R63, R54: the check stays the same one while the same is trusted, and is another when that changes
#[tokio::test]
async fn a_changed_trust_is_another_check() {
    let (ours, other) = (Authority::new("one"), Authority::new("two"));
    let file = [("tsm-ca.pem", ours.pem())];
    let scene = scene("localhost", 8850, AUTHORITY, &file).await;
    let first = loaded(&scene);
    let anew = |current: &Credentials| {
        let config = config::load(&scene.path("tsmgated.toml")).unwrap();
        load_anew(current, &config, now()).unwrap()
    };
    let same = |one: &Credentials, two: &Credentials| {
        Arc::ptr_eq(one.tsm.as_ref().unwrap(), two.tsm.as_ref().unwrap())
    };
    assert!(first.read_from().iter().any(|(path, _)| path.ends_with("tsm-ca.pem")));
    scene.write("tsm-ca.pem", &ours.pem(), 0o644);
    let second = anew(&first);
    assert!(same(&first, &second));
    assert!(same(&first, &second.at(now() + Duration::days(1))));
    scene.write("tsm-ca.pem", &other.pem(), 0o644);
    let third = anew(&second);
    assert!(!same(&second, &third));
    let identity = ours.server(|_| {});
    scene.edit(AUTHORITY, &pinned(&identity));
    let fourth = anew(&third);
    assert!(!same(&third, &fourth) && same(&fourth, &anew(&fourth)));
    scene.edit(&pinned(&identity), &pinned(&other.server(|_| {})));
    assert!(!same(&fourth, &anew(&fourth)));
}

/// R63, R54: a running gate notices a replaced authority of TSM's, and keeps what it had of a broken one
#[tokio::test]
async fn a_replaced_authority_of_tsms_is_noticed() {
    let (ours, other) = (Authority::new("one"), Authority::new("two"));
    let tsm = format!("api = \"https://localhost:8850\"\n{AUTHORITY}");
    let files = vec![("tsm-ca.pem".to_owned(), ours.pem())];
    let scene = Scene::with(SceneOptions { tsm, files, ..SceneOptions::default() }).await;
    for (count, (text, outcome)) in
        [(other.pem(), "success"), ("nothing".to_owned(), "failure"), (ours.pem(), "success")]
            .into_iter()
            .enumerate()
    {
        scene.write("new", &text, 0o644);
        std::fs::rename(scene.path("new"), scene.path("tsm-ca.pem")).unwrap();
        let records = tests::wait::until("the reload", || async {
            let reloads = scene.records("reload");
            (reloads.len() > count).then_some(reloads)
        })
        .await;
        assert_eq!(records[count]["event.outcome"], outcome, "{text}");
        assert_eq!(records[count]["tsmgate.reload.extent"], "credentials");
    }
}
