//! `outdial erase`.

use std::fmt::Write as _;
use std::process::ExitCode;

use domain::ports::ErasedCounts;
use domain::{ErasureReport, OrganizationId};
use serde_json::{Value, json};

use super::person::{PersonOptions, erase_person};
use super::{print, run};
use crate::config::Settings;
use crate::telemetry;
use crate::wiring::Stores;

/// The exit status if something is left to erase.
const BLOCKED: u8 = 4;

/// What `outdial erase` does.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EraseOptions {
    #[command(flatten)]
    person: PersonOptions,
    /// Print what would be erased, and erase nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn erase(settings: Settings, options: &EraseOptions) -> anyhow::Result<ExitCode> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let erase = erase_person(&settings, &stores)?;
        let report = match options.person.persons(&erase).await {
            Ok(persons) => erase.execute(persons, options.dry_run).await,
            Err(error) => Err(error),
        };
        stores.close().await;
        let report = report?;
        print(&if options.json { as_json(&report) } else { as_text(&report, options.dry_run) })?;
        Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(BLOCKED) })
    })
}

fn figures(counts: ErasedCounts) -> [(&'static str, u64); 7] {
    let ErasedCounts { contacts, calls, recordings, provider_events, suppressions, consents, attempts } =
        counts;
    [
        ("contacts", contacts),
        ("calls", calls),
        ("recordings", recordings),
        ("providerEvents", provider_events),
        ("suppressions", suppressions),
        ("consents", consents),
        ("attempts", attempts),
    ]
}

fn as_text(report: &ErasureReport, is_rehearsal: bool) -> String {
    let figures: Vec<String> =
        figures(report.counts).iter().map(|(name, count)| format!("{name} {count}")).collect();
    let word = if is_rehearsal { "would erase" } else { "erased" };
    let mut text = format!("{word}: {}\n", figures.join(", "));
    for (organization_id, block) in &report.blocked {
        let place = organization_id.as_ref().map_or("no organization", OrganizationId::as_str);
        write!(text, "nothing is erased in {place}:").expect("writing to a string does not fail");
        for call_id in &block.calls {
            write!(text, " call {call_id} has not ended or is still reserved;")
                .expect("writing to a string does not fail");
        }
        if block.open_events > 0 {
            write!(text, " provider events that are not applied yet: {};", block.open_events)
                .expect("writing to a string does not fail");
        }
        text.push_str(" repeat the command later\n");
    }
    if report.recordings_left {
        text.push_str("recordings are left: set OUTDIAL_RECORDINGS_URL and repeat the command\n");
    }
    text
}

fn as_json(report: &ErasureReport) -> String {
    let blocked = report.blocked.iter().map(|(organization_id, block)| {
        json!({
            "organizationId": organization_id.as_ref().map(OrganizationId::as_str),
            "calls": block.calls.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
            "openProviderEvents": block.open_events,
        })
    });
    let erased: serde_json::Map<String, Value> =
        figures(report.counts).into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    let document = json!({
        "erased": erased,
        "blocked": blocked.collect::<Vec<_>>(),
        "recordingsLeft": report.recordings_left,
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use domain::CallId;
    use domain::ports::ErasureBlock;

    use super::*;

    #[test]
    fn a_report_names_what_blocks_an_erasure() {
        let block = ErasureBlock { calls: vec![CallId::mint(1, [1; 8])], open_events: 2 };
        let organization_id = OrganizationId::parse("64f0a1b2c3d4e5f6a7b8bb00").expect("an id");
        let report = ErasureReport {
            blocked: vec![(Some(organization_id), block.clone()), (None, block)],
            ..ErasureReport::default()
        };
        let text = as_text(&report, false);
        assert!(text.contains("nothing is erased in 64f0a1b2c3d4e5f6a7b8bb00: call 0"), "{text}");
        assert!(text.contains("nothing is erased in no organization"), "{text}");
        assert!(text.contains("provider events that are not applied yet: 2; repeat"), "{text}");
        let json: Value = serde_json::from_str(&as_json(&report)).expect("JSON");
        assert_eq!(json["blocked"][0]["openProviderEvents"], 2);
        assert_eq!(json["blocked"][1]["organizationId"], Value::Null);
    }
}
