use super::*;

#[test]
fn webhooks_are_sent_only_to_the_loopback_interface() {
    let parse = |url: &str| {
        let settings = WebhookSettings { url: url.to_owned(), secret: "s".to_owned() };
        Target::parse(&settings).map(|target| (target.address.to_string(), target.path))
    };
    let expected = |address: &str, path: &str| Ok((address.to_owned(), path.to_owned()));
    assert_eq!(parse("http://127.0.0.1:80/a/b?c"), expected("127.0.0.1:80", "/a/b?c"));
    assert_eq!(parse("http://localhost:8080"), expected("127.0.0.1:8080", "/"));
    assert_eq!(parse("http://[::1]:80/"), expected("[::1]:80", "/"));
    for url in [
        "",
        "https://127.0.0.1:80/",
        "http://127.0.0.1/",
        "http://192.0.2.1:80/",
        "http://example.org:80/",
        "http://127.0.0.1:80/a b",
        "http://127.0.0.1:80/a\r\nb:c",
    ] {
        assert!(parse(url).is_err(), "{url:?}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let settings = WebhookSettings { url: "http://127.0.0.1:1/".to_owned(), secret: "wsec_1".to_owned() };
    assert!(!format!("{settings:?}").contains("wsec_1"));
}
