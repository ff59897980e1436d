//! Builds the settings from their values, with the checks that concern more than one setting.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter_elevenlabs::TrunkLogin;
use adapter_http::{Authenticator, JwtKeys};
use adapter_object_store::{RecordingsSettings, S3Settings};
use adapter_postgres::PostgresSettings;
use adapter_redis::RedisSettings;
use adapter_sinch::SinchSettings;
use domain::{CallPolicy, DestinationRules, PacingLimits};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use url::Url;

use super::kind::is_loopback;
use super::reader::Reader;
use super::retention::retention;
use super::table::*;
use super::{Auth, Settings, Storage, TokenRules, Voice, risks};

pub(super) fn settings(reader: &mut Reader<'_>) -> Option<Settings> {
    let known = super::settings();
    reader.refuse_unknown(|name| known.iter().any(|setting| setting.has_name(name)));
    reader
        .warn_of_settings_file(|name| known.iter().any(|setting| setting.is_secret && setting.name == name));
    let process = Process::read(reader);
    let observation = Observation::read(reader);
    let backends = Backends::read(reader);
    let embedded = backends.database_url.expose_secret().strip_prefix("sqlite://").map(Path::new);
    let storage = match embedded {
        Some(path) => embedded_storage(reader, path),
        None => services(reader, backends.database_url.expose_secret()),
    };
    let voice = voice(reader, backends.voice_provider);
    let (sinch, sinch_urls, trunk_login) = sinch(reader);
    let credentials = Credentials::read(reader);
    let synchronization = Synchronization::read(reader);
    // An invalid value does not count: its default would make a real gateway look like a demo.
    let is_demo = backends.voice_provider == VoiceProvider::Simulator
        && reader.are_valid(&[OUTDIAL_DATABASE_URL, OUTDIAL_VOICE_PROVIDER]);
    let auth = auth(reader, embedded.filter(|_| is_demo));
    let Pacing { longest_wait, number_calls_per_minute, organization_calls, trunk_calls } =
        Pacing::read(reader);
    let policy = call_policy(reader, longest_wait);
    let Destinations { plan, allowed, default_country } = Destinations::read(reader);
    let opt_outs = OptOuts::read(reader);
    let reconciliation = Reconciliation::read(reader);
    let recordings = match backends.recordings {
        RecordingsUrl::Nowhere => None,
        RecordingsUrl::Folder(folder) => Some(RecordingsSettings::Folder(folder)),
        RecordingsUrl::Bucket { bucket, prefix } => s3(reader, bucket, prefix),
    };
    let deliveries = Deliveries::read(reader);
    let (retention, keep_keys_for) = retention(reader, policy.as_ref(), deliveries.give_up_after);
    reader.warn(recordings.as_ref().and_then(risks::of_recordings));
    Some(Settings {
        process,
        observation,
        storage: storage?,
        voice: voice?,
        sinch,
        credentials,
        sinch_urls,
        trunk_login,
        synchronization,
        auth: auth?,
        policy: policy?,
        pacing: PacingLimits { number_calls_per_minute, organization_calls, trunk_calls },
        destinations: DestinationRules { plan, allowed, default_country },
        opt_out_value_id: opt_outs.collected_id,
        reconciliation,
        recordings,
        recording_max_bytes: backends.recording_max_mib << 20,
        deliveries,
        retention,
        keep_keys_for,
        secret_files: reader.take_secret_files(),
        warnings: reader.take_warnings(),
    })
}

fn embedded_storage(reader: &mut Reader<'_>, path: &Path) -> Option<Storage> {
    if reader.is_set(OUTDIAL_REDIS_URL) {
        let problem = "needs OUTDIAL_DATABASE_URL=postgres://...: the embedded database does not use Redis";
        reader.problem::<()>(&[OUTDIAL_REDIS_URL, OUTDIAL_DATABASE_URL], problem);
    }
    if reader.is_set(OUTDIAL_HISTORY_DATABASE_URL) {
        let problem = "needs OUTDIAL_DATABASE_URL=postgres://...: the embedded database has no replica";
        reader.problem::<()>(&[OUTDIAL_HISTORY_DATABASE_URL, OUTDIAL_DATABASE_URL], problem);
    }
    if path.as_os_str().is_empty() {
        return reader.problem(&[OUTDIAL_DATABASE_URL], "names no file: it must be sqlite://PATH");
    }
    Some(Storage::Embedded { path: path.to_owned() })
}

