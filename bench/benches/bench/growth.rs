//! Whether a call costs more with many contacts and many stored calls: one binary with two databases,
//! interleaved. Then what else reads the ledger, in both databases.

mod operations;

use anyhow::{Context as _, Result};

pub(crate) use self::operations::Operation;
use super::candidate::{Backends, Candidate, FIRST_NUMBER, Kind};
use super::options::Options;
use super::provider::Provider;
use super::scenario::{Results, SCENARIOS};
use super::stores::Stores;

/// Stored calls of the small database.
const FEW: u64 = 1000;

/// The most contacts that have numbers which may be called.
const CALLABLE: u64 = 2_000_000;

pub(crate) async fn run(
    options: &Options,
    number: usize,
    stores: &Stores,
    provider: &Provider,
    backends: Backends,
) -> Result<(Results, Vec<Operation>)> {
    let (_, program) = options.gateways.first().context("no gateway")?;
    let (few, many) = (options.contacts(), options.rows.max(options.contacts()));
    let mut candidates = Vec::new();
    for (index, contacts, calls) in [(0, few, FEW), (1, many, many)] {
        let name = format!("{contacts} contacts, {calls} stored calls");
        let kind = Kind::Gateway(name, program.clone());
        let dialled = contacts.min(CALLABLE);
        let candidate = Candidate::start(&kind, number + index, stores, backends, dialled).await?;
        super::say(&format!("storing {contacts} contacts and {calls} calls"));
        let before = std::time::Instant::now();
        stores.execute(&candidate.database(), &rows(few, contacts, calls)).await?;
        let (took, size) = (before.elapsed().as_secs(), stores.size_mib(&candidate.database()).await?);
        super::say(&format!("stored in {took} s; the database has {size} MiB"));
        // What was stored is not written to its files while calls are measured.
        stores.execute(&candidate.database(), "checkpoint").await?;
        candidates.push(candidate);
    }
    let closed = SCENARIOS.iter().find(|scenario| scenario.name == "closed").context("no such scenario")?;
    let mut results = closed.run(&candidates, stores, provider, options).await?;
    results.name = "growth";
    let [few, many] = &candidates[..] else { anyhow::bail!("growth has two candidates") };
    let operations = operations::measure(few, many, stores, options.mode).await?;
    Ok((results, operations))
}

/// Statements that add contacts and ended calls of a year, each with a transcript, the decision that allowed
/// it, its attempt and its events; and the reservations of the last hour, since older ones are removed. The
/// events of each tenth call were delivered.
fn rows(from: u64, contacts: u64, calls: u64) -> String {
    let new_number = number("n", from);
    let called_number = number(&format!("(1 + n % {contacts})"), from);
    format!(
        "set session_replication_role = replica;
         insert into contacts (id, organization_id, first_name, last_name, phone_number)
         select 'c' || n, 'o1', 'Ada', 'Lovelace', {new_number}
           from generate_series({from} + 1, {contacts}) n;
         insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state,
                            status_rank, conversation_id, booked_at, settled_at, conversation, decision)
         select to_char(n, 'FM000000000000000000000000'), 'o1', 'u1', 'c' || (1 + n % {contacts}), 'a1',
                '+14165550100', {called_number}, 'placed', 7, 'stored_' || n,
                now() - interval '1 year' * n / {calls}, now() - interval '1 year' * n / {calls},
                '{CONVERSATION}', '{DECISION}'
           from generate_series(1, {calls}) n;
         insert into call_attempts (organization_id, phone_number, subject, attempted_at, call_ids, remember_millis)
         select 'o1', to_number, 'stored', array_agg(booked_at order by booked_at),
                array_agg(id order by booked_at), 604800000
           from calls group by to_number;
         insert into dial_guards (key, token, call_id, blocked_until)
         select md5(id), id, id, settled_at from calls where settled_at > now() - interval '1 hour';
         insert into call_events (call_id, kind, status_rank, organization_id, happened_at, position)
         select id, kind, rank, 'o1', booked_at,
                row_number() over (order by booked_at, rank)
           from calls, (values ('call_initiated', 0), ('call_ended', 7)) as event (kind, rank);
         insert into webhook_deliveries (position, endpoint_id, state, attempts, queued_at, concluded_at)
         select position, 'stored', 'delivered', 1, happened_at, happened_at
           from call_events where kind = 'call_ended' and position % 10 = 0;
         update event_order set last_position = (select coalesce(max(position), 0) from call_events);
         vacuum (analyze)"
    )
}

/// As the gateway stores them; a real transcript is longer, and outside the table then.
const CONVERSATION: &str = r#"{"version":"1","status":"completed","duration_secs":42,"transcript":[{"at_secs":1,"speaker":"agent","text":"Good morning, this is the assistant of the practice."},{"at_secs":5,"speaker":"callee","text":"Good morning."}],"summary":"The callee confirmed the appointment.","cost_credits":120,"has_recording":false}"#;
const DECISION: &str = r#"{"rules":[],"reasons":[],"warnings":[]}"#;

/// The number of a contact. Those that are added have numbers of several areas: the exchanges 220 to 309
/// of each may be called.
fn number(n: &str, from: u64) -> String {
    format!(
        "case when {n} <= {from} then '+' || ({FIRST_NUMBER} + {n})
              else '+1' || (array[416, 647, 905, 437, 289, 365, 519, 613, 705, 807, 226, 819])[1 + {n} / 900000]
                   || (2200000 + {n} % 900000)
         end"
    )
}
