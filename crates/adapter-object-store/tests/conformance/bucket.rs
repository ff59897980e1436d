use std::sync::Arc;
use std::time::Duration;

use adapter_object_store::{BucketRecordings, RecordingsSettings, S3Settings};
use async_trait::async_trait;
use domain::ports::{AudioStream, RecordingAccess, RecordingStore};
use domain::{AudioFormat, CallId, RecordingKey};
use testkit::fixtures;
use testkit::harness::{LosesStore, RecordingStoreHarness};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Url;

use crate::s3_server::{BUCKET, KEY_ID, S3Server, SECRET};

pub(crate) struct BucketHarness {
    server: S3Server,
}

impl BucketHarness {
    pub(crate) async fn new() -> Self {
        Self { server: S3Server::start().await }
    }

    fn settings(&self) -> S3Settings {
        settings(&format!("http://{}", self.server.address))
    }
}

fn settings(endpoint: &str) -> S3Settings {
    S3Settings {
        bucket: BUCKET.to_owned(),
        prefix: "calls/recorded".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: Some(Url::parse(endpoint).expect("a URL")),
        path_style: true,
        allow_http: true,
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: SECRET.into(),
    }
}

fn opened(settings: S3Settings) -> Arc<dyn RecordingStore> {
    adapter_object_store::open(&RecordingsSettings::S3(settings)).expect("the settings are valid")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().expect("a client")
}

#[async_trait]
impl LosesStore for BucketHarness {
    async fn lose(&self) {
        self.server.stop();
    }
}

#[async_trait]
impl RecordingStoreHarness for BucketHarness {
    fn recordings(&self) -> Arc<dyn RecordingStore> {
        opened(self.settings())
    }

    /// Retries after a server error, as S3 clients do.
    async fn read(&self, access: RecordingAccess) -> Vec<u8> {
        let RecordingAccess::Link { url, .. } = access else { panic!("a bucket returns links") };
        for _ in 0..20 {
            let response = client().get(&url).send().await.expect("the service is available");
            if !response.status().is_server_error() {
                assert_eq!(response.status(), 200, "the link is invalid");
                return response.bytes().await.expect("a complete body").into();
            }
        }
        panic!("the service keeps returning server errors");
    }
}

fn key(id: &CallId) -> RecordingKey {
    RecordingKey::of(id, AudioFormat::Wav)
}

async fn link(store: &Arc<dyn RecordingStore>, key: &RecordingKey) -> Url {
    match store.fetch(key).await {
        Ok(Some(RecordingAccess::Link { url, valid_for })) => {
            assert_eq!(valid_for, Duration::from_secs(600));
            Url::parse(&url).expect("a link is a URL")
        }
        other => panic!("expected a link, not {other:?}"),
    }
}

#[tokio::test]
async fn a_link_opens_one_recording_for_ten_minutes_with_its_media_type() {
    let harness = BucketHarness::new().await;
    let (store, mine, others) = (harness.recordings(), fixtures::call_id(), fixtures::call_id());
    for id in [&mine, &others] {
        store.put(&key(id), AudioFormat::Wav, b"voice".to_vec().into()).await.expect("stored");
    }
    let link = link(&store, &key(&mine)).await;
    assert!(link.query_pairs().any(|(name, value)| name == "X-Amz-Expires" && value == "600"), "ten minutes");
    assert!(!link.as_str().contains(SECRET));

    let response = client().get(link.clone()).send().await.expect("the service is available");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "audio/wav");

    let mut unsigned = link.clone();
    unsigned.set_query(None);
    let of_another = link.as_str().replace(mine.as_str(), others.as_str());
    let for_longer = link.as_str().replace("X-Amz-Expires=600", "X-Amz-Expires=6000");
    for altered in [unsigned.as_str(), &of_another, &for_longer] {
        let response = client().get(altered).send().await.expect("the service is available");
        assert_eq!(response.status(), 403);
    }
    assert_eq!(client().delete(link).send().await.expect("the service is available").status(), 403);
}

