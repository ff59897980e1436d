use super::*;

#[test]
fn a_base_url_that_is_not_the_root_of_an_api_is_refused() {
    let check = |base| check_base_url(&Url::parse(base).expect("a URL"));
    for base in ["https://host", "http://127.0.0.1:8080/", "http://[::1]/a", "https://host/voice/"] {
        assert!(check(base).is_ok(), "{base}");
    }
    for base in
        ["ftp://host/", "data:text", "https://u:p@host/", "https://u@host/", "https://h/?a=1", "https://h/#f"]
    {
        assert!(matches!(check(base), Err(InvalidSettings::BaseUrl)), "{base}");
    }
}

#[test]
fn a_key_that_no_header_can_carry_is_refused() {
    for key in ["", "sk_1\n", " sk_1", "sk 1", "schlüssel"] {
        let key = key.into();
        let basic = ApiKey::Basic { user: "key-1", secret: &key };
        for key in [ApiKey::Bearer(&key), ApiKey::Header("x-api-key", &key), basic] {
            assert!(matches!(key.header(), Err(InvalidSettings::Secret("API key"))), "{key:?}");
        }
    }
}

#[test]
fn a_key_has_its_header_and_is_never_shown() {
    let key = "sk_secret".into();
    for (key, name, value) in [
        (ApiKey::Bearer(&key), "authorization", "Bearer sk_secret"),
        (ApiKey::Header("x-api-key", &key), "x-api-key", "sk_secret"),
        (ApiKey::Basic { user: "key-1", secret: &key }, "authorization", "Basic a2V5LTE6c2tfc2VjcmV0"),
    ] {
        let header = key.header().expect("a valid key").expect("a header");
        assert_eq!((header.0.as_str(), header.1.to_str().ok()), (name, Some(value)));
        assert!(!format!("{key:?} {header:?}").contains("sk_secret"));
    }
}

#[test]
fn the_connect_timeout_has_bounds() {
    for (millis, accepted) in [(0, false), (1, true), (3000, true), (3001, false)] {
        let checked = check_connect_timeout(Duration::from_millis(millis));
        assert_eq!(checked.is_ok(), accepted, "{millis} ms");
    }
}
