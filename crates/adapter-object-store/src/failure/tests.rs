use super::*;

#[test]
fn an_error_says_what_kind_it_is_and_quotes_nothing() {
    let source = || Box::new(io::Error::new(io::ErrorKind::StorageFull, "at /srv/call_1.mp3"));
    let path = "calls/call_1.mp3".to_owned();
    for (error, reason) in [
        (Error::NotFound { path: path.clone(), source: source() }, "does not exist"),
        (Error::PermissionDenied { path: path.clone(), source: source() }, "does not permit"),
        (Error::Unauthenticated { path, source: source() }, "rejects the access key"),
        (Error::Generic { store: "S3", source: source() }, &io::ErrorKind::StorageFull.to_string()),
        (Error::Generic { store: "S3", source: "at call_1.mp3".into() }, "returned an error"),
    ] {
        let shown = unavailable("recordings", &error).to_string();
        assert!(shown.contains(reason), "{shown}");
        assert!(!shown.contains("call_1"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_takes_too_long_times_out() {
    let endless = std::future::pending::<Result<(), _>>();
    let result = within(Duration::from_secs(10), "recordings", endless).await;
    assert!(result.expect_err("the operation never ends").to_string().contains("timed out"));
}
