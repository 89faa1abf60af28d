//! Who may do what, as one table that nothing under test had a hand in: each operation, its permission, a
//! request for it, and the built-in roles that allow it.
//!
//! It is compared with the catalogue and the roles, and walked through the running gate.

/// The built-in roles, in the order in which the table names them.
pub const ROLES: &[&str] = &["login", "monitor", "operator", "tls-admin", "admin"];

/// Operation, permission, request, roles; the last line is what no row of the catalogue describes.
const TABLE: &str = "
status                status.read          GET  /api/0.5/status                                        monitor operator tls-admin admin
server-info           status.read          GET  /api/0.5/serverInfo                                    monitor operator tls-admin admin
nodes                 nodes.read           GET  /api/0.5/nodes                                         monitor operator tls-admin admin
node                  nodes.read           GET  /api/0.5/nodes/node1                                   monitor operator tls-admin admin
ports                 nodes.read           GET  /api/0.5/ports?jobTimeoutSeconds=30                    monitor operator tls-admin admin
topologies            nodes.read           GET  /api/0.5/topologies                                    monitor operator tls-admin admin
topology-version      nodes.read           GET  /api/0.5/topologies/requested/version                  monitor operator tls-admin admin
topology              nodes.read           GET  /api/0.5/topologies/1                                  monitor operator tls-admin admin
repository-master     nodes.read           GET  /api/0.5/repository/currentMaster                      monitor operator tls-admin admin
jobs                  jobs.read            GET  /api/0.5/asyncJobs?status=Succeeded                    monitor operator tls-admin admin
latest-job            jobs.read            GET  /api/0.5/asyncJobs/latest                              monitor operator tls-admin admin
job                   jobs.read            GET  /api/0.5/asyncJobs/1                                   monitor operator tls-admin admin
cancel-job            jobs.cancel          PUT  /api/0.5/asyncJobs/1/cancel                            operator admin
start                 server.start         POST /api/0.5/enable                                        operator admin
stop                  server.stop          POST /api/0.5/disable?jobTimeoutSeconds=600                 operator admin
restart               server.restart       POST /api/0.5/restart                                       operator admin
backup                backup.create        POST /api/0.5/backupFixedFile?writePath=nightly.tsbak       operator admin
restore               backup.restore       POST /api/0.5/restoreFixedFile?fixedFile=nightly.tsbak      admin
cleanup               maintenance.cleanup  POST /api/0.5/cleanup?deleteLogFiles=true                   operator admin
configuration-version config.read          GET  /api/0.5/configurations/requested/version              admin
configuration         config.read          GET  /api/0.5/configurations/1/keys                         admin
configuration-key     config.read          GET  /api/0.5/configurations/1/keys/gateway.public.host     admin
export                config.read          GET  /api/0.5/export                                        admin
support-info          config.read          GET  /api/0.5/supportInfo                                   admin
reindex-search        api.raw              POST /api/0.5/reindex-search                                nobody
licensing             api.raw              GET  /api/0.5/licensing                                     nobody
product-keys          api.raw              GET  /api/0.5/licensing/productKeys                         nobody
registration          api.raw              POST /api/0.5/licensing/registration                        nobody
raw                   api.raw              GET  /api/0.5/what/no-row?describes=it                      nobody
";

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The operation's name in the records.
    pub name: &'static str,
    /// The permission that it takes.
    pub permission: &'static str,
    /// The method of its request, here and at TSM.
    pub method: &'static str,
    /// The target of its request, here and at TSM.
    pub target: &'static str,
    /// The built-in roles that allow it.
    pub roles: Vec<&'static str>,
}

/// The table.
///
/// # Panics
/// Where a line of it lacks something.
#[must_use]
pub fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().expect(line);
        let (name, permission, method, target) = (next(), next(), next(), next());
        let mut roles: Vec<_> = words.collect();
        assert!(!roles.is_empty(), "{line}");
        roles.retain(|role| *role != "nobody");
        assert!(roles.iter().all(|role| ROLES.contains(role)), "{line}");
        Row { name, permission, method, target, roles }
    };
    TABLE.trim().lines().map(row).collect()
}
