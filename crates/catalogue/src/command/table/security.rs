//! `tsm security`, as the vendor's page has it up to 2020.1.

use super::super::{Command, FileKind, Kind};
use super::row::{choice, file, flag, from, job, option, reads, request_timeout, stages, text};

/// The vendor's page.
const PAGE: &str = "Tableau help, tsm security";

pub(super) fn commands() -> Vec<Command> {
    from(
        PAGE,
        [
            stages(
                "security custom-cert add",
                "trust a CA certificate towards other servers (SMTP)",
                [file("cert-file", FileKind::CertificateOrDer, "the certificate, PEM or DER")
                    .short("c")
                    .required()],
            ),
            stages("security custom-cert delete", "remove the custom CA certificate", []),
            reads("security custom-cert list", "details of the custom CA certificate", []),
            stages(
                "security external-ssl disable",
                "end TLS at the gateway, remove its settings",
                [],
            ),
            stages(
                "security external-ssl enable",
                "TLS at the gateway, for clients from outside",
                [
                    file("cert-file", FileKind::Certificate, "the certificate, PEM, named *.crt")
                        .required(),
                    file("key-file", FileKind::PrivateKey, "its private key, RSA or DSA")
                        .required(),
                    file(
                        "chain-file",
                        FileKind::Chain,
                        "the chain of certificates, PEM, named *.crt",
                    ),
                    option(Kind::Secret, "passphrase", "passphrase of the private key"),
                    option(
                        Kind::Protocols,
                        "protocols",
                        "TLS versions to allow, or with `-` to refuse",
                    )
                    .or("all, -SSLv2, -SSLv3"),
                ],
            ),
            reads("security external-ssl list", "settings of TLS at the gateway", []),
            job(
                "security regenerate-internal-tokens",
                "new internal certificates, passwords, keys",
                [request_timeout("1800")],
            ),
            stages("security repository-ssl disable", "end TLS at the repository (Postgres)", []),
            stages(
                "security repository-ssl enable",
                "TLS at the repository (Postgres)",
                [flag(
                    "internal-only",
                    "required between components, offered to direct connections",
                )
                .short("i")],
            ),
            reads(
                "security repository-ssl get-certificate-file",
                "the repository's certificate",
                [option(Kind::FetchFile, "file", "where to save the certificate; is overwritten")
                    .short("f")
                    .required()],
            ),
            reads("security repository-ssl list", "settings of TLS at the repository", []),
            stages(
                "security vizql-extsvc-ssl disable",
                "end the connection for SCRIPT functions",
                [],
            )
            .until("2020.2"),
            stages(
                "security vizql-extsvc-ssl enable",
                "connect Rserve or TabPy for SCRIPT functions",
                [
                    choice(
                        "connection-type",
                        ["rserve-secure", "rserve", "tabpy-secure", "tabpy"],
                        "type of the external service",
                    )
                    .required(),
                    option(Kind::Host, "extsvc-host", "host of the external service").required(),
                    option(
                        Kind::Port,
                        "extsvc-port",
                        "its port, usually 6311 (Rserve) or 9004 (TabPy)",
                    )
                    .required(),
                    file("cert-file", FileKind::Certificate, "its certificate, PEM, named *.crt")
                        .short("cf"),
                    text("extsvc-username", "user name there"),
                    option(Kind::Secret, "extsvc-password", "password there"),
                    option(Kind::Milliseconds, "connect-timeout-ms", "milliseconds to wait for it")
                        .or("1000"),
                    option(Kind::Boolean, "script-disabled", "whether its scripts may not run")
                        .or("true"),
                ],
            )
            .until("2020.2"),
            reads("security vizql-extsvc-ssl list", "settings for the external service", [])
                .until("2020.2"),
        ],
    )
}
