//! The URL of Redis, which may name several servers.

/// What a URL names. `Debug` is absent, since a URL contains passwords.
pub(crate) struct Named {
    pub(crate) topology: Topology,
    /// A URL of `redis://` or `rediss://` for each host. At least one.
    pub(crate) nodes: Vec<String>,
}

pub(crate) enum Topology {
    /// One server.
    One,
    /// Sentinels, which know the master by its name.
    Sentinels {
        master: String,
        /// A URL with the user and the password for the sentinels, if they ask for them.
        credentials: Option<String>,
    },
    /// Some nodes of a cluster, which know the others.
    Cluster,
}

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl Named {
    /// Reads one of
    ///
    /// - `redis://[user:password@]host[:port][/database]`,
    /// - `redis+sentinel://[user:password@]host[:port][,host[:port]]…/master[/database]`, with the
    ///   parameters `sentinel_username` and `sentinel_password`,
    /// - `redis+cluster://[user:password@]host[:port][,host[:port]]…`,
    ///
    /// or the same with `rediss` for TLS.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (transport, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(transport, "redis" | "rediss") {
            return None;
        }
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let nodes = |port: u16, database: &str| {
            let url = |host: &str| {
                (!host.is_empty())
                    .then(|| format!("{transport}://{user}{}/{database}", with_port(host, port)))
            };
            hosts.split(',').map(url).collect::<Option<Vec<_>>>()
        };
        let (topology, nodes) = match kind {
            // The driver reads the whole URL, with its parameters.
            "" => (Topology::One, vec![url.to_owned()]),
            "cluster" if path.is_empty() && parameters.is_empty() => {
                (Topology::Cluster, nodes(REDIS_PORT, "")?)
            }
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return None;
                }
                let credentials = credentials_of_sentinels(parameters)?;
                let topology = Topology::Sentinels { master: master.to_owned(), credentials };
                (topology, nodes(SENTINEL_PORT, database)?)
            }
            _ => return None,
        };
        Some(Self { topology, nodes })
    }
}

/// An address of IPv6 is in brackets.
fn with_port(host: &str, port: u16) -> String {
    let after_brackets = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    if after_brackets.contains(':') { host.to_owned() } else { format!("{host}:{port}") }
}

/// The outer `None` for a parameter that is not known.
fn credentials_of_sentinels(parameters: &str) -> Option<Option<String>> {
    let (mut user, mut password) = ("", None);
    for parameter in parameters.split_terminator('&') {
        match parameter.split_once('=')? {
            ("sentinel_username", value) => user = value,
            ("sentinel_password", value) => password = Some(value),
            _ => return None,
        }
    }
    Some(password.map(|password| format!("redis://{user}:{password}@sentinel")))
}

#[cfg(test)]
mod tests;
