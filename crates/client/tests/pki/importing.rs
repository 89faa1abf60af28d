//! `import`: what step-ca, Vault, SPIRE and certificate services of Windows write, in the shapes that their
//! documentation gives.

use std::fs;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::issuer::{AUTHORITY, Issuer, MACHINE, P256, RSA};
use crate::rig::{Place, mode, text};

/// What an import said: its exit code, its JSON, and all of its output together.
pub(crate) fn import(issuer: &Issuer, files: &[&str], options: &[&str]) -> (i32, Value, String) {
    let place = Place(tempfile::tempdir().unwrap());
    let files: Vec<_> = files.iter().map(|file| issuer.arg(file)).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let run = |more: &[&str]| place.run(&[&["import"], &files[..], options, more].concat());
    let human = run(&[]);
    // what the first wrote is in the way of the second
    let again = if options.contains(&"--out") { &["--json", "--force"][..] } else { &["--json"] };
    let output = run(again);
    assert_eq!(human.status.code(), output.status.code(), "{}", text(&human.stderr));
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = text(&human.stdout) + &text(&human.stderr) + &text(&output.stdout);
    (output.status.code().unwrap(), answer, said)
}

/// The only part with that role.
fn part<'a>(answer: &'a Value, role: &str) -> &'a Value {
    let mut parts = answer["parts"].as_array().unwrap().iter().filter(|p| p["role"] == role);
    let found = parts.next().unwrap_or_else(|| panic!("no {role} in {answer:#}"));
    assert_eq!(parts.next(), None, "one {role}");
    found
}

fn step() -> Issuer {
    let issuer = Issuer::new();
    issuer.root("root_ca", P256, AUTHORITY);
    issuer.under("root_ca", "intermediate_ca", P256, AUTHORITY, "");
    // the provisioner is said in an extension of Smallstep's own
    let provisioner =
        "1.3.6.1.4.1.37476.9000.64.1=DER:30:0d:02:01:01:04:05:61:64:6d:69:6e:04:01:78\n";
    let leaf = format!("{MACHINE}{provisioner}subjectAltName=DNS:jump01.example.com\n");
    issuer.under("intermediate_ca", "leaf", P256, &leaf, "");
    issuer.openssl("ec -in leaf.key -out jump01.key");
    issuer.write("jump01.crt", issuer.read("leaf.crt") + &issuer.read("intermediate_ca.crt"));
    issuer
}

/// R48: a key that came along is written for its owner alone, and shown nowhere
#[test]
fn what_step_ca_writes_is_taken() {
    let issuer = step();
    assert!(issuer.read("jump01.key").contains("BEGIN EC PRIVATE KEY"));
    let (out, out_arg) = (issuer.path("out"), issuer.arg("out"));
    let files = ["root_ca.crt", "jump01.crt", "jump01.key"];
    let (code, answer, said) = import(&issuer, &files, &["--out", &out_arg]);
    assert_eq!((code, &answer["accepted"]), (0, &json!(true)), "{answer:#}");
    assert_eq!(part(&answer, "client")["identity"], "DNS:jump01.example.com");
    assert!(said.contains("identity = \"DNS:jump01.example.com\""), "{said}");
    part(&answer, "intermediate");
    part(&answer, "client_authority");
    let key = issuer.read("jump01.key");
    for line in key.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!said.contains(line), "a line of the key was shown");
    }
    assert_eq!(fs::read_to_string(out.join("jump01.example.com.key")).unwrap(), key);
    assert_eq!(mode(&out.join("jump01.example.com.key")), 0o600);
    assert_eq!(mode(&out), 0o700);
    assert_eq!(fs::read_to_string(out.join("chain.pem")).unwrap(), issuer.read("jump01.crt"));
    assert_eq!(fs::read_to_string(out.join("client-ca.pem")).unwrap(), issuer.read("root_ca.crt"));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 3);

    // nothing is replaced unasked, and nothing written beside what is there
    fs::remove_file(out.join("client-ca.pem")).unwrap();
    let place = Place(tempfile::tempdir().unwrap());
    let (root, crt) = (issuer.arg("root_ca.crt"), issuer.arg("jump01.crt"));
    let (code, talk) = place.bad(&["import", &root, &crt, "--out", &out_arg]);
    assert_eq!(code, 65, "{talk}");
    assert!(!out.join("client-ca.pem").exists());
}

