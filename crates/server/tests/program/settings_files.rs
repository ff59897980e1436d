//! Files with settings: which names they may have, and how their values are read.

use server::{env_example, settings};

use crate::running::{PRODUCTION, file_with, load, outdial, outdial_in};

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
        let (succeeded, printed, stderr) = outdial_in(folder.path(), arguments, settings);
        assert!(succeeded, "{stderr}");
        printed.trim().to_owned()
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

/// The value of a setting is in a file if its name ends in `_FILE`.
#[test]
fn every_secret_can_be_in_a_file() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = |name: &str, text: &str| file_with(&folder, name, text);
    let with = |name: &str, own: Option<&str>, path: &str| {
        // With these, each secret is read.
        let mut others = vec![
            ("OUTDIAL_RECORDINGS_URL", "s3://recordings"),
            ("OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID", "id"),
            ("OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY", "secret"),
            ("OUTDIAL_SINCH_PROJECT_ID", "project-1"),
            ("OUTDIAL_SINCH_KEY_ID", "key-1"),
            ("OUTDIAL_SINCH_KEY_SECRET", "secret"),
            ("OUTDIAL_SINCH_TRUNK_ID", "trunk-1"),
            ("OUTDIAL_SINCH_SIP_USERNAME", "acme"),
            ("OUTDIAL_SINCH_SIP_PASSWORD", "secret"),
        ];
        others.extend(PRODUCTION);
        if name.contains("VAPI") {
            others.retain(|(other, _)| *other != "OUTDIAL_VOICE_PROVIDER");
            others.push(("OUTDIAL_VOICE_PROVIDER", "vapi"));
        }
        others.retain(|(other, _)| *other != name);
        others.extend(own.map(|value| (name, value)));
        let in_file = format!("{name}_FILE");
        others.push((&in_file, path));
        load(&others)
    };
    for setting in settings() {
        let name = setting.name;
        if !setting.is_secret {
            let error = with(name, None, &file("value", setting.default)).expect_err(name);
            assert!(error.contains(&format!("{name}_FILE is not a setting")), "{error}");
            continue;
        }
        let value = match name {
            "OUTDIAL_DATABASE_URL" | "OUTDIAL_HISTORY_DATABASE_URL" => {
                "postgres://outdial:hunter2@127.0.0.1/outdial"
            }
            "OUTDIAL_REDIS_URL" => "redis://:hunter2@127.0.0.1/0",
            "OUTDIAL_CREDENTIALS_KEY" => "hunter2hunter2hunter2hunter2hunter2hunter2w=",
            _ => "hunter2 and a secret that is long enough for HS256",
        };
        with(name, None, &file(name, &format!("{value}\r\n")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for (path, expected) in [
            (file("short", ""), "must have one line"),
            (file("long", &format!("{value}\n{value}\n")), "must have one line"),
            (folder.path().join("absent").to_str().expect("an ASCII path").to_owned(), "names no readable"),
        ] {
            let error = with(name, None, &path).expect_err(name);
            assert!(
                error.contains(&format!("{name} cannot be read: ")) && error.contains(expected),
                "{error}"
            );
            assert!(error.contains(&format!("{name}_FILE")) && !error.contains("hunter2"), "{error}");
        }
        let error = with(name, Some(value), &file(name, value)).expect_err(name);
        assert!(error.contains(&format!("{name} and {name}_FILE are set")), "{error}");
    }
}
