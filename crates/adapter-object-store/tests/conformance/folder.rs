use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use adapter_object_store::{FolderRecordings, RecordingsSettings};
use async_trait::async_trait;
use domain::ports::RecordingStore;
use domain::{AudioFormat, CallId, RecordingAccess, RecordingKey};
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
        self.folder.path().join("kept/recordings")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.recordings_folder()).expect("it is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().expect("a word")).collect();
        names.sort();
        names
    }
}

#[async_trait]
impl LosesStore for FolderHarness {
    async fn lose(&self) {
        let away = self.folder.path().join("away");
        std::fs::rename(self.recordings_folder(), away).expect("it is moved away");
    }
}

#[async_trait]
impl RecordingStoreHarness for FolderHarness {
    fn recordings(&self) -> Arc<dyn RecordingStore> {
        let settings = RecordingsSettings::Folder(self.recordings_folder());
        adapter_object_store::open(&settings).expect("it can be made")
    }

    async fn read(&self, access: RecordingAccess) -> Vec<u8> {
        let RecordingAccess::Bytes(bytes) = access else { panic!("a folder gives bytes") };
        bytes
    }
}

#[test]
fn a_folder_that_is_not_there_is_made_for_this_user_alone() {
    let harness = FolderHarness::new();
    harness.recordings();
    for folder in [harness.recordings_folder(), harness.folder.path().join("kept")] {
        let mode = std::fs::metadata(&folder).expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
    harness.recordings();
}

#[test]
fn where_a_file_is_there_is_no_folder() {
    let harness = FolderHarness::new();
    let file = harness.folder.path().join("file");
    std::fs::write(&file, "text").expect("written");
    for folder in [file.clone(), file.join("below")] {
        FolderRecordings::open(&folder).expect_err("it is a file");
    }
}

#[tokio::test]
async fn a_recording_is_one_file_in_the_folder_whatever_its_key() {
    let harness = FolderHarness::new();
    let store = harness.recordings();
    let usual = fixtures::call_id();
    for id in [&usual, &CallId::parse("../../out").expect("an id"), &usual] {
        let key = RecordingKey::of(id, AudioFormat::Mp3);
        store.put(&key, AudioFormat::Mp3, b"voice".to_vec()).await.expect("stored");
    }
    let mut expected = ["_2e._2f.._2fout.mp3".to_owned(), format!("{usual}.mp3")];
    expected.sort();
    assert_eq!(harness.names(), expected, "and nothing is left of what was written aside");
}

#[tokio::test]
async fn a_folder_that_has_gone_is_not_made_anew() {
    let harness = FolderHarness::new();
    let store = harness.recordings();
    harness.lose().await;
    let key = RecordingKey::of(&fixtures::call_id(), AudioFormat::Mp3);
    store.put(&key, AudioFormat::Mp3, b"voice".to_vec()).await.expect_err("it has gone");
    assert!(!harness.recordings_folder().exists());
}
