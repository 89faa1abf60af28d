//! `tsm security` of later versions, and what TSM's users show who they are by.
//!
//! Left out, because no page that shows their options was at hand: `custom-tsm-ssl`,
//! `custom-indexandsearch-ssl`, `rotate-coordination-service-secrets`, `cancel-credential-migrations`. Left out
//! on purpose: `authorize-credential-migration`, by which credentials leave the server, and which would come
//! with `security.*`. An operator can add them.

use super::super::{Command, FileKind, Kind};
use super::row::{choice, file, flag, from, option, reads, stages, text};

/// The vendor's pages.
const SECURITY: &str = "Tableau help 2020.3, tsm security";
const AUTHENTICATION: &str = "Tableau help 2020.3, tsm authentication";

/// Keys for extracts, and script servers of flows. That the latter are staged is taken from
/// `vizql-extsvc-ssl`, their elder sibling.
pub(super) fn security() -> Vec<Command> {
    from(
        SECURITY,
        [
            stages(
                "security kms set-mode aws",
                "encrypt extracts under a key in AWS KMS",
                [
                    text("key-arn", "full ARN of the customer master key").required(),
                    text("aws-region", "its region, as us-west-2").required(),
                ],
            )
            .since("2019.3"),
            stages(
                "security kms set-mode local",
                "encrypt extracts under a key of the server's own",
                [],
            )
            .since("2019.3"),
            reads("security kms status", "where the keys for extracts are, and how they stand", [])
                .since("2019.3"),
            stages(
                "security maestro-rserve-ssl disable",
                "end the connection of flows to Rserve",
                [],
            )
            .since("2019.3"),
            stages(
                "security maestro-rserve-ssl enable",
                "connect flows to Rserve",
                [
                    choice(
                        "connection-type",
                        ["maestro-rserve-secure", "maestro-rserve"],
                        "with TLS or not",
                    ),
                    option(Kind::Host, "rserve-host", "host of Rserve"),
                    option(Kind::Port, "rserve-port", "its port"),
                    text("rserve-username", "user name there"),
                    option(Kind::Secret, "rserve-password", "password there"),
                    option(
                        Kind::Milliseconds,
                        "rserve-connect-timeout-ms",
                        "milliseconds to wait for it",
                    ),
                ],
            )
            .since("2019.3"),
            stages(
                "security maestro-tabpy-ssl disable",
                "end the connection of flows to TabPy",
                [],
            )
            .since("2019.3"),
            stages(
                "security maestro-tabpy-ssl enable",
                "connect flows to TabPy",
                [
                    choice(
                        "connection-type",
                        ["maestro-tabpy-secure", "maestro-tabpy"],
                        "with TLS or not",
                    ),
                    option(Kind::Host, "tabpy-host", "host of TabPy"),
                    option(Kind::Port, "tabpy-port", "its port"),
                    text("tabpy-username", "user name there"),
                    option(Kind::Secret, "tabpy-password", "password there"),
                    option(
                        Kind::Milliseconds,
                        "tabpy-connect-timeout-ms",
                        "milliseconds to wait for it",
                    ),
                ],
            )
            .since("2019.3"),
        ],
    )
}

/// Mutual TLS for users, and how authentication is set as a whole.
pub(super) fn authentication() -> Vec<Command> {
    from(
        AUTHENTICATION,
        [
            reads(
                "authentication list",
                "settings of how users are authenticated",
                [flag("verbose", "all of them").short("v")],
            ),
            stages(
                "authentication mutual-ssl configure",
                "how users are known by certificates",
                [
                    file(
                        "ca-cert",
                        FileKind::Chain,
                        "certificate of the authority that users' are from",
                    )
                    .short("cf"),
                    option(
                        Kind::Boolean,
                        "fallback-to-basic",
                        "whether name and password do instead",
                    )
                    .short("fb")
                    .or("false"),
                    choice(
                        "user-name-mapping",
                        ["upn", "ldap", "cn"],
                        "which name in a certificate counts",
                    )
                    .short("m"),
                    file(
                        "revocation-file",
                        FileKind::RevocationList,
                        "revoked certificates, PEM or DER",
                    )
                    .short("rf"),
                ],
            ),
            stages("authentication mutual-ssl disable", "users are known without certificates", []),
            stages("authentication mutual-ssl enable", "users are known by their certificates", []),
        ],
    )
}