/// What is missing in a chain is said, and that its own list alone refuses everybody of an intermediate.
#[test]
fn a_chain_or_a_set_of_lists_with_a_gap_is_refused() {
    let issuer = step();
    let (code, answer, _) = import(&issuer, &["root_ca.crt", "leaf.crt"], &[]);
    assert_eq!(code, 65);
    let problem = part(&answer, "client")["problems"][0].as_str().unwrap().to_owned();
    assert!(
        problem.contains("intermediate_ca") && problem.contains("not in these files"),
        "{problem}"
    );
    // a leaf alone is no fault of its own
    let (code, answer, _) = import(&issuer, &["leaf.crt"], &[]);
    assert_eq!(code, 0);
    assert!(part(&answer, "client")["notes"][0].as_str().unwrap().contains("intermediate_ca"));

    issuer.list("intermediate_ca", "DER");
    let (code, answer, _) =
        import(&issuer, &["root_ca.crt", "jump01.crt", "intermediate_ca.crl"], &[]);
    assert_eq!(code, 65);
    let problem = part(&answer, "client")["problems"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("no revocation list"), "{problem}");
    // with the intermediate as the authority that counts, its list is enough
    let (code, answer, _) = import(&issuer, &["jump01.crt", "intermediate_ca.crl"], &[]);
    assert_eq!(code, 0, "{answer:#}");
    let authority = part(&answer, "client_authority");
    assert!(authority["subject"].as_str().unwrap().contains("intermediate_ca"), "{authority}");
}

fn vault() -> Issuer {
    let issuer = Issuer::new();
    issuer.root("vault", RSA, AUTHORITY);
    issuer.under("vault", "issuing", RSA, AUTHORITY, "");
    let usage =
        MACHINE.replace("digitalSignature", "digitalSignature,keyAgreement,keyEncipherment");
    issuer.under(
        "issuing",
        "leaf",
        RSA,
        &format!("{usage}subjectAltName=DNS:jump02.example.com\n"),
        "",
    );
    issuer.openssl("rsa -in leaf.key -traditional -out leaf.rsa");
    issuer
}

fn trimmed(issuer: &Issuer, name: &str) -> String {
    issuer.read(name).trim_end().to_owned()
}

