//! The processes of the gateway, and its directory.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use super::super::process::{command, run};
use super::super::service::JWT_SECRET;
use super::super::stores::Stores;
use super::{Backends, database};

/// Organization `o1` with user `u1`, who can call its contacts.
const DIRECTORY: &str = r#"
{"kind":"organization","id":"o1","name":"Analytical Engines"}
{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage"}
{"kind":"agent","id":"a1","organizationId":"o1","name":"Nora","voiceEnabled":true,"providerAgentId":"agent_1"}
{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550100","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_1"}
"#;

/// The number of a contact is this and the number in its id: in Canada, in exchanges that exist.
pub(crate) const FIRST_NUMBER: u64 = 14_162_000_000;

/// The database that the databases of all candidates are copies of.
const TEMPLATE: &str = "directory";

/// Creates the database that the candidates start with.
pub(crate) async fn prepare(
    stores: &Stores,
    gateway: &Path,
    backends: Backends,
    contacts: u64,
) -> Result<()> {
    stores.execute("postgres", &format!("create database {TEMPLATE}")).await?;
    let log = stores.folder().join("prepare.log");
    let storage = postgres_and_redis(TEMPLATE, 0, backends);
    fill(gateway, stores, &storage, DIRECTORY, &log).await?;
    let contacts = format!(
        "insert into contacts (id, organization_id, first_name, last_name, phone_number)
         select 'c' || n, 'o1', 'Ada', 'Lovelace', '+' || ({FIRST_NUMBER} + n)
           from generate_series(1, {contacts}) n;
         vacuum (analyze)"
    );
    stores.execute(TEMPLATE, &contacts).await
}

/// Creates the database of a candidate.
pub(super) async fn create_database(stores: &Stores, number: usize) -> Result<()> {
    let statement = format!("create database {} template {TEMPLATE}", database(number));
    stores.execute("postgres", &statement).await
}

/// The command that serves, with Postgres and Redis.
pub(super) async fn with_postgres(
    program: &Path,
    number: usize,
    stores: &Stores,
    backends: Backends,
    address: SocketAddr,
    log: &Path,
) -> Result<Command> {
    create_database(stores, number).await?;
    let storage = postgres_and_redis(&database(number), number, backends);
    // A newer binary may have more migrations than the one that made the template.
    fill(program, stores, &storage, "", log).await?;
    serve(program, stores, &storage, backends, address, log)
}

/// The command that serves, with the embedded file.
pub(super) async fn with_sqlite(
    program: &Path,
    number: usize,
    stores: &Stores,
    backends: Backends,
    address: SocketAddr,
    contacts: u64,
    log: &Path,
) -> Result<Command> {
    let file = stores.folder().join(format!("{}.sqlite", database(number)));
    let storage = [("OUTDIAL_DATABASE_URL", format!("sqlite://{}", file.display()))];
    let mut directory = DIRECTORY.to_owned();
    for n in 1..=contacts {
        let number = FIRST_NUMBER + n;
        let _ = writeln!(
            directory,
            r#"{{"kind":"contact","id":"c{n}","organizationId":"o1","firstName":"Ada","phoneNumber":"+{number}"}}"#
        );
    }
    fill(program, stores, &storage, &directory, log).await?;
    serve(program, stores, &storage, backends, address, log)
}

type Variable = (&'static str, String);

fn postgres_and_redis(database: &str, number: usize, backends: Backends) -> [Variable; 2] {
    [
        ("OUTDIAL_DATABASE_URL", format!("postgres://outdial@{}/{database}", backends.postgres)),
        ("OUTDIAL_REDIS_URL", format!("redis://{}/{number}", backends.redis)),
    ]
}

/// Creates the schema, and imports the directory unless it is empty.
async fn fill(
    program: &Path,
    stores: &Stores,
    storage: &[Variable],
    directory: &str,
    log: &Path,
) -> Result<()> {
    let file = stores.folder().join("directory.ndjson");
    std::fs::write(&file, directory)?;
    let mut migrate = outdial(program, stores, storage, log)?;
    migrate.arg("migrate");
    let mut import = outdial(program, stores, storage, log)?;
    import.arg("import").arg(file);
    let commands = if directory.is_empty() { vec![migrate] } else { vec![migrate, import] };
    for command in commands {
        run(command, log).await.with_context(|| std::fs::read_to_string(log).unwrap_or_default())?;
    }
    Ok(())
}

fn serve(
    program: &Path,
    stores: &Stores,
    storage: &[Variable],
    backends: Backends,
    address: SocketAddr,
    log: &Path,
) -> Result<Command> {
    let mut serve = outdial(program, stores, storage, log)?;
    serve.arg("serve").env("OUTDIAL_BIND", address.to_string());
    serve.env("OUTDIAL_ELEVENLABS_BASE_URL", format!("http://{}", backends.provider));
    Ok(serve)
}

/// `outdial` with its default settings, as far as that is possible.
fn outdial(program: &Path, stores: &Stores, storage: &[Variable], log: &Path) -> Result<Command> {
    ensure!(program.exists(), "{} does not exist: `make bench` builds it", program.display());
    let mut command = command(program, log)?;
    command.env_clear().current_dir(stores.folder()).envs(storage.iter().cloned());
    command.envs([
        ("OUTDIAL_JWT_SECRET", JWT_SECRET),
        ("OUTDIAL_VOICE_PROVIDER", "elevenlabs"),
        ("OUTDIAL_ELEVENLABS_API_KEY", "key"),
        ("OUTDIAL_RECORDINGS_URL", "none"),
        ("OUTDIAL_DRAIN_NOTICE_MS", "0"),
        // One organization has all calls, and 10,000 of them ring until all of them do.
        ("OUTDIAL_MAX_SHARE_OF_ONE_ORGANIZATION_PERCENT", "100"),
        ("OUTDIAL_MAX_IN_FLIGHT_DIALS", "20000"),
        ("OUTDIAL_RINGING_TIMEOUT_SECS", "600"),
        // A machine that is too slow for the load shows it in the latencies.
        ("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS", "60000"),
    ]);
    Ok(command)
}
