//! Files with settings: which names they may have, and how their values are read.

use std::process::Command;

use server::env_example;

/// Runs the program with only these settings: whether it succeeded, its standard output and its
/// standard error.
fn outdial(arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String, String) {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
    command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(folder.path());
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn file_with(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("the folder is writable");
    path.to_str().expect("an ASCII path").to_owned()
}

/// A gateway that ignores such a file starts the demo, with a secret of its own.
#[test]
fn a_name_that_is_no_setting_is_refused_in_a_settings_file() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for (name, text, expected) in [
        ("a.env", "BIND=127.0.0.1:1\nOUTDIAL_LOG=info\nJWT_SECRET=hunter2\n", "BIND, JWT_SECRET"),
        ("a.env", "outdial_bind=127.0.0.1:1\n", "outdial_bind"),
        ("a.env", "OUTDIAL_BNID=127.0.0.1:1\n", "OUTDIAL_BNID is not a setting"),
        ("a.toml", "[outdial]\nbind = \"hunter2\"\n", "outdial in "),
        ("a.toml", "bind = \"127.0.0.1:1\"\n", "do not start with OUTDIAL_: bind"),
    ] {
        let file = file_with(&folder, name, text);
        let (succeeded, _, stderr) = outdial(&["--config", &file, "migrate"], &[]);
        assert!(!succeeded && stderr.contains(expected) && !stderr.contains("hunter2"), "{text}: {stderr}");
    }
    // The example has every setting commented out.
    let file = file_with(&folder, "b.env", &format!("\u{feff}{}", env_example()));
    let (succeeded, _, stderr) = outdial(&["--config", &file, "migrate"], &[]);
    assert!(succeeded, "{stderr}");
}

/// The same secret from every place where settings are read.
#[test]
fn a_value_is_read_literally_from_every_place() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let secret = "0123456789abcdef0123456789abcdef$tail99";
    let import = concat!(
        r#"{"kind":"organization","id":"o1","name":"Org"}"#,
        "\n",
        r#"{"kind":"user","id":"u1","organizationId":"o1","fullName":"User"}"#,
        "\n"
    );
    file_with(&folder, "users.ndjson", import);
    let in_folder = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
        command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(folder.path());
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    in_folder(&["import", "users.ndjson"], &[]);
    let is_signed = |token: &str| {
        let key = jsonwebtoken::DecodingKey::from_secret(secret.as_bytes());
        let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).is_ok()
    };
    let token = ["token", "--user", "u1"];
    assert!(is_signed(&in_folder(&token, &[("OUTDIAL_JWT_SECRET", secret)])));
    for (name, text) in [
        ("a.toml", format!("OUTDIAL_JWT_SECRET = \"{secret}\"\n")),
        ("a.env", format!("OUTDIAL_JWT_SECRET={secret}\r\n")),
        ("b.env", format!("\u{feff}OUTDIAL_JWT_SECRET=\"{secret}\" # a comment\n")),
    ] {
        let file = file_with(&folder, name, &text);
        let arguments = [&["--config", file.as_str()], &token[..]].concat();
        assert!(is_signed(&in_folder(&arguments, &[])), "{name}");
    }
    // Variables of other programs are in such a file too.
    file_with(&folder, ".env", &format!("COMPOSE_PROJECT_NAME=x\nexport OUTDIAL_JWT_SECRET='{secret}'\n"));
    assert!(is_signed(&in_folder(&token, &[])));
}

#[test]
fn a_settings_file_is_read_in_either_form_and_the_environment_wins() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    // A file with this setting ends a start with this error.
    let expected = "OUTDIAL_JWT_LEEWAY_SECS must be a whole number of seconds from 0 to 10";
    for (name, text) in [
        ("outdial.env", "# a comment\nOUTDIAL_LOG='info'\nOUTDIAL_JWT_LEEWAY_SECS=30\n"),
        ("outdial.toml", "OUTDIAL_LOG = \"info\"\nOUTDIAL_JWT_LEEWAY_SECS = 30\n"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("the folder is writable");
        let arguments = ["--config", file.to_str().expect("an ASCII path"), "migrate"];
        let (succeeded, _, stderr) = outdial(&arguments, &[]);
        assert!(!succeeded && stderr.contains(expected), "{name}: {stderr}");
        let (succeeded, _, stderr) = outdial(&arguments, &[("OUTDIAL_JWT_LEEWAY_SECS", "3")]);
        assert!(succeeded, "{name}: {stderr}");
    }
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "OUTDIAL_LOG = \"info\"\nOUTDIAL_JWT_SECRET = \"hunter2\n").expect("writable");
    let (succeeded, _, stderr) =
        outdial(&["--config", broken.to_str().expect("an ASCII path"), "migrate"], &[]);
    assert!(!succeeded && stderr.contains("line 2") && !stderr.contains("hunter2"), "{stderr}");
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
