//! The configuration keys that the simulator has, with the defaults of a real 2019.2.2 server.
//!
//! Secrets are listed apart: they have no default here, each simulator makes its own. Which keys are
//! dynamic is a guess: no list was found, only that there are some since 2020.2.

/// Where the custom certificate's file is, among those that an operator sent. Guess: the name of the key.
pub(crate) const CUSTOM_CERTIFICATE: &str = "cfs.custom_cert.file";

/// Key and default. Seen, but for the custom certificate and the name of the external service's.
pub(super) const DEFAULTS: &[(&str, &str)] = &[
    (CUSTOM_CERTIFICATE, ""),
    ("cfs.ssl.cacert.file", ""),
    ("cfs.ssl.revocation.file", ""),
    ("features.ControllerSSL", "false"),
    ("features.TsmPasswordLessLogin", "true"),
    ("gateway.public.host", ""),
    ("gateway.public.port", "80"),
    ("gateway.trusted", ""),
    ("gateway.trusted_hosts", ""),
    ("pgsql.ssl.cert.days", "3650"),
    ("pgsql.ssl.ciphersuite", "HIGH:MEDIUM:!aNULL:!MD5:!RC4"),
    ("pgsql.ssl.enabled", "false"),
    ("pgsql.ssl.key.alg", "rsa:2048"),
    ("pgsql.ssl.required", "false"),
    ("service.linux.privileged_user", "tsmagent"),
    ("service.linux.unprivileged_user", "tableau"),
    ("ssl.cacert.file", ""),
    ("ssl.cert.file_bytes", ""),
    ("ssl.cert.file_name", ""),
    ("ssl.chain.file_bytes", ""),
    ("ssl.chain.file_name", ""),
    ("ssl.client_certificate_login.fallback_to_password", "false"),
    ("ssl.client_certificate_login.mapping_strategy", "upn"),
    ("ssl.client_certificate_login.required", "false"),
    ("ssl.ciphersuite", "HIGH:MEDIUM:!aNULL:!MD5:!RC4"),
    ("ssl.enabled", "false"),
    ("ssl.key.file_bytes", ""),
    ("ssl.key.file_name", ""),
    ("ssl.key.passphrase", ""),
    ("ssl.port", "443"),
    ("ssl.protocols", "all -SSLv2 -SSLv3"),
    ("ssl.proxy_login", "false"),
    ("ssl.redirect", "true"),
    ("ssl.revocation.file", ""),
    ("tabadmincontroller.auth.expiration.minutes", "120"),
    ("tabadmincontroller.csrf_protection.enabled", "true"),
    ("tabadmincontroller.port", "8850"),
    ("tsm.authorized.groups", ""),
    ("vizqlserver.allow_insecure_scripts", "false"),
    ("vizqlserver.extsvc.cert_bytes", ""),
    ("vizqlserver.extsvc.cert_file_name", ""),
    ("vizqlserver.extsvc.connect_timeout_ms", ""),
    ("vizqlserver.extsvc.connection_type", ""),
    ("vizqlserver.extsvc.host", ""),
    ("vizqlserver.extsvc.password", ""),
    ("vizqlserver.extsvc.port", ""),
    ("vizqlserver.extsvc.username", ""),
    ("vizqlserver.script.disabled", "true"),
    ("wgserver.domain.password", ""),
    ("wgserver.domain.username", ""),
    ("wgserver.systeminfo.allow_referrer_ips", ""),
    ("zookeeper.tsm.username", "tsmzkuser"),
];

/// Keys whose values are secrets that the server makes itself. Seen.
pub(super) const MADE_SECRETS: &[&str] = &[
    "crypto.configuration.active_key_value",
    "elasticserver.ssl.key.passphrase",
    "grpc.request.secret",
    "grpc.response.secret",
    "pgsql.adminpassword",
    "pgsql.readonly_password",
    "pgsql.remote_password",
    "searchserver.ssl.key.file_bytes",
    "searchserver.ssl.key.passphrase",
    "zookeeper.tsm.password",
];

/// Keys whose values are secrets once an operator has set them. Seen, the passphrase inferred.
pub(super) const SET_SECRETS: &[&str] = &[
    "ssl.key.file_bytes",
    "ssl.key.passphrase",
    "vizqlserver.extsvc.password",
    "wgserver.domain.password",
];

/// A guess: these take effect without a restart.
pub(super) const DYNAMIC: &[&str] = &["wgserver.systeminfo.allow_referrer_ips"];
