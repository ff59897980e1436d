use super::*;

fn settings() -> S3Settings {
    S3Settings {
        bucket: "calls.example".to_owned(),
        prefix: "recordings/calls".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: None,
        path_style: true,
        allow_http: false,
        access_key_id: "AKIA".to_owned(),
        secret_access_key: "s3cret".into(),
    }
}

#[test]
fn valid_settings_pass_and_do_not_show_their_secret() {
    assert_eq!(settings().checked_prefix().expect("valid settings").as_ref(), "recordings/calls");
    let bare = S3Settings { prefix: String::new(), ..settings() };
    assert_eq!(bare.checked_prefix().expect("valid settings"), Path::ROOT);
    assert!(!format!("{:?}", RecordingsSettings::S3(settings())).contains("s3cret"));
}

#[test]
fn invalid_settings_are_refused_by_name() {
    for bucket in ["", "ab", "Bucket", "a/b/c", "a?b", ".abc", "bücher"] {
        let refused = S3Settings { bucket: bucket.to_owned(), ..settings() }.checked_prefix();
        assert!(matches!(refused, Err(InvalidSettings::Bucket)), "{bucket}");
    }
    for prefix in ["a//b", "../b", "a/./b", "a\nb"] {
        let refused = S3Settings { prefix: prefix.to_owned(), ..settings() }.checked_prefix();
        assert!(matches!(refused, Err(InvalidSettings::Prefix)), "{prefix}");
    }
    for region in ["", "eu central", "eu/central"] {
        let refused = S3Settings { region: region.to_owned(), ..settings() }.checked_prefix();
        assert!(matches!(refused, Err(InvalidSettings::Region)), "{region}");
    }
    for key in ["", "a b", "key\n"] {
        let refused = S3Settings { access_key_id: key.to_owned(), ..settings() }.checked_prefix();
        assert!(matches!(refused, Err(InvalidSettings::Key)), "{key:?}");
        let refused = S3Settings { secret_access_key: key.into(), ..settings() }.checked_prefix();
        assert!(matches!(refused, Err(InvalidSettings::Key)), "{key:?}");
    }
}

#[test]
fn the_bucket_is_in_the_path_or_in_the_host_name() {
    let at = |url: &str, path_style, allow_http| {
        let endpoint = Some(Url::parse(url).expect("a URL"));
        S3Settings { endpoint, path_style, allow_http, ..settings() }.checked_endpoint()
    };
    for (path_style, expected) in
        [(true, "https://s3.example:9000"), (false, "https://calls.example.s3.example:9000")]
    {
        let endpoint = at("https://s3.example:9000", path_style, false).expect("valid settings");
        assert_eq!(endpoint.as_deref(), Some(expected));
    }
    assert_eq!(at("http://minio/", true, true).expect("valid settings").as_deref(), Some("http://minio"));
    assert!(matches!(at("http://minio/", true, false), Err(InvalidSettings::PlainHttp)));
    for url in
        ["ftp://host/", "data:text", "https://u:p@host/", "https://h/path", "https://h/?a=1", "https://h/#f"]
    {
        assert!(matches!(at(url, true, true), Err(InvalidSettings::Endpoint)), "{url}");
    }
}
