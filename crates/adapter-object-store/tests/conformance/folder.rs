use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapter_object_store::{FolderRecordings, RecordingsSettings};
use async_trait::async_trait;
use domain::ports::{AudioError, AudioStream, PutError, RecordingAccess, RecordingStore};
use domain::{AudioFormat, CallId, RecordingKey};
use tempfile::TempDir;
use testkit::fixtures;
use testkit::harness::{LosesStore, RecordingStoreHarness};

pub(crate) struct FolderHarness {
    folder: TempDir,
}

impl FolderHarness {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn recordings_folder(&self) -> PathBuf {
        self.folder.path().join("parent/recordings")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.recordings_folder()).expect("the folder exists");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("a name is text")).collect();
        names.sort();
        names
    }
}

#[async_trait]
impl LosesStore for FolderHarness {
    async fn lose(&self) {
        let other = self.folder.path().join("other");
        std::fs::rename(self.recordings_folder(), other).expect("the folder can be renamed");
    }
}

#[async_trait]
impl RecordingStoreHarness for FolderHarness {
    fn recordings(&self) -> Arc<dyn RecordingStore> {
        let settings = RecordingsSettings::Folder(self.recordings_folder());
        adapter_object_store::open(&settings).expect("the folder can be created")
    }

    async fn read(&self, access: RecordingAccess) -> Vec<u8> {
        let RecordingAccess::Stream(audio) = access else { panic!("a folder returns bytes") };
        audio.read_to_end().await.expect("the file is readable")
    }
}

#[test]
fn a_missing_folder_is_created_for_this_user_only() {
    let harness = FolderHarness::new();
    harness.recordings();
    for folder in [harness.recordings_folder(), harness.folder.path().join("parent")] {
        let mode = std::fs::metadata(&folder).expect("the folder exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
    harness.recordings();
}

#[test]
fn a_path_to_a_file_is_not_a_folder() {
    let harness = FolderHarness::new();
    let file = harness.folder.path().join("file");
    std::fs::write(&file, "text").expect("written");
    for folder in [file.clone(), file.join("below")] {
        FolderRecordings::open(&folder).expect_err("the path is a file");
    }
}

#[tokio::test]
async fn a_recording_is_one_file_in_the_folder_whatever_its_key() {
    let harness = FolderHarness::new();
    let store = harness.recordings();
    let usual = fixtures::call_id();
    for id in [&usual, &CallId::parse("../../out").expect("an id"), &usual] {
        let key = RecordingKey::of(id, AudioFormat::Mp3);
        store.put(&key, AudioFormat::Mp3, b"voice".to_vec().into()).await.expect("stored");
    }
    let mut expected = ["_2e._2f.._2fout.mp3".to_owned(), format!("{usual}.mp3")];
    expected.sort();
    assert_eq!(harness.names(), expected, "no temporary file is left");
}

#[tokio::test]
async fn a_stream_that_fails_leaves_no_file() {
    let harness = FolderHarness::new();
    let chunks = [Ok(vec![7; 9 << 20]), Err(AudioError::TooLarge)];
    let audio = AudioStream::new(futures_util::stream::iter(chunks));
    let key = RecordingKey::of(&fixtures::call_id(), AudioFormat::Mp3);
    let put = harness.recordings().put(&key, AudioFormat::Mp3, audio).await;
    assert_eq!(put, Err(PutError::Audio(AudioError::TooLarge)));
    assert_eq!(harness.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_becomes_shorter_while_it_is_read_is_a_failure() {
    let harness = FolderHarness::new();
    let store = harness.recordings();
    let key = RecordingKey::of(&fixtures::call_id(), AudioFormat::Mp3);
    store.put(&key, AudioFormat::Mp3, vec![7; 9 << 20].into()).await.expect("stored");
    let access = store.fetch(&key).await.expect("the folder is there").expect("the recording is there");
    let RecordingAccess::Stream(mut audio) = access else { panic!("a folder returns bytes") };
    audio.next().await.expect("a chunk").expect("the file is readable");
    let file =
        std::fs::File::options().write(true).open(harness.recordings_folder().join(&harness.names()[0]));
    file.expect("the test owns it").set_len(1).expect("it becomes shorter");
    let rest = tokio::time::timeout(Duration::from_secs(60), audio.read_to_end()).await;
    rest.expect("the stream ends").expect_err("the recording is not complete");
}

#[tokio::test]
async fn a_folder_that_disappeared_is_not_created_again() {
    let harness = FolderHarness::new();
    let store = harness.recordings();
    harness.lose().await;
    let key = RecordingKey::of(&fixtures::call_id(), AudioFormat::Mp3);
    store.put(&key, AudioFormat::Mp3, b"voice".to_vec().into()).await.expect_err("the folder is missing");
    assert!(!harness.recordings_folder().exists());
}