/// Vault's answers, as its command line and as its API give them, and both forms of its list.
#[test]
fn what_vault_writes_is_taken() {
    let issuer = vault();
    let pem = |name: &str| trimmed(&issuer, name);
    assert!(pem("leaf.rsa").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let chain = json!([pem("issuing.crt"), pem("vault.crt")]);
    let data = json!({
        "ca_chain": chain, "certificate": pem("leaf.crt"), "expiration": 1_795_000_000,
        "issuing_ca": pem("issuing.crt"), "private_key": pem("leaf.rsa"),
        "private_key_type": "rsa", "serial_number": "39:dd:2e:90"
    });
    let of_command = json!({
        "request_id": "e1a5", "lease_id": "", "lease_duration": 0, "renewable": false,
        "data": data, "warnings": null
    });
    let mut bundle = data.clone();
    bundle["certificate"] =
        [pem("leaf.rsa"), pem("leaf.crt"), pem("issuing.crt")].join("\n").into();
    issuer.list("issuing", "DER");
    issuer.list("vault", "PEM");
    for (name, document) in [("command", &of_command), ("api", &data), ("bundle", &bundle)] {
        issuer.write(name, document.to_string());
        let out = issuer.arg(&format!("out-{name}"));
        let files = [name, "issuing.crl", "vault.crl"];
        let (code, answer, said) = import(&issuer, &files, &["--out", &out]);
        assert_eq!(code, 0, "{name}: {answer:#}");
        assert_eq!(part(&answer, "client")["identity"], "DNS:jump02.example.com");
        assert_eq!(part(&answer, "private_key")["key_type"], "RSA 2048", "{name}");
        assert!(!said.contains(pem("leaf.rsa").lines().nth(3).unwrap()));
        let out = issuer.path(&format!("out-{name}"));
        let lists = fs::read_to_string(out.join("clients.crl")).unwrap();
        assert_eq!(lists.matches("BEGIN X509 CRL").count(), 2);
        let chain = fs::read_to_string(out.join("chain.pem")).unwrap();
        assert_eq!(chain, issuer.read("leaf.crt") + &issuer.read("issuing.crt"), "{name}");
        assert_eq!(mode(&out.join("jump02.example.com.key")), 0o600);
    }
    // base64 without PEM around it (format=der) is not guessed at
    let mut der = data;
    der["certificate"] = "MIIDzDCCAragAwIBAgIUOd0ukL".into();
    issuer.write("der", der.to_string());
    assert_eq!(import(&issuer, &["der"], &[]).0, 66);
}

/// A trust bundle as a JWK Set, and what `spire-agent api fetch x509 -write` leaves.
#[test]
fn what_spire_writes_is_taken() {
    let issuer = Issuer::new();
    for domain in ["a.example", "b.example"] {
        let extensions = format!("{AUTHORITY}subjectAltName=URI:spiffe://{domain}\n");
        issuer.root(domain, P256, &extensions);
        issuer.openssl(&format!("x509 -in {domain}.crt -outform DER -out {domain}.der"));
    }
    let leaf = format!("{MACHINE}subjectAltName=URI:spiffe://a.example/ns/tsm/jump03\n");
    issuer.under("a.example", "svid", P256, &leaf, "");
    fs::rename(issuer.path("svid.crt"), issuer.path("svid.0.pem")).unwrap();
    fs::rename(issuer.path("svid.key"), issuer.path("svid.0.key")).unwrap();
    let document = |domain: &str| {
        let x5c = BASE64.encode(&fs::read(issuer.path(&format!("{domain}.der"))).unwrap());
        json!({
            "keys": [
                { "use": "x509-svid", "kty": "EC", "crv": "P-256", "x": "WjB-", "y": "tW8", "x5c": [x5c] },
                { "use": "jwt-svid", "kty": "EC", "kid": "C6vs25", "crv": "P-256", "x": "ngL", "y": "ce9" },
            ],
            "spiffe_sequence": 7, "spiffe_refresh_hint": 300
        })
    };
    issuer.write("a.json", document("a.example").to_string());
    issuer.write("b.json", document("b.example").to_string());
    let files = ["svid.0.pem", "svid.0.key", "a.json"];
    let (code, answer, _) = import(&issuer, &files, &["--out", &issuer.arg("out")]);
    assert_eq!(code, 0, "{answer:#}");
    assert_eq!(part(&answer, "client")["identity"], "URI:spiffe://a.example/ns/tsm/jump03");
    let authority = fs::read_to_string(issuer.path("out/client-ca.pem")).unwrap();
    assert_eq!(authority, issuer.read("a.example.crt"));
    assert_eq!(mode(&issuer.path("out/jump03.key")), 0o600);

    let (code, answer, _) = import(&issuer, &["svid.0.pem", "b.json"], &[]);
    assert_eq!(code, 65, "another trust domain's authority: {answer:#}");
    let options = ["--as", "client-authority"];
    let (code, answer, _) = import(&issuer, &["a.json", "b.json"], &options);
    assert_eq!((code, answer["parts"].as_array().unwrap().len()), (0, 2));
    let (code, ..) = import(&issuer, &["svid.0.pem"], &options);
    assert_eq!(code, 65, "a client's certificate is no authority");
    let (code, _, said) = import(&issuer, &["a.json"], &["--as", "client"]);
    assert_eq!(code, 65);
    assert!(said.contains("no client's certificate"), "{said}");

    let mut twice = document("a.example");
    let one = twice["keys"][0]["x5c"][0].clone();
    twice["keys"][0]["x5c"] = json!([one, one]);
    issuer.write("twice.json", twice.to_string());
    issuer.write("jwt.json", json!({ "keys": [{ "use": "jwt-svid", "kty": "EC" }] }).to_string());
    for broken in ["twice.json", "jwt.json"] {
        assert_eq!(import(&issuer, &[broken], &[]).0, 66, "{broken}");
    }
}

fn enterprise() -> Issuer {
    let issuer = Issuer::new();
    issuer.root("root", RSA, AUTHORITY);
    // the version of the authority and the template of the certificate, in extensions of Microsoft's
    let version = "1.3.6.1.4.1.311.21.1=DER:02:01:00\n";
    issuer.under("root", "issuing", RSA, &format!("{AUTHORITY}{version}"), "");
    let template = "1.3.6.1.4.1.311.20.2=DER:1e:0e:00:4d:00:61:00:63:00:68:00:69:00:6e:00:65\n";
    let leaf = "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth\n\
                subjectAltName=DNS:jump04.corp.example\n";
    issuer.under("issuing", "certnew", RSA, &format!("{leaf}{template}"), "");
    issuer
}

/// PKCS#7 in both forms, DER certificates, CRLF, and bag attributes around PEM.
#[test]
fn what_certificate_services_write_is_taken() {
    let issuer = enterprise();
    let all =
        ["certnew", "issuing", "root"].map(|name| issuer.read(&format!("{name}.crt"))).concat();
    issuer.write("all.pem", all.replace('\n', "\r\n"));
    issuer.openssl("crl2pkcs7 -nocrl -certfile all.pem -outform DER -out certnew.p7b");
    issuer.openssl("crl2pkcs7 -nocrl -certfile all.pem -out certnew.p7b.pem");
    issuer.openssl(
        "pkcs12 -export -in all.pem -inkey certnew.key -name jump04 -passout pass:x -out it.pfx",
    );
    issuer.openssl("pkcs12 -in it.pfx -passin pass:x -nodes -out bags.pem");
    assert!(issuer.read("bags.pem").contains("Bag Attributes"));
    // as PowerShell writes a text around it, in an encoding of its own
    let latin: &[u8] = b"friendlyName: R\xfccksprung\r\n";
    issuer.write("latin.pem", [latin, issuer.read("all.pem").as_bytes()].concat());
    for file in ["certnew.p7b", "certnew.p7b.pem", "all.pem", "bags.pem", "latin.pem"] {
        let (code, answer, _) = import(&issuer, &[file], &[]);
        assert_eq!(code, 0, "{file}: {answer:#}");
        assert_eq!(part(&answer, "client")["identity"], "DNS:jump04.corp.example", "{file}");
        part(&answer, "intermediate");
    }
    issuer.openssl("x509 -in certnew.crt -outform DER -out certnew.cer");
    issuer.openssl("x509 -in issuing.crt -outform DER -out issuing.cer");
    issuer.list("issuing", "DER");
    let files = ["certnew.cer", "issuing.cer", "issuing.crl"];
    let (code, answer, _) = import(&issuer, &files, &["--out", &issuer.arg("out")]);
    assert_eq!(code, 0, "{answer:#}");
    assert!(!answer["written"].to_string().contains(".key"));
    assert_eq!(issuer.path("out").read_dir().unwrap().count(), 3);
    assert_eq!(mode(&issuer.path("out/chain.pem")), 0o644);
}
