use adapter_postgres::Encryption;
use adapter_redis::RedisSettings;
use url::Url;

use super::{Finding, State};
use crate::config::{Risk, Settings, Storage, is_loopback};

const TLS: &str = "tls";

/// Whether secrets and phone numbers leave the machine in clear text.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let in_clear_text = settings.warnings.iter().filter(|warning| warning.risk == Risk::ClearText);
    let in_clear_text: Vec<_> = in_clear_text
        .map(|it| Finding::failed(TLS, it.risk.problem(), it.risk.remedy()).about(&it.subject))
        .collect();
    if in_clear_text.is_empty() {
        findings.push(Finding::ok(TLS, "https, or on this machine").about("vendors"));
    }
    findings.extend(in_clear_text);
    if let Storage::Services { postgres, redis, history } = &settings.storage {
        findings.push(of_postgres(postgres.encryption().ok()).about("OUTDIAL_DATABASE_URL"));
        if let Some(history) = history {
            findings.push(of_postgres(history.encryption().ok()).about("OUTDIAL_HISTORY_DATABASE_URL"));
        }
        findings.push(of_redis(redis).about("OUTDIAL_REDIS_URL"));
    }
    findings
}

/// Warnings only: the network between gateway and stores is often private.
fn of_postgres(encryption: Option<Encryption>) -> Finding {
    match encryption {
        Some(Encryption::Local) => Finding::ok(TLS, "on this machine"),
        Some(Encryption::Verified) => Finding::ok(TLS, "encrypted, and the server is verified"),
        Some(Encryption::Unverified) => Finding::warning(
            TLS,
            "encrypted, but another server could answer",
            "add sslmode=verify-full and sslrootcert to the URL",
        ),
        Some(Encryption::Optional) => Finding::warning(
            TLS,
            "leaves this machine, and may be in clear text",
            "add sslmode=verify-full and sslrootcert to the URL",
        ),
        None => Finding::skipped(TLS, "the URL cannot be read", "correct `database`, and check again"),
    }
}

/// The first server or sentinel that is not well connected counts.
fn of_redis(settings: &RedisSettings) -> Finding {
    let mut findings = settings.node_urls().into_iter().map(|url| of_node(&url)).collect::<Vec<_>>();
    findings.sort_by_key(|finding| finding.state == State::Ok);
    findings.into_iter().next().unwrap_or_else(|| of_node(""))
}

fn of_node(url: &str) -> Finding {
    let Ok(url) = Url::parse(url) else {
        return Finding::skipped(TLS, "the URL cannot be read", "correct `redis`, and check again");
    };
    match url.scheme() {
        _ if names_this_machine(&url) => Finding::ok(TLS, "on this machine"),
        "rediss" if url.fragment() == Some("insecure") => Finding::warning(
            TLS,
            "encrypted, but another server could answer",
            "remove #insecure from the URL",
        ),
        "rediss" => Finding::ok(TLS, "encrypted, and the server is verified"),
        _ => Finding::warning(TLS, "leaves this machine in clear text", "use rediss://"),
    }
}

/// The host of a URL with another scheme than http is always a name.
fn names_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    Url::parse(&format!("http://{host}")).is_ok_and(|url| is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_on_this_machine_or_encrypted() {
        for (url, state) in [
            ("redis://127.0.0.1:6379/0", State::Ok),
            ("redis://:secret@localhost", State::Ok),
            ("redis://[::1]:6379", State::Ok),
            ("redis://10.0.0.7", State::Warning),
            ("redis://cache.example:6379/0", State::Warning),
            ("rediss://cache.example:6379/0", State::Ok),
            ("rediss://cache.example:6379/0#insecure", State::Warning),
            ("redis+sentinel://127.0.0.1,localhost:26380/main", State::Ok),
            ("redis+sentinel://127.0.0.1,cache.example/main", State::Warning),
            ("rediss+sentinel://127.0.0.1,cache.example/main", State::Ok),
            ("redis+sentinel://127.0.0.1", State::Skipped),
        ] {
            assert_eq!(of_redis(&RedisSettings::new(url)).state, state, "{url}");
        }
    }

    #[test]
    fn a_postgres_is_on_this_machine_or_verified() {
        for (encryption, state) in [
            (Encryption::Local, State::Ok),
            (Encryption::Verified, State::Ok),
            (Encryption::Unverified, State::Warning),
            (Encryption::Optional, State::Warning),
        ] {
            assert_eq!(of_postgres(Some(encryption)).state, state, "{encryption:?}");
        }
    }
}
