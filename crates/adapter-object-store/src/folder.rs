use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use domain::ports::{
    AudioError, AudioStream, OpenAudio, PortUnavailable, PutError, RecordingAccess, RecordingStore,
};
use domain::{AudioFormat, AudioPart, RecordingKey};
use futures_util::stream;
use futures_util::{Stream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{Attributes, Error, ObjectStoreExt as _};

use crate::FETCH_TIMEOUT;
use crate::failure::{unavailable, within};
use crate::name::path_of;
use crate::settings::InvalidSettings;
use crate::upload::{STEP_TIMEOUT, Upload};

const SERVICE: &str = "recordings folder";

/// Recordings as files in a folder. A recording is written to a temporary file, synced and renamed,
/// then the folder is synced: a reader finds the complete new recording or the previous one, and a
/// stored recording survives a power failure.
#[derive(Debug)]
pub struct FolderRecordings {
    folder: PathBuf,
    files: LocalFileSystem,
}

impl FolderRecordings {
    /// Opens the folder. Creates it, with missing parent folders, for access by this user only.
    ///
    /// # Errors
    ///
    /// The folder cannot be created, or the path is not a folder.
    pub fn open(folder: &Path) -> Result<Self, InvalidSettings> {
        create(folder).map_err(|error| InvalidSettings::Folder(error.kind()))?;
        let folder = folder.canonicalize().map_err(|error| InvalidSettings::Folder(error.kind()))?;
        let files = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|_| InvalidSettings::Folder(io::ErrorKind::Other))?
            .with_fsync(true);
        Ok(Self { folder, files })
    }

    /// A removed recording does not come back after a power failure.
    async fn sync_folder(&self) -> Result<(), PortUnavailable> {
        let synced = async { tokio::fs::File::open(&self.folder).await?.sync_all().await };
        synced.await.map_err(|error| PortUnavailable::new(SERVICE, error.kind().to_string()))
    }

    /// A missing folder is an error, and is not created again: its recordings are somewhere else.
    async fn check_folder(&self) -> Result<(), PortUnavailable> {
        match tokio::fs::metadata(&self.folder).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(PortUnavailable::new(SERVICE, "the path is no longer a folder")),
            Err(error) => Err(PortUnavailable::new(SERVICE, error.kind().to_string())),
        }
    }
}

#[async_trait]
impl RecordingStore for FolderRecordings {
    async fn put(
        &self,
        key: &RecordingKey,
        _format: AudioFormat,
        audio: AudioStream,
    ) -> Result<u64, PutError> {
        within(STEP_TIMEOUT, SERVICE, self.check_folder()).await?;
        let path = path_of(&ObjectPath::ROOT, key);
        // A file has no attributes.
        let attributes = Attributes::default();
        Upload { service: SERVICE, store: &self.files, path: &path, attributes }.put(audio).await
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        within(FETCH_TIMEOUT, SERVICE, async {
            match self.files.get(&path_of(&ObjectPath::ROOT, key)).await {
                Ok(found) => Ok(Some(RecordingAccess::Stream(read(found.into_stream())))),
                Err(Error::NotFound { .. }) => self.check_folder().await.map(|()| None),
                Err(error) => Err(unavailable(SERVICE, &error)),
            }
        })
        .await
    }

    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        within(FETCH_TIMEOUT, SERVICE, async {
            match self.files.get(&path_of(&ObjectPath::ROOT, key)).await {
                Ok(mut found) => {
                    let size = found.meta.size;
                    let part = part.of(size).map(|at| {
                        found.range = at.clone();
                        (at, read(found.into_stream()))
                    });
                    Ok(Some(OpenAudio { size, part }))
                }
                Err(Error::NotFound { .. }) => self.check_folder().await.map(|()| None),
                Err(error) => Err(unavailable(SERVICE, &error)),
            }
        })
        .await
    }

    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        within(FETCH_TIMEOUT, SERVICE, async {
            match self.files.delete(&path_of(&ObjectPath::ROOT, key)).await {
                Ok(()) => self.sync_folder().await,
                Err(Error::NotFound { .. }) => self.check_folder().await,
                Err(error) => Err(unavailable(SERVICE, &error)),
            }
        })
        .await
    }
}

/// The content of an open file. It stays the same if the recording is replaced meanwhile.
fn read(chunks: impl Stream<Item = object_store::Result<Bytes>> + Unpin + Send + 'static) -> AudioStream {
    AudioStream::new(stream::unfold(chunks, |mut chunks| async {
        let next = within(FETCH_TIMEOUT, SERVICE, async {
            match chunks.next().await {
                // A file that became shorter has only empty chunks at its end, and no end.
                Some(Ok(chunk)) if chunk.is_empty() => {
                    Err(PortUnavailable::new(SERVICE, "a file became shorter while it was read"))
                }
                chunk => chunk.transpose().map_err(|error| unavailable(SERVICE, &error)),
            }
        });
        let chunk = next.await.map_err(AudioError::from).transpose()?;
        Some((chunk.map(Vec::from), chunks))
    }))
}

/// Creates a folder and its missing parents, and syncs them so that they survive a power failure.
fn create(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    // The last parent of a relative path is empty: it is the working directory.
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Another process has created it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        result => result?,
    }
    #[cfg(unix)]
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}