fn services(reader: &mut Reader<'_>, database_url: &str) -> Option<Storage> {
    if !reader.is_set(OUTDIAL_VOICE_PROVIDER) {
        let vendors = super::vendors().collect::<Vec<_>>().join(" or ");
        let problem = format!("is required with Postgres: {vendors} (or simulator, which rings no phone)");
        reader.problem::<()>(&[OUTDIAL_VOICE_PROVIDER], &problem);
    }
    let services = Services::read(reader);
    let redis_url = reader.required(OUTDIAL_REDIS_URL, services.redis_url, "with Postgres")?;
    let mut postgres = PostgresSettings::new(database_url);
    postgres.max_connections = services.postgres_connections;
    let mut redis = RedisSettings::new(redis_url.expose_secret());
    redis.max_connections = services.redis_connections;
    redis.key_prefix = services.redis_key_prefix;
    let history = services.history_url.map(|url| PostgresSettings {
        may_be_standby: true,
        max_connections: services.postgres_connections,
        ..PostgresSettings::new(url.expose_secret())
    });
    Some(Storage::Services { postgres, redis, history })
}

fn voice(reader: &mut Reader<'_>, provider: VoiceProvider) -> Option<Voice> {
    match provider {
        VoiceProvider::Simulator => {
            let webhook = WebhookSecrets::read(reader);
            reader.warn(risks::of_webhook_secrets(&webhook));
            Some(Voice::Simulator { tool_secret: webhook.tool })
        }
        VoiceProvider::ElevenLabs => {
            let ElevenLabs { api_key, base_url } = ElevenLabs::read(reader);
            let webhook = WebhookSecrets::read(reader);
            reader.warn(risks::of_url(OUTDIAL_ELEVENLABS_BASE_URL, &base_url));
            reader.warn(risks::of_webhook_secrets(&webhook));
            reader.warn(risks::of_absent_secrets(&webhook));
            let api_key = vendor_key(reader, OUTDIAL_ELEVENLABS_API_KEY, api_key, &base_url)?;
            Some(Voice::ElevenLabs { api_key, base_url, webhook })
        }
        VoiceProvider::Vapi => {
            let Vapi { api_key, base_url } = Vapi::read(reader);
            reader.warn(risks::of_url(OUTDIAL_VAPI_BASE_URL, &base_url));
            let api_key = vendor_key(reader, OUTDIAL_VAPI_API_KEY, api_key, &base_url)?;
            Some(Voice::Vapi { api_key, base_url })
        }
    }
}

/// The account, the hosts of the carrier, and the login of the trunk.
fn sinch(reader: &mut Reader<'_>) -> (Option<SinchSettings>, (Url, Url), Option<TrunkLogin>) {
    let mut read = Sinch::read(reader);
    let login = trunk_login(reader, read.sip_username.take(), read.sip_password.take());
    let urls = (read.auth_url.clone(), read.trunk_url.clone());
    (sinch_account(reader, read), urls, login)
}

/// A user name and a password, or neither.
fn trunk_login(
    reader: &mut Reader<'_>,
    username: Option<String>,
    password: Option<SecretString>,
) -> Option<TrunkLogin> {
    if username.is_none() && password.is_none() {
        return None;
    }
    let username = reader.required(OUTDIAL_SINCH_SIP_USERNAME, username, "with its password");
    let password = reader.required(OUTDIAL_SINCH_SIP_PASSWORD, password, "with its user name");
    Some(TrunkLogin { username: username?, password: password? })
}

/// The account is configured as a whole, or not at all.
fn sinch_account(reader: &mut Reader<'_>, read: Sinch) -> Option<SinchSettings> {
    let Sinch { project_id, key_id, key_secret, trunk_id, auth_url, trunk_url, .. } = read;
    let names =
        [OUTDIAL_SINCH_PROJECT_ID, OUTDIAL_SINCH_KEY_ID, OUTDIAL_SINCH_KEY_SECRET, OUTDIAL_SINCH_TRUNK_ID];
    if project_id.is_none() && key_id.is_none() && key_secret.is_none() && trunk_id.is_none() {
        return None;
    }
    reader.warn(risks::of_url(OUTDIAL_SINCH_AUTH_URL, &auth_url));
    reader.warn(risks::of_url(OUTDIAL_SINCH_TRUNK_URL, &trunk_url));
    let when = "with any of the other settings of the Sinch account";
    let project_id = reader.required(names[0], project_id, when);
    let key_id = reader.required(names[1], key_id, when);
    let key_secret = reader.required(names[2], key_secret, when);
    let trunk_id = reader.required(names[3], trunk_id, when);
    let settings = SinchSettings::new(project_id?, key_id?, key_secret?, trunk_id?);
    Some(SinchSettings { auth_url, trunk_url, ..settings })
}

