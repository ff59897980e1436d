//! A process with a SQLite file, which the check fills, and whose clock it steps.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::super::preload::Preload;

/// Writes to the file, and reports after each write: whether it succeeded, and two clocks.
pub(super) async fn run(file: &Path) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut session = options.journal_mode(SqliteJournalMode::Wal).connect().await?;
    sqlx::query("create table written (bytes blob)").execute(&mut session).await?;
    loop {
        let written =
            sqlx::query("insert into written values (randomblob(9000))").execute(&mut session).await;
        let is_written = written.is_ok();
        let wall = std::time::UNIX_EPOCH.elapsed()?.as_secs();
        let since_boot = clock_gettime(ClockId::Boottime).tv_sec;
        writeln!(std::io::stdout(), "{is_written} {wall} {since_boot}")?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) async fn check(folder: &Path, preload: &Preload) -> Result<()> {
    let folder = folder.join("sqlite");
    std::fs::create_dir(&folder)?;
    let (clock, disk) = (preload.clock("sqlite")?, preload.disk(&folder)?);
    let mut process = Command::new(std::env::current_exe()?);
    process
        .args([crate::COMMANDS, "probe"])
        .arg(folder.join("file"))
        .envs(preload.environment(&clock, Some(&disk)));
    let mut process = process.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(process.stdout.take().context("its output is piped")?).lines();
    let mut until = async |description: &str, is_seen: &dyn Fn(bool, i64) -> Result<bool>| -> Result<()> {
        for _ in 0..200 {
            let line = lines.next_line().await?.context("the process ended")?;
            let mut fields = line.split(' ');
            let mut field = || fields.next().context("a line has three fields");
            let (is_written, wall, since_boot) =
                (field()?.parse()?, field()?.parse()?, field()?.parse::<i64>()?);
            let here = clock_gettime(ClockId::Boottime).tv_sec;
            ensure!(
                (since_boot - here).abs() <= 2,
                "the time since boot was stepped to {since_boot} at {here}"
            );
            if is_seen(is_written, wall)? {
                return Ok(());
            }
        }
        anyhow::bail!("not seen within 10 s: {description}")
    };
    until("SQLite writes", &|is_written, _| Ok(is_written)).await?;
    disk.fill()?;
    until("a full disk refuses a write", &|is_written, _| Ok(!is_written)).await?;
    disk.free()?;
    until("SQLite writes again", &|is_written, _| Ok(is_written)).await?;
    for (step, offset) in [(60, 60), (-60, 0), (-60, -60), (60, 0)] {
        clock.step(step)?;
        until("the clock is set", &|_, wall| super::near(wall, offset)).await?;
    }
    super::report("sqlite: full disk, clock")
}
