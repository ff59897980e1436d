//! Recordings as files in a folder.

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
use crate::{FETCH_LIMIT, PUT_LIMIT};

const SERVICE: &str = "recordings folder";

/// Recordings as files in a folder. A file is written aside, synced and renamed, and the folder synced after that: whoever
/// reads finds the whole recording or the one before, and a stored one survives the loss of power.
#[derive(Debug)]
pub struct FolderRecordings {
    folder: PathBuf,
    files: LocalFileSystem,
}

impl FolderRecordings {
    /// Opens the folder, or makes it with those above it that are missing, for this user alone.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or is no folder.
    pub fn open(folder: &Path) -> Result<Self, InvalidSettings> {
        make(folder).map_err(|error| InvalidSettings::Folder(error.kind()))?;
        let folder = folder.canonicalize().map_err(|error| InvalidSettings::Folder(error.kind()))?;
        let files = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|_| InvalidSettings::Folder(io::ErrorKind::Other))?
            .with_fsync(true);
        Ok(Self { folder, files })
    }

    /// A folder that has gone is neither empty nor to be made anew: what was in it is elsewhere.
    async fn is_there(&self) -> Result<(), PortUnavailable> {
        match tokio::fs::metadata(&self.folder).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(PortUnavailable::new(SERVICE, "it is no folder any more")),
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
        within(PUT_LIMIT, SERVICE, async {
            self.is_there().await?;
            let put = self.files.put(&path_of(&ObjectPath::ROOT, key), bytes.into()).await;
            put.map(|_| ()).map_err(|error| unavailable(SERVICE, &error))
        })
        .await
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        within(FETCH_LIMIT, SERVICE, async {
            let read = async { self.files.get(&path_of(&ObjectPath::ROOT, key)).await?.bytes().await };
            match read.await {
                Ok(bytes) => Ok(Some(RecordingAccess::Bytes(bytes.into()))),
                Err(Error::NotFound { .. }) => self.is_there().await.map(|()| None),
                Err(error) => Err(unavailable(SERVICE, &error)),
            }
        })
        .await
    }
}

/// Makes a folder and those above it that are missing, and sees to it that they survive the loss of power.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    // A relative path ends in the empty one, which is the working directory.
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make(above)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    #[cfg(unix)]
    File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}