/// A simulator on this machine accepts any key. Plain http elsewhere does not count: it may be a
/// real vendor.
fn vendor_key(
    reader: &mut Reader<'_>,
    name: &'static str,
    key: Option<SecretString>,
    base_url: &Url,
) -> Option<SecretString> {
    let is_simulator = base_url.scheme() == "http" && is_loopback(base_url);
    let key = key.or_else(|| is_simulator.then(|| SecretString::from("simulated")));
    reader.required(name, key, "with this OUTDIAL_VOICE_PROVIDER")
}

/// `demo_database` is the embedded database if the voice provider is simulated. A generated secret
/// is safe only there, because such a gateway cannot place a real call.
fn auth(reader: &mut Reader<'_>, demo_database: Option<&Path>) -> Option<Auth> {
    let Tokens { secrets, public_key_file, key_set, key_set_refresh, issuer, audience, leeway } =
        Tokens::read(reader);
    let rules = TokenRules { issuer, audience, leeway_secs: leeway.as_secs() };
    let (name, keys) = match (secrets.as_slice(), public_key_file, key_set) {
        ([], None, None) => {
            let Some(database) = demo_database else {
                let problem = "or OUTDIAL_JWT_PUBLIC_KEY_FILE or OUTDIAL_JWT_JWKS is required with Postgres or a real voice provider";
                return reader.problem(&KEYS, problem);
            };
            return Some(Auth::GeneratedSecret { path: database.with_extension("jwt-secret"), rules });
        }
        ([], Some(path), None) => match std::fs::read(path) {
            Ok(pem) => (OUTDIAL_JWT_PUBLIC_KEY_FILE, JwtKeys::PublicKeys(pem)),
            Err(_) => return reader.problem(&[OUTDIAL_JWT_PUBLIC_KEY_FILE], "is not a readable file"),
        },
        ([], None, Some(location)) => {
            return Some(Auth::KeySet { location, refresh_every: key_set_refresh, rules });
        }
        (secrets, None, None) => {
            reader.warn(risks::of_token_secrets(secrets));
            let secrets =
                secrets.iter().map(|secret| SecretSlice::from(secret.expose_secret().as_bytes().to_vec()));
            (OUTDIAL_JWT_SECRET, JwtKeys::Hs256(secrets.collect()))
        }
        _ => {
            let set: Vec<_> = KEYS.into_iter().filter(|name| reader.is_set(name)).collect();
            let problem = format!("and {} are set: set only one of them", set[1..].join(" and "));
            return reader.problem(&set, &problem);
        }
    };
    match Authenticator::new(rules.with_keys(keys)) {
        Ok(authenticator) => Some(Auth::Configured(Arc::new(authenticator))),
        Err(error) => reader.problem(&[name], &format!("cannot be used: {error}")),
    }
}

/// The settings with the keys of the tokens, one of which is needed.
const KEYS: [&str; 3] = [OUTDIAL_JWT_SECRET, OUTDIAL_JWT_PUBLIC_KEY_FILE, OUTDIAL_JWT_JWKS];

fn call_policy(reader: &mut Reader<'_>, longest_wait: Duration) -> Option<CallPolicy> {
    let CallTimes { before_dial, ringing_timeout, answer_margin, lock_ttl, lock_renew, context_ttl } =
        CallTimes::read(reader);
    let policy =
        CallPolicy::new(before_dial, lock_ttl, lock_renew, ringing_timeout, answer_margin, context_ttl);
    let policy = policy.map(|policy| policy.with_longest_wait(longest_wait));
    policy
        .map_err(|error| {
            let problem = format!("does not fit OUTDIAL_LOCK_TTL_MS: {error}");
            reader.problem::<()>(&[OUTDIAL_LOCK_RENEW_MS, OUTDIAL_LOCK_TTL_MS], &problem)
        })
        .ok()
}

fn s3(reader: &mut Reader<'_>, bucket: String, prefix: String) -> Option<RecordingsSettings> {
    if bucket.is_empty() {
        let problem = "names no bucket: it must be s3://BUCKET or s3://BUCKET/PREFIX";
        reader.problem::<()>(&[OUTDIAL_RECORDINGS_URL], problem);
    }
    let S3 { endpoint, region, access_key_id, secret_access_key } = S3::read(reader);
    let when = "with a bucket in OUTDIAL_RECORDINGS_URL";
    let access_key_id = reader.required(OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID, access_key_id, when);
    let secret_access_key = reader.required(OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY, secret_access_key, when);
    Some(RecordingsSettings::S3(S3Settings {
        bucket,
        prefix,
        region,
        // Services other than Amazon's rarely have a host name for each bucket.
        path_style: endpoint.is_some(),
        allow_http: endpoint.as_ref().is_some_and(|url| url.scheme() == "http"),
        endpoint,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
    }))
}
