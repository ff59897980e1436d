//! What the program warns of when it starts.

use crate::running::{PRODUCTION, file_with, load, outdial};

#[test]
fn risky_settings_are_named_and_harmless_ones_are_not() {
    let subjects = |settings: &[(&str, &str)]| {
        let overridden = |name: &str| settings.iter().any(|(other, _)| *other == name);
        let rest = PRODUCTION.iter().copied().filter(|(name, _)| !overridden(name));
        let settings =
            load(&rest.chain(settings.iter().copied()).collect::<Vec<_>>()).expect("valid settings");
        settings.warnings.into_iter().map(|warning| warning.subject).collect::<Vec<_>>()
    };
    let signed = ("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS", "wsec_8c1f0e6b52d94a7f");
    assert_eq!(subjects(&[]), [signed.0], "no secret for webhooks");
    assert!(subjects(&[signed]).is_empty());
    assert!(subjects(&[("OUTDIAL_ELEVENLABS_TOOL_SECRET", signed.1)]).is_empty());
    for (name, value, is_risky) in [
        ("OUTDIAL_ELEVENLABS_BASE_URL", "http://vendor.example", true),
        ("OUTDIAL_ELEVENLABS_BASE_URL", "http://10.0.0.7:2213", true),
        ("OUTDIAL_ELEVENLABS_BASE_URL", "http://127.0.0.1:2213", false),
        ("OUTDIAL_ELEVENLABS_BASE_URL", "http://localhost", false),
        ("OUTDIAL_ELEVENLABS_BASE_URL", "https://vendor.example", false),
        ("OUTDIAL_JWT_SECRET", "0123456789abcdef0123456789abcdef", true),
        ("OUTDIAL_JWT_SECRET", "9f2c4be07d11a6538e4f0c2d7ab95163,change-me-change-me-change-me-now", true),
        ("OUTDIAL_ELEVENLABS_TOOL_SECRET", "aaaaaaaaaaaaaaaa", true),
    ] {
        let expected = if is_risky { vec![name] } else { Vec::new() };
        assert_eq!(subjects(&[signed, (name, value)]), expected, "{name}={value}");
    }
    let bucket = [
        signed,
        ("OUTDIAL_RECORDINGS_URL", "s3://recordings"),
        ("OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID", "id"),
        ("OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY", "9f2c4be07d11a653"),
        ("OUTDIAL_RECORDINGS_S3_ENDPOINT", "http://bucket.example"),
    ];
    assert_eq!(subjects(&bucket), ["OUTDIAL_RECORDINGS_S3_ENDPOINT"]);
    let vapi = [
        ("OUTDIAL_VOICE_PROVIDER", "vapi"),
        ("OUTDIAL_VAPI_API_KEY", "key"),
        ("OUTDIAL_VAPI_BASE_URL", "http://vendor.example"),
    ];
    assert_eq!(subjects(&vapi), ["OUTDIAL_VAPI_BASE_URL"]);
    assert!(load(&[]).expect("the defaults are good").warnings.is_empty(), "the demo");
}

/// A gateway that cannot listen ends after its warnings.
#[cfg(unix)]
#[test]
fn files_with_secrets_that_every_user_can_read_are_named_at_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let secret = file_with(&folder, "secret", "9f2c4be07d11a6538e4f0c2d7ab95163\n");
    let public = file_with(&folder, "public.env", "OUTDIAL_LOG=info\n");
    let settings = file_with(&folder, "private.env", "OUTDIAL_ELEVENLABS_TOOL_SECRET=8c1f0e6b52d94a7f\n");
    let generated = folder.path().join("outdial.jwt-secret");
    std::fs::write(&generated, "0123456789abcdef".repeat(4)).expect("the folder is writable");
    let generated = generated.to_str().expect("an ASCII path").to_owned();
    let database = format!("sqlite://{}", folder.path().join("outdial.db").display());
    let bind = ("OUTDIAL_BIND", "192.0.2.1:2212");
    for (mode, is_risky) in [(0o644, true), (0o640, false), (0o600, false)] {
        for path in [&secret, &public, &settings, &generated] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
        }
        for (file, variables, subject) in [
            (&settings, vec![bind], &settings),
            (&public, vec![bind, ("OUTDIAL_JWT_SECRET_FILE", secret.as_str())], &secret),
            (&public, vec![bind, ("OUTDIAL_DATABASE_URL", database.as_str())], &generated),
        ] {
            let (_, _, stderr) = outdial(&["--config", file, "serve"], &variables);
            let lines = stderr.lines().filter(|line| line.contains("a setting is risky"));
            let named: Vec<_> = lines.filter(|line| line.contains(subject.as_str())).collect();
            assert_eq!(named.len(), usize::from(is_risky), "{mode:o} {subject}: {stderr}");
            assert!(!stderr.contains(&public) && !stderr.contains("9f2c4be0"), "{stderr}");
            assert!(stderr.contains("cannot listen"), "{stderr}");
        }
    }
}
