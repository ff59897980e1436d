//! Everything that is stored of a person, as rows of JSON.

use domain::ports::{PersonalRecords, PortUnavailable, TableRecords};
use domain::{AudioFormat, CallId, RecordingKey};
use serde_json::{Map, Value};
use sql_common::{PersonScope, Table, event_row};
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

use super::json;
use crate::failure::{unavailable, unreadable};
use crate::number_hash::NumberHash;
use crate::statement::rows;

pub(super) async fn export(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
    hashes: &[NumberHash],
) -> Result<PersonalRecords, PortUnavailable> {
    let found = sqlx::query!(
        "select id, conversation_id, recording_format
         from calls
         where organization_id = ?1
             and (to_number in (select value from json_each(?2)) or contact_id in (select value from json_each(?3)))
         order by booked_at, id",
        scope.organization_id,
        json(&scope.numbers),
        json(&scope.contacts)
    );
    let (mut ids, mut conversations, mut recordings) = (Vec::new(), Vec::new(), Vec::new());
    let calls = Table("calls");
    for call in rows(connection, found).await? {
        if let Some(format) = call.recording_format {
            let id: CallId = calls.read("id", &call.id).map_err(unreadable)?;
            let format: AudioFormat = calls.read("recording_format", format).map_err(unreadable)?;
            recordings.push(RecordingKey::of(&id, format));
        }
        if let Some(id) = call.conversation_id {
            conversations.push(calls.read("conversation_id", id).map_err(unreadable)?);
        }
        ids.push(call.id);
    }
    let mut tables = tables(connection, scope, &json(&ids), hashes).await?;
    tables.retain(|table| !table.rows.is_empty());
    Ok(PersonalRecords { tables, conversations, recordings })
}

/// The statements, each with the organization, the numbers, the contacts and the calls as its arguments.
const STATEMENTS: [(&str, &str); 7] = [
    (
        "contacts",
        "select * from contacts where organization_id = ?1 and id in (select value from json_each(?3)) order by id",
    ),
    ("calls", "select * from calls where id in (select value from json_each(?4)) order by booked_at, id"),
    (
        "call_events",
        "select * from call_events where call_id in (select value from json_each(?4)) order by written_order",
    ),
    (
        "webhook_deliveries",
        "select * from webhook_deliveries
         where position in (select position from call_events where call_id in (select value from json_each(?4)))
         order by position, endpoint_id",
    ),
    (
        "provider_events",
        "select * from provider_events
         where call_id in (select value from json_each(?4))
             or exists (select 1 from json_each(?5) where instr(body, cast(value as blob)) > 0)
                 and (?1 is null
                      or exists (select 1 from agents
                                 where organization_id = ?1 and provider_agent_id is not null
                                     and instr(body, cast(provider_agent_id as blob)) > 0))
         order by received_at, key",
    ),
    (
        "consents",
        "select * from consents
         where organization_id = ?1
             and (phone_number in (select value from json_each(?2)) or contact_id in (select value from json_each(?3)))
         order by created_at, id",
    ),
    (
        "call_attempts",
        "select * from call_attempts
         where organization_id = ?1 and phone_number in (select value from json_each(?2))
         order by phone_number, subject",
    ),
];

/// Its arguments are those of the others, and the hash of a number.
const SUPPRESSIONS: &str = "select * from suppressions
     where organization_id is ?1
         and (phone_number in (select value from json_each(?2)) or contact_id in (select value from json_each(?3))
              or number_hash = ?4)
     order by created_at, id";

async fn tables(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
    calls: &str,
    hashes: &[NumberHash],
) -> Result<Vec<TableRecords>, PortUnavailable> {
    let (organization, numbers, contacts) =
        (&scope.organization_id, json(&scope.numbers), json(&scope.contacts));
    let mut tables = Vec::new();
    for (table, statement) in STATEMENTS {
        let found = sqlx::query(statement)
            .bind(organization)
            .bind(&numbers)
            .bind(&contacts)
            .bind(calls)
            .bind(json(&scope.search_texts()));
        let found = found.fetch_all(&mut *connection).await.map_err(unavailable)?;
        tables.push(TableRecords { table, rows: shown(&found)? });
    }
    let mut suppressions = Vec::new();
    let hashes = hashes.iter().map(NumberHash::as_slice).map(Some);
    for hash in hashes.chain([None]) {
        let found = sqlx::query(SUPPRESSIONS).bind(organization).bind(&numbers).bind(&contacts).bind(hash);
        for row in shown(&found.fetch_all(&mut *connection).await.map_err(unavailable)?)? {
            if !suppressions.contains(&row) {
                suppressions.push(row);
            }
        }
    }
    tables.push(TableRecords { table: "suppressions", rows: suppressions });
    Ok(tables)
}

fn shown(found: &[SqliteRow]) -> Result<Vec<String>, PortUnavailable> {
    found.iter().map(|row| as_json(row).map_err(unavailable)).collect()
}

/// The columns that are not null, by name. A hash is left out: it says nothing to the person.
fn as_json(row: &SqliteRow) -> Result<String, sqlx::Error> {
    let (mut columns, mut body) = (Map::new(), None);
    for column in row.columns() {
        let (name, value) = (column.name(), row.try_get_raw(column.ordinal())?);
        if value.is_null() || name == "number_hash" {
            continue;
        }
        if name == "body" {
            body = Some(row.try_get::<Vec<u8>, _>(column.ordinal())?);
            continue;
        }
        let value = match value.type_info().name() {
            "INTEGER" => row.try_get::<i64, _>(column.ordinal())?.into(),
            _ => text(name, row.try_get(column.ordinal())?),
        };
        columns.insert(name.to_owned(), value);
    }
    let columns = Value::Object(columns).to_string();
    Ok(body.map_or(columns.clone(), |body| event_row(&columns, &body)))
}

/// The other database has these columns as JSON, and not as texts.
fn text(name: &str, text: String) -> Value {
    match name {
        "conversation" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        _ => Value::String(text),
    }
}
