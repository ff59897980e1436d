use adapter_postgres::{Inspection, PostgresSettings, PostgresStore, SchemaDifference};

use super::stores::{Checked, DATABASE, Opened, PRIMARY, SCHEMA, WRITABLE, of_schema};
use super::{Finding, clocks, servers, within};

const POSTGRES: &str = "postgres";
const DURABLE: &str = "database-durable";
const NOT_REACHED: &str = "start it, and let OUTDIAL_DATABASE_URL name it with a role that may log in";

pub(super) async fn check(settings: &PostgresSettings, history: Option<&PostgresSettings>) -> Checked {
    let (mut checked, inspection) = check_primary(settings).await;
    checked.findings.extend(servers::of_postgres(settings).await);
    checked.findings.push(servers::of_history(history, inspection.as_ref()).await);
    checked
}

async fn check_primary(settings: &PostgresSettings) -> (Checked, Option<Inspection>) {
    let inspection = match within(PostgresStore::inspect(settings)).await {
        Ok(inspection) => inspection,
        Err(error) => {
            let mut findings = vec![Finding::failed(DATABASE, error, NOT_REACHED)];
            let behind = [PRIMARY, DURABLE, SCHEMA, WRITABLE].map(|id| Finding::behind(id, DATABASE));
            findings.extend(behind);
            findings.push(Finding::behind(clocks::CLOCKS, DATABASE).about(POSTGRES));
            return (Checked { findings, database: Opened::None(DATABASE) }, None);
        }
    };
    let mut findings = vec![
        Finding::ok(DATABASE, "Postgres answers"),
        of_primary(&inspection),
        of_durability(&inspection),
        schema(&inspection),
    ];
    let (writable, database) = write(settings, &inspection).await;
    findings.push(writable);
    findings.push(clocks::of(POSTGRES, &inspection.clock));
    (Checked { findings, database }, Some(inspection))
}

fn of_primary(inspection: &Inspection) -> Finding {
    match inspection {
        Inspection { is_standby: true, .. } => Finding::failed(
            PRIMARY,
            "the server is a standby, so that calls are refused",
            "let OUTDIAL_DATABASE_URL lead to the primary",
        ),
        Inspection { is_read_only: true, .. } => Finding::failed(
            PRIMARY,
            "sessions are read-only, so that calls are refused",
            "set default_transaction_read_only to off, once its cause is gone",
        ),
        _ => Finding::ok(PRIMARY, "the server is the primary"),
    }
}

fn of_durability(inspection: &Inspection) -> Finding {
    if inspection.is_durable {
        return Finding::ok(DURABLE, "a commit waits for the disk");
    }
    Finding::failed(
        DURABLE,
        "a crash loses calls that were booked, and their callees may be called again",
        "set fsync and synchronous_commit to on",
    )
}

fn schema(inspection: &Inspection) -> Finding {
    match &inspection.schema {
        Ok(SchemaDifference { missing, unknown }) => of_schema(
            missing,
            unknown,
            |id, found| Finding::failed(id, found, "run `outdial migrate`"),
            |id, found| Finding::warning(id, found, "install the release that migrated it"),
        ),
        Err(error) => Finding::failed(
            SCHEMA,
            error.to_string(),
            "grant the role the tables, or restore them from a backup",
        ),
    }
}

/// Opens the store as the gateway does, and writes what is rolled back.
async fn write(settings: &PostgresSettings, inspection: &Inspection) -> (Finding, Opened) {
    if inspection.is_read_only || inspection.is_standby {
        return (Finding::behind(WRITABLE, PRIMARY), Opened::None(PRIMARY));
    }
    if !inspection.schema.as_ref().is_ok_and(|schema| schema.missing.is_empty()) {
        return (Finding::behind(WRITABLE, SCHEMA), Opened::None(SCHEMA));
    }
    let store = match within(PostgresStore::connect(settings)).await {
        Ok(store) => store,
        Err(error) => {
            return (Finding::failed(WRITABLE, error, NOT_REACHED), Opened::None(WRITABLE));
        }
    };
    let remedy = "grant the role all rights on the tables, and look at the log of the server";
    let finding = match within(store.probe_write()).await {
        Ok(()) => Finding::ok(WRITABLE, "a row was written and rolled back"),
        Err(error) => Finding::failed(WRITABLE, error, remedy),
    };
    (finding, Opened::Postgres(Box::new(store)))
}

#[cfg(test)]
mod tests {
    use domain::{ClockReading, Timestamp};

    use super::super::State;
    use super::*;

    #[test]
    fn a_standby_and_a_server_that_loses_commits_fail() {
        let time = Timestamp::from_unix_millis(0);
        let healthy = Inspection {
            is_standby: false,
            is_read_only: false,
            is_durable: true,
            clock: ClockReading { asked_at: time, theirs: time, answered_at: time },
            position: None,
            schema: Ok(SchemaDifference { missing: vec![], unknown: vec![] }),
        };
        assert_eq!((of_primary(&healthy).state, of_durability(&healthy).state), (State::Ok, State::Ok));
        let standby = Inspection { is_standby: true, is_read_only: true, ..healthy.clone() };
        let finding = of_primary(&standby);
        assert_eq!(finding.state, State::Failed);
        assert!(finding.found.contains("standby"), "{}", finding.found);
        let hasty = Inspection { is_durable: false, ..healthy };
        assert_eq!(of_durability(&hasty).state, State::Failed);
    }
}
