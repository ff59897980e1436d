//! Lines about callees: opt-outs, consents and do-not-call lists.

use std::time::UNIX_EPOCH;

use domain::ports::{Clock as _, Identifiers};
use domain::{
    Consent, ConsentKind, ConsentRecord, ContactId, DestinationRules, DirectoryRecord, DoNotCallCopy,
    DoNotCallNumber, InvalidValue, ListName, LocalDate, PhoneNumber, RecordNote, Suppression,
    SuppressionSource, Timestamp,
};
use serde::Deserialize;

use super::file_records::Reasons;
use super::line::{both, id, non_empty, optional, organization_id, phone_number};
use crate::system::SystemClock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SuppressionLine {
    organization_id: String,
    phone_number: Option<String>,
    contact_id: Option<String>,
    reason: Option<String>,
    source: Option<String>,
    expires_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConsentLine {
    organization_id: String,
    phone_number: Option<String>,
    contact_id: Option<String>,
    // `kind` is that of the line.
    consent: String,
    given_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    method: Option<String>,
    evidence: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DoNotCallListLine {
    organization_id: String,
    name: String,
    dated: String,
    numbers: Vec<String>,
}

type Callee = (Option<PhoneNumber>, Option<ContactId>);

pub(super) fn suppression(
    line: &SuppressionLine,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
) -> Result<DirectoryRecord, Reasons> {
    let callee = callee(line.phone_number.as_deref(), line.contact_id.as_deref(), destinations);
    let source = optional(line.source.as_deref(), |text| value("source", text, SuppressionSource::parse));
    let words = both(note("reason", line.reason.as_deref()), source);
    let ends = time("expiresAt", line.expires_at.as_deref());
    let ((organization_id, (phone_number, contact_id)), ((reason, source), expires_at)) =
        both(both(organization_id(&line.organization_id), callee), both(words, ends))?;
    Ok(DirectoryRecord::Suppression(Suppression {
        number_is_erased: false,
        id: identifiers.suppression_id(),
        organization_id: Some(organization_id),
        phone_number,
        contact_id,
        reason,
        source: source.unwrap_or_else(SuppressionSource::import),
        conversation_id: None,
        created_at: SystemClock.now(),
        created_by: None,
        expires_at,
    }))
}

pub(super) fn consent(
    line: &ConsentLine,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
) -> Result<DirectoryRecord, Reasons> {
    let callee = callee(line.phone_number.as_deref(), line.contact_id.as_deref(), destinations);
    let kind = ConsentKind::ALL.into_iter().find(|kind| kind.as_str() == line.consent);
    let kind = kind.ok_or_else(|| vec!["consent must be express or written".to_owned()]);
    let given_at = time("givenAt", Some(&line.given_at));
    let given_at = given_at.and_then(|time| time.ok_or_else(|| vec!["givenAt is empty".to_owned()]));
    let ends =
        both(time("expiresAt", line.expires_at.as_deref()), time("revokedAt", line.revoked_at.as_deref()));
    let notes = both(note("method", line.method.as_deref()), note("evidence", line.evidence.as_deref()));
    let whose = both(organization_id(&line.organization_id), callee);
    let (
        ((organization_id, (phone_number, contact_id)), (kind, given_at)),
        ((expires_at, revoked_at), (method, evidence)),
    ) = both(both(whose, both(kind, given_at)), both(ends, notes))?;
    Ok(DirectoryRecord::Consent(ConsentRecord {
        id: identifiers.consent_id(),
        organization_id,
        phone_number,
        contact_id,
        consent: Consent { kind, given_at, expires_at, revoked_at },
        method,
        evidence,
        revoked_by: None,
        created_at: SystemClock.now(),
        created_by: None,
    }))
}

/// The numbers of a line. The copy itself is stored after all of its lines.
pub(super) fn do_not_call_numbers(
    line: &DoNotCallListLine,
    destinations: &DestinationRules,
) -> Result<Vec<DirectoryRecord>, Reasons> {
    let list =
        both(value("name", &line.name, ListName::parse), value("dated", &line.dated, LocalDate::parse));
    let mut numbers = Vec::new();
    let mut faults = Reasons::new();
    for (index, text) in (1..).zip(&line.numbers) {
        match destinations.read_stored(text) {
            Ok(number) => numbers.push(number),
            Err(error) => faults.push(format!("number {index}: {error}")),
        }
    }
    let read = if faults.is_empty() { Ok(numbers) } else { Err(faults) };
    let ((organization_id, (name, dated)), numbers) =
        both(both(organization_id(&line.organization_id), list), read)?;
    let copy = DoNotCallCopy { organization_id, name, dated };
    let number =
        |phone_number| DirectoryRecord::DoNotCallNumber(DoNotCallNumber { copy: copy.clone(), phone_number });
    Ok(numbers.into_iter().map(number).chain([DirectoryRecord::DoNotCallCopy(copy.clone())]).collect())
}

fn callee(
    number: Option<&str>,
    contact: Option<&str>,
    destinations: &DestinationRules,
) -> Result<Callee, Reasons> {
    if non_empty(number).is_none() && non_empty(contact).is_none() {
        return Err(vec!["phoneNumber or contactId is required".to_owned()]);
    }
    both(
        optional(number, |text| phone_number(text, destinations)),
        optional(contact, |text| id("contactId", text, ContactId::parse)),
    )
}

fn note(field: &str, text: Option<&str>) -> Result<Option<RecordNote>, Reasons> {
    optional(text, |text| value(field, text, RecordNote::parse))
}

fn time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Reasons> {
    optional(text, |text| {
        read_utc(text).ok_or_else(|| vec![format!("{field}: not a time in UTC, like 2026-03-02T09:00:00Z")])
    })
}

fn read_utc(text: &str) -> Option<Timestamp> {
    let since_epoch = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).ok()?))
}

fn value<T>(field: &str, text: &str, parse: fn(&str) -> Result<T, InvalidValue>) -> Result<T, Reasons> {
    id(field, text, parse)
}
