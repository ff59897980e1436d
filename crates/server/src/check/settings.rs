use adapter_http::AllowedOrigins;
use domain::AllowedCountries;

use super::Finding;
use crate::config::{Auth, Risk, Settings, SettingsError, Storage, Voice};

const SETTINGS: &str = "settings";

/// Why there are no settings, and so no other check.
pub(crate) fn unreadable(error: &anyhow::Error) -> Vec<Finding> {
    let Some(settings) = error.downcast_ref::<SettingsError>() else {
        let remedy = "correct the file, or the environment";
        return vec![Finding::failed(SETTINGS, format!("{error:#}"), remedy)];
    };
    let remedy = "correct it: `outdial settings` prints every setting with its values";
    let problems = settings.problems().iter();
    problems.map(|(name, problem)| Finding::failed(SETTINGS, problem, remedy).about(name)).collect()
}

/// Settings that are valid, and dangerous alone or together.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let guessable = settings.warnings.iter().filter(|warning| warning.risk == Risk::Guessable);
    let mut findings: Vec<_> = guessable
        .map(|it| Finding::failed(SETTINGS, it.risk.problem(), it.risk.remedy()).about(&it.subject))
        .collect();
    for (is_risky, name, problem, remedy) in risks(settings) {
        if is_risky {
            findings.push(Finding::warning(SETTINGS, problem, remedy).about(name));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(SETTINGS, "all are valid"));
    }
    findings
}

type Named = (bool, &'static str, &'static str, &'static str);

fn risks(settings: &Settings) -> [Named; 6] {
    let is_simulated = matches!(settings.voice, Voice::Simulator { .. });
    let is_elevenlabs = matches!(settings.voice, Voice::ElevenLabs { .. });
    let synchronization = &settings.synchronization;
    [
        (
            is_simulated && matches!(settings.storage, Storage::Services { .. }),
            "OUTDIAL_VOICE_PROVIDER",
            "the simulator rings no phone",
            "set it to the vendor that places the calls",
        ),
        (
            settings.deliveries.allow_private,
            "OUTDIAL_DELIVERY_ALLOW_PRIVATE",
            "every user can make this process send requests inside your network",
            "set it to false unless the receivers of call events are there",
        ),
        (
            matches!(settings.destinations.allowed, AllowedCountries::All),
            "OUTDIAL_ALLOWED_COUNTRIES",
            "every country may be called, also those of toll fraud",
            "list the countries that you call",
        ),
        (
            matches!(settings.process.cors_origins, AllowedOrigins::Any),
            "OUTDIAL_CORS_ORIGINS",
            "pages of every origin may call the API",
            "list the origins of your own pages",
        ),
        (
            matches!(&settings.auth, Auth::KeySet { rules, .. } if rules.audience.is_none()),
            "OUTDIAL_JWT_AUDIENCE",
            "tokens that the issuer signed for other services are accepted",
            "set it to the `aud` of this gateway's tokens",
        ),
        (
            synchronization.apply && (synchronization.every.is_zero() || !is_elevenlabs),
            "OUTDIAL_SYNC_APPLY",
            "it has no effect: the accounts are not compared on a schedule",
            "set OUTDIAL_SYNC_EVERY_SECS, with OUTDIAL_VOICE_PROVIDER=elevenlabs",
        ),
    ]
}
