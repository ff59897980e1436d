use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::ports::{PortUnavailable, RecordingStore};
use domain::{AudioFormat, RecordingAccess, RecordingKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStoreExt as _};

use crate::failure::{unavailable, within};
use crate::name::path_of;
use crate::settings::InvalidSettings;
use crate::{FETCH_TIMEOUT, PUT_TIMEOUT};

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
        bytes: Vec<u8>,
    ) -> Result<(), PortUnavailable> {
        within(PUT_TIMEOUT, SERVICE, async {
            self.check_folder().await?;
            let put = self.files.put(&path_of(&ObjectPath::ROOT, key), bytes.into()).await;
            put.map(|_| ()).map_err(|error| unavailable(SERVICE, &error))
        })
        .await
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        within(FETCH_TIMEOUT, SERVICE, async {
            let read = async { self.files.get(&path_of(&ObjectPath::ROOT, key)).await?.bytes().await };
            match read.await {
                Ok(bytes) => Ok(Some(RecordingAccess::Bytes(bytes.into()))),
                Err(Error::NotFound { .. }) => self.check_folder().await.map(|()| None),
                Err(error) => Err(unavailable(SERVICE, &error)),
            }
        })
        .await
    }
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
