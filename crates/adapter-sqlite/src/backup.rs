//! A copy of the file while a gateway uses it.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::failure::{failed, unavailable};

/// How long the copy waits for a process that recovers the file after a crash.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes what is committed in `source` into the new file `target`, which only its owner can read.
/// Other processes read and write `source` meanwhile. It migrates neither file. `target` exists only
/// if it is complete, sound, and on disk.
///
/// # Errors
///
/// If there is no `source`, if `target` exists already, or if the disk fails or is full.
pub async fn back_up(source: &Path, target: &Path) -> Result<(), PortUnavailable> {
    if fs::exists(target).map_err(|error| cannot("be looked for", error.kind()))? {
        return Err(failed("the file for the copy exists already"));
    }
    let partial = beside(target);
    let copied = async {
        create(&partial)?;
        copy(source, &partial).await?;
        verify(&partial).await?;
        let move_into_place = || -> std::io::Result<()> {
            File::open(&partial)?.sync_all()?;
            fs::rename(&partial, target)?;
            let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        move_into_place().map_err(|error| cannot("be moved into place", error.kind()))
    };
    let copied = copied.await;
    if copied.is_err() {
        let _ = fs::remove_file(&partial);
    }
    copied
}

/// Where the copy is until it is complete.
fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// An empty file, which SQLite fills. One that an interrupted copy left is replaced.
fn create(partial: &Path) -> Result<(), PortUnavailable> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(cannot("be replaced", error.kind()));
        }
        _ => {}
    }
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial);
    created.map(drop).map_err(|error| cannot("be created", error.kind()))
}

async fn copy(source: &Path, partial: &Path) -> Result<(), PortUnavailable> {
    let partial = partial.to_str().ok_or_else(|| failed("the path of the copy is not UTF-8"))?;
    let mut connection = open(source).await?;
    // One snapshot of the file, with the free pages left out. SQLite does not sync it.
    let copied = sqlx::query("vacuum into ?").bind(partial).execute(&mut connection).await;
    let closed = connection.close().await;
    copied.map_err(unavailable)?;
    closed.map_err(unavailable)
}

async fn verify(partial: &Path) -> Result<(), PortUnavailable> {
    let mut connection = open(partial).await?;
    let checked = sqlx::query_scalar::<_, String>("pragma quick_check(1)").fetch_one(&mut connection).await;
    let closed = connection.close().await;
    let found = checked.map_err(unavailable)?;
    closed.map_err(unavailable)?;
    if found == "ok" {
        Ok(())
    } else {
        Err(failed("the file is damaged: its copy does not pass SQLite's check"))
    }
}

async fn open(path: &Path) -> Result<SqliteConnection, PortUnavailable> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
    options.connect().await.map_err(unavailable)
}

fn cannot(what: &str, kind: ErrorKind) -> PortUnavailable {
    failed(format!("the copy cannot {what}: {kind}"))
}
