//! Everything that is stored of a person, as rows of JSON.

use domain::ports::{Person, PersonalRecords, TableRecords};
use domain::{AudioFormat, CallId, RecordingKey};
use sql_common::{PersonScope, Table, event_row};
use sqlx::{Connection, PgConnection};

use super::{find_contacts, find_earlier_numbers};
use crate::statement::Failure;

/// The rows of a table as JSON: its name, the statement with the column `row`, and its arguments.
macro_rules! table {
    ($connection:expr, $tables:ident, $name:literal, $statement:tt, $($argument:expr),+ $(,)?) => {
        let rows = sqlx::query_scalar!(
            "select jsonb_strip_nulls(row)::text as \"row!\" from (" + $statement + ") as rows (row)",
            $($argument),+
        );
        $tables.push(TableRecords { table: $name, rows: rows.fetch_all(&mut *$connection).await? });
    };
}

pub(super) async fn export(
    connection: &mut PgConnection,
    person: &Person,
) -> Result<PersonalRecords, Failure> {
    // One snapshot for all tables.
    let mut transaction = connection.begin_with("begin isolation level repeatable read read only").await?;
    sqlx::query!("set local timezone = 'UTC'").execute(&mut *transaction).await?;
    let mut scope = PersonScope::new(person);
    find_contacts(&mut transaction, &mut scope).await?;
    find_earlier_numbers(&mut transaction, &mut scope).await?;
    let calls = find_calls(&mut transaction, &scope).await?;
    let mut tables = tables(&mut transaction, &scope, &calls.ids).await?;
    tables.retain(|table| !table.rows.is_empty());
    transaction.rollback().await?;
    let conversations = calls.conversations.into_iter().map(|id| Table("calls").read("conversation_id", id));
    let conversations = conversations.collect::<Result<_, _>>()?;
    Ok(PersonalRecords { tables, conversations, recordings: calls.recordings })
}

struct Calls {
    ids: Vec<String>,
    conversations: Vec<String>,
    recordings: Vec<RecordingKey>,
}

async fn find_calls(connection: &mut PgConnection, scope: &PersonScope) -> Result<Calls, Failure> {
    let found = sqlx::query!(
        "select id, conversation_id, recording_format
           from calls
          where organization_id = $1 and (to_number = any($2) or contact_id = any($3))
          order by booked_at, id",
        scope.organization_id,
        &scope.numbers,
        &scope.contacts
    );
    let mut calls = Calls { ids: Vec::new(), conversations: Vec::new(), recordings: Vec::new() };
    for call in found.fetch_all(connection).await? {
        if let Some(format) = call.recording_format {
            let id: CallId = Table("calls").read("id", &call.id)?;
            let format: AudioFormat = Table("calls").read("recording_format", format)?;
            calls.recordings.push(RecordingKey::of(&id, format));
        }
        calls.conversations.extend(call.conversation_id);
        calls.ids.push(call.id);
    }
    Ok(calls)
}

async fn tables(
    connection: &mut PgConnection,
    scope: &PersonScope,
    calls: &[String],
) -> Result<Vec<TableRecords>, Failure> {
    let (organization, numbers, contacts) = (&scope.organization_id, &scope.numbers, &scope.contacts);
    let mut tables = Vec::new();
    table!(
        connection,
        tables,
        "contacts",
        "select to_jsonb(it) from contacts as it where organization_id = $1 and id = any($2) order by id",
        *organization,
        contacts
    );
    table!(
        connection,
        tables,
        "calls",
        "select to_jsonb(it) from calls as it where id = any($1) order by booked_at, id",
        calls
    );
    table!(
        connection,
        tables,
        "call_events",
        "select to_jsonb(it) from call_events as it where call_id = any($1) order by written_order",
        calls
    );
    table!(
        connection,
        tables,
        "webhook_deliveries",
        "select to_jsonb(it) from webhook_deliveries as it
          where position in (select position from call_events where call_id = any($1))
          order by position, endpoint_id",
        calls
    );
    tables.push(provider_events(connection, scope, calls).await?);
    table!(
        connection,
        tables,
        "suppressions",
        "select to_jsonb(it) - 'number_hash' from suppressions as it
          where organization_id is not distinct from $1
            and (phone_number = any($2) or contact_id = any($3)
                 or number_hash in (
                     select sha256(outer_block || sha256(inner_block || convert_to(number, 'UTF8')))
                       from number_hash_key cross join unnest($2::text[]) as number))
          order by created_at, id",
        *organization,
        numbers,
        contacts
    );
    table!(
        connection,
        tables,
        "consents",
        "select to_jsonb(it) from consents as it
          where organization_id = $1 and (phone_number = any($2) or contact_id = any($3))
          order by created_at, id",
        *organization,
        numbers,
        contacts
    );
    table!(
        connection,
        tables,
        "call_attempts",
        "select to_jsonb(it) from call_attempts as it
          where organization_id = $1 and phone_number = any($2) order by phone_number, subject",
        *organization,
        numbers
    );
    Ok(tables)
}

async fn provider_events(
    connection: &mut PgConnection,
    scope: &PersonScope,
    calls: &[String],
) -> Result<TableRecords, Failure> {
    let events = sqlx::query!(
        r#"select (to_jsonb(it) - 'body')::text as "columns!", body
             from provider_events as it
            where call_id = any($3)
               or exists (select from unnest($2::text[]) as text where position(convert_to(text, 'UTF8') in body) > 0)
                  and ($1::text is null or exists (
                      select from agents
                       where organization_id = $1 and provider_agent_id is not null
                         and position(convert_to(provider_agent_id, 'UTF8') in body) > 0))
            order by received_at, key"#,
        scope.organization_id,
        &scope.search_texts(),
        calls
    );
    let events = events.fetch_all(connection).await?.into_iter();
    Ok(TableRecords {
        table: "provider_events",
        rows: events.map(|event| event_row(&event.columns, &event.body)).collect(),
    })
}