#[tokio::test]
async fn an_object_is_below_the_prefix_under_one_name() {
    let harness = BucketHarness::new().await;
    let id = CallId::parse("../../a b").expect("an id");
    harness.recordings().put(&key(&id), AudioFormat::Wav, b"voice".to_vec().into()).await.expect("stored");
    let stored = std::fs::read(harness.server.file("calls/recorded/_2e._2f.._2fa_20b.wav"));
    assert_eq!(stored.expect("the object exists"), b"voice");

    let bare = opened(S3Settings { prefix: String::new(), ..harness.settings() });
    bare.put(&key(&id), AudioFormat::Wav, b"other".to_vec().into()).await.expect("stored");
    let stored = std::fs::read(harness.server.file("_2e._2f.._2fa_20b.wav"));
    assert_eq!(stored.expect("the object exists"), b"other");
}

/// Stores and fetches with settings that must fail. Returns the errors, which must not contain
/// anything of the settings or of the call.
async fn refusals(settings: S3Settings) -> [String; 2] {
    let (store, id) = (opened(settings), fixtures::call_id());
    let put = store
        .put(&key(&id), AudioFormat::Wav, b"voice".to_vec().into())
        .await
        .expect_err("the service refuses");
    let fetched = store.fetch(&key(&id)).await.expect_err("the service refuses");
    [(put.to_string(), format!("{put:?}")), (fetched.to_string(), format!("{fetched:?}"))].map(
        |(error, debug)| {
            let shown = format!("{error} {debug}");
            for private in [id.as_str(), KEY_ID, SECRET, "another-secret", BUCKET, "127.0.0.1", "http"] {
                assert!(!shown.contains(private), "{shown}");
            }
            error
        },
    )
}

#[tokio::test]
async fn an_access_key_that_is_rejected_is_unavailable_and_not_quoted() {
    let harness = BucketHarness::new().await;
    let refused = S3Settings { secret_access_key: "another-secret".into(), ..harness.settings() };
    for error in refusals(refused).await {
        assert!(error.contains("does not permit the operation"), "{error}");
    }
}

/// The paused clock of tokio advances when all tasks are idle, so the test does not wait.
#[tokio::test(start_paused = true)]
async fn a_service_that_never_responds_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let store = opened(settings(&format!("http://{}", silent.local_addr().expect("it is bound"))));
    let id = fixtures::call_id();
    let started = Instant::now();
    store.fetch(&key(&id)).await.expect_err("the service never responds");
    assert!(started.elapsed() <= Duration::from_secs(11), "{:?}", started.elapsed());
    let started = Instant::now();
    let put = store.put(&key(&id), AudioFormat::Wav, b"voice".to_vec().into()).await;
    put.expect_err("the service never responds");
    assert!(started.elapsed() <= Duration::from_secs(31), "{:?}", started.elapsed());
}

#[test]
fn a_store_does_not_show_its_key() {
    let store = BucketRecordings::open(&settings("http://127.0.0.1:9")).expect("the settings are valid");
    let shown = format!("{store:?}");
    assert!(!shown.contains(SECRET) && !shown.contains(KEY_ID), "{shown}");
}

#[test]
fn an_endpoint_without_tls_must_be_allowed() {
    let plain = S3Settings { allow_http: false, ..settings("http://127.0.0.1:9") };
    let refused = BucketRecordings::open(&plain).expect_err("http is not allowed");
    assert!(refused.to_string().contains("http"), "{refused}");
}

#[tokio::test]
async fn a_bucket_that_can_be_listed_exists() {
    let harness = BucketHarness::new().await;
    let bucket = |settings: S3Settings| BucketRecordings::open(&settings).expect("the settings are valid");
    assert_eq!(bucket(harness.settings()).look().await, Ok(false), "it is empty");
    let (key, format) = (RecordingKey::of(&fixtures::call_id(), AudioFormat::Mp3), AudioFormat::Mp3);
    let stored = harness
        .recordings()
        .put(&key, format, AudioStream::new(futures_util::stream::iter([Ok(vec![1])])))
        .await;
    assert!(stored.is_ok());
    assert_eq!(bucket(harness.settings()).look().await, Ok(true));
    let absent = S3Settings { bucket: "another-bucket".to_owned(), ..harness.settings() };
    let error = bucket(absent).look().await.expect_err("it does not exist");
    assert!(error.to_string().contains("does it exist"), "{error}");
    let wrong = S3Settings { secret_access_key: "another-secret".into(), ..harness.settings() };
    bucket(wrong).look().await.expect_err("the key is another one");
}
