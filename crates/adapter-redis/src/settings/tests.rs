use super::*;

#[test]
fn debug_hides_the_password() {
    let shown = format!("{:?}", RedisSettings::new("redis://:hunter2@127.0.0.1/0"));
    assert!(!shown.contains("hunter2") && shown.contains("outdial"), "{shown}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let good = RedisSettings::new("redis://127.0.0.1");
    assert_eq!(good.check(), Ok(()));
    for bad in [
        RedisSettings { key_prefix: String::new(), ..good.clone() },
        RedisSettings { key_prefix: "a{b}".to_owned(), ..good.clone() },
        RedisSettings { key_prefix: "x".repeat(65), ..good.clone() },
        RedisSettings { max_connections: 0, ..good.clone() },
        RedisSettings { max_connections: 65, ..good.clone() },
        RedisSettings { operation_timeout: Duration::ZERO, ..good.clone() },
        RedisSettings { operation_timeout: Duration::from_secs(2), ..good },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
