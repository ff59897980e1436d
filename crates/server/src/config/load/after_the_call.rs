//! The settings of what follows a call: its recording, and the events that are sent.

use std::path::PathBuf;
use std::time::Duration;

use adapter_object_store::{RecordingsSettings, S3Settings};
use domain::DeliveryPolicy;
use secrecy::SecretString;
use url::Url;

use super::Reading;
use crate::config::Deliveries;

/// The longest pause between two attempts at sending an event.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

impl Reading<'_> {
    /// Nothing where a setting is wrong; nothing within where recordings are not kept.
    pub(super) fn recordings(&mut self) -> Option<Option<RecordingsSettings>> {
        const NAME: &str = "OUTDIAL_RECORDINGS_URL";
        let url = self.source.value(NAME)?.to_owned();
        if url == "none" {
            return Some(None);
        }
        if let Some(folder) = url.strip_prefix("file://") {
            if folder.is_empty() {
                return self.problem(NAME, "names no folder: expected file://FOLDER");
            }
            return Some(Some(RecordingsSettings::Folder(PathBuf::from(folder))));
        }
        let Some(bucket) = url.strip_prefix("s3://") else {
            return self.problem(NAME, "must be file://FOLDER, s3://BUCKET, s3://BUCKET/PREFIX or none");
        };
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        if bucket.is_empty() {
            self.problem::<()>(NAME, "names no bucket: expected s3://BUCKET or s3://BUCKET/PREFIX");
        }
        let endpoint = self.s3_endpoint();
        let key_id = self.s3_credential("OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID");
        let secret = self.s3_credential("OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY");
        Some(Some(RecordingsSettings::S3(S3Settings {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            region: self.source.value("OUTDIAL_RECORDINGS_S3_REGION")?.to_owned(),
            // Services other than Amazon's seldom have a name for each bucket.
            path_style: self.source.is_set("OUTDIAL_RECORDINGS_S3_ENDPOINT"),
            allow_http: endpoint.as_ref()?.as_ref().is_some_and(|url| url.scheme() == "http"),
            endpoint: endpoint?,
            access_key_id: key_id?,
            secret_access_key: SecretString::from(secret?),
        })))
    }

    pub(super) fn deliveries(&mut self) -> Option<Deliveries> {
        let publish_every = self.number("OUTDIAL_PUBLISH_EVERY_MS", 10, 3_600_000).map(Duration::from_millis);
        let timeout = self.number("OUTDIAL_DELIVERY_TIMEOUT_MS", 100, 30_000).map(Duration::from_millis);
        let first_pause =
            self.number("OUTDIAL_DELIVERY_FIRST_PAUSE_MS", 10, 3_600_000).map(Duration::from_millis);
        let given_up_after =
            self.number("OUTDIAL_DELIVERY_GIVE_UP_SECS", 1, 2_592_000).map(Duration::from_secs);
        let allow_private = self.parsed("OUTDIAL_DELIVERY_ALLOW_PRIVATE", "true or false");
        Some(Deliveries {
            publish_every: publish_every?,
            policy: DeliveryPolicy {
                first_pause: first_pause?,
                longest_pause: LONGEST_PAUSE,
                given_up_after: given_up_after?,
                attempt_within: timeout?,
            },
            allow_private: allow_private?,
        })
    }

    /// Nothing for Amazon's own; an empty answer for one that cannot be used.
    fn s3_endpoint(&mut self) -> Option<Option<Url>> {
        const NAME: &str = "OUTDIAL_RECORDINGS_S3_ENDPOINT";
        let Some(text) = self.source.value(NAME) else { return Some(None) };
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(Some(url)),
            _ => self.problem(NAME, "must be an http or https URL"),
        }
    }

    fn s3_credential(&mut self, name: &'static str) -> Option<String> {
        match self.source.value(name) {
            Some(value) => Some(value.to_owned()),
            None => self.problem(name, "is required with a bucket in OUTDIAL_RECORDINGS_URL"),
        }
    }
}
