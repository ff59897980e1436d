//! The requests for records and recordings, and unclear responses to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_elevenlabs::ElevenLabsRecords;
use domain::ports::{
    AudioError, FetchedRecording, PortUnavailable, ProviderLookup, ProviderRecordings, ProviderRecords,
};
use domain::{Audio, AudioFormat, CallId, CallStatus, CallUpdate, ConversationId, Timestamp, UpdateContent};
use serde_json::{Value, json};

#[path = "support/dialling.rs"]
#[expect(dead_code, reason = "these tests do not dial")]
mod dialling;

use dialling::{API_KEY, settings};
use testkit::peer::Peer;

const CALL_ID: &str = "665000000707070707070707";

/// Sends one response to each connection, and the last one to all further connections.
async fn responding(responses: Vec<String>) -> Peer {
    let next = Arc::new(AtomicUsize::new(0));
    let responses = Arc::new(responses);
    Peer::start(move |mut connection| {
        let response = responses[next.fetch_add(1, Ordering::Relaxed).min(responses.len() - 1)].clone();
        async move {
            connection.read_request().await;
            connection.write(response.as_bytes()).await;
        }
    })
    .await
}

fn response(status: u16, body: impl ToString) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status} S\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn record(id: &str, user_id: &str) -> Value {
    json!({ "conversation_id": id, "user_id": user_id, "status": "done", "metadata": { "call_duration_secs": 7 } })
}

fn not_recorded() -> String {
    response(
        404,
        r#"{"detail":{"code":"conversation_not_found","status":"conversation_history_not_found","message":"m"}}"#,
    )
}

fn listed(ids: &[(&str, &str)]) -> String {
    let items: Vec<Value> =
        ids.iter().map(|(id, status)| json!({ "conversation_id": id, "status": status })).collect();
    response(200, json!({ "conversations": items, "next_cursor": null, "has_more": false }))
}

async fn find(peer: &Peer, conversation: Option<&str>) -> Result<Option<CallUpdate>, PortUnavailable> {
    let records = ElevenLabsRecords::new(&settings(&peer.base_url()));
    let lookup = ProviderLookup {
        call_id: CallId::parse(CALL_ID).expect("an id"),
        conversation_id: conversation.map(|id| ConversationId::parse(id).expect("an id")),
        provider_agent_id: None,
        booked_at: Timestamp::from_unix_millis(1_739_537_297_000),
    };
    records.expect("valid settings").find(&lookup).await
}

fn request_lines(peer: &Peer) -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let first = |request: String| request.lines().next().expect("a line").to_owned();
    peer.received().into_iter().map(text).map(first).collect()
}

fn status(update: &CallUpdate) -> CallStatus {
    match &update.content {
        UpdateContent::Conversation(conversation) => conversation.status,
        other => panic!("{other:?} is not a conversation"),
    }
}

#[tokio::test]
async fn a_record_is_requested_by_its_id_and_nothing_else_is() {
    let peer = responding(vec![response(200, record("conv_1", CALL_ID))]).await;
    let update = find(&peer, Some("conv_1")).await.expect("a response").expect("a record");
    assert_eq!(status(&update), CallStatus::Completed);
    assert_eq!(request_lines(&peer), ["GET /v1/convai/conversations/conv_1 HTTP/1.1"]);
    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    assert!(sent.contains(&format!("xi-api-key: {API_KEY}\r\n")), "{sent}");

    let odd = "../agents?x=1#y/é";
    let peer = responding(vec![response(200, record(odd, CALL_ID))]).await;
    assert!(find(&peer, Some(odd)).await.expect("a response").is_some());
    assert_eq!(
        request_lines(&peer),
        ["GET /v1/convai/conversations/..%2Fagents%3Fx=1%23y%2F%C3%A9 HTTP/1.1"]
    );
}

/// Several organizations may use one account.
#[tokio::test]
async fn a_conversation_of_another_call_is_not_used() {
    let peer = responding(vec![response(200, record("conv_1", "another"))]).await;
    let error = find(&peer, Some("conv_1")).await.expect_err("the record has another call id");
    assert!(error.to_string().contains("another call id"), "{error}");
}

#[tokio::test]
async fn a_call_is_searched_by_our_id_from_before_it_was_booked() {
    let found = listed(&[("conv_1", "done")]);
    let peer = responding(vec![not_recorded(), found, response(200, record("conv_1", CALL_ID))]).await;
    let update = find(&peer, Some("conv_0")).await.expect("a response").expect("a record");
    assert_eq!(update.conversation_id, ConversationId::parse("conv_1").ok());
    assert_eq!(
        request_lines(&peer),
        [
            "GET /v1/convai/conversations/conv_0 HTTP/1.1".to_owned(),
            format!(
                "GET /v1/convai/conversations?user_id={CALL_ID}&call_start_after_unix=1739536397&page_size=30 HTTP/1.1"
            ),
            "GET /v1/convai/conversations/conv_1 HTTP/1.1".to_owned(),
        ]
    );
    let peer = responding(vec![listed(&[])]).await;
    assert_eq!(find(&peer, None).await, Ok(None));
}

#[tokio::test]
async fn a_request_is_sent_twice_at_most() {
    let peer = responding(vec![response(503, "{}"), response(200, record("conv_1", CALL_ID))]).await;
    assert!(find(&peer, Some("conv_1")).await.expect("a response").is_some());
    assert_eq!(peer.received().len(), 2);
    for (repeated, count) in [(response(503, "{}"), 2), (String::new(), 2), (response(429, "{}"), 1)] {
        let peer = responding(vec![repeated]).await;
        assert!(find(&peer, Some("conv_1")).await.is_err());
        assert_eq!(peer.received().len(), count);
    }
}

#[tokio::test]
async fn a_response_that_is_not_the_record_is_an_error() {
    for unclear in [
        response(404, r#"{"detail":"Not Found"}"#),
        response(404, "<html></html>"),
        response(200, "{}"),
        response(200, "[]"),
        response(200, record("conv_2", CALL_ID)),
        response(200, json!({ "conversation_id": "conv_1", "user_id": CALL_ID })),
        response(200, json!({ "conversation_id": "conv_1", "status": "done" })).replace("200", "203"),
        response(301, "{}").replace("content-type", "location: /\r\ncontent-type"),
        response(
            200,
            format!(
                "{{\"conversation_id\":\"conv_1\",\"status\":\"done\",\"x\":\"{}\"}}",
                "x".repeat(17 << 20)
            ),
        ),
    ] {
        let peer = responding(vec![unclear.clone()]).await;
        let error = find(&peer, Some("conv_1")).await.expect_err(&unclear[..80.min(unclear.len())]);
        assert_eq!(error.service(), "elevenlabs");
    }
}

#[tokio::test]
async fn a_list_that_does_not_have_our_call_is_an_error() {
    for responses in [
        // The conversation of another call: the list was not filtered.
        vec![listed(&[("conv_1", "done")]), response(200, record("conv_1", "another"))],
        vec![listed(&[("conv_1", "done")]), not_recorded()],
        // Two calls with our id, in either order, and a list that may have a second one.
        vec![listed(&[("conv_1", "done"), ("conv_2", "failed")]), response(200, record("conv_1", CALL_ID))],
        vec![listed(&[("conv_2", "failed"), ("conv_1", "done")]), response(200, record("conv_1", CALL_ID))],
        vec![
            listed(&[("conv_1", "done")]).replace("false", "true "),
            response(200, record("conv_1", CALL_ID)),
        ],
        vec![listed(&[]).replace("false", "true ")],
        // Items of another API.
        vec![response(200, json!({ "conversations": [{}], "has_more": false }))],
        vec![response(200, json!({ "conversations": [1], "has_more": false }))],
        vec![response(200, json!({ "conversations": null, "has_more": false }))],
        vec![not_recorded()],
    ] {
        let peer = responding(responses.clone()).await;
        assert!(find(&peer, None).await.is_err(), "{responses:?}");
    }
}

#[tokio::test]
async fn errors_and_debug_show_no_secret() {
    let quoted = response(403, r#"{"detail":{"code":"c","message":"+14165550100 sk_0123456789abcdef"}}"#);
    let peer = responding(vec![quoted]).await;
    let error = find(&peer, None).await.expect_err("a refusal");
    let records = ElevenLabsRecords::new(&settings("http://127.0.0.1:1")).expect("valid settings");
    let shown = format!("{error} {error:?} {records:?}");
    for secret in ["4165550100", API_KEY, CALL_ID] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

async fn fetch(peer: &Peer) -> Result<Option<Audio>, PortUnavailable> {
    let records = ElevenLabsRecords::new(&settings(&peer.base_url())).expect("valid settings");
    let fetched = records
        .fetch(&testkit::fixtures::call_id(), &ConversationId::parse("conv/1 ?").expect("an id"))
        .await?;
    let Some(FetchedRecording { format, audio }) = fetched else { return Ok(None) };
    match audio.read_to_end().await {
        Ok(bytes) => Ok(Some(Audio { format, bytes })),
        Err(AudioError::Unavailable(error)) => Err(error),
        Err(AudioError::TooLarge) => panic!("the adapter limits no size"),
    }
}

#[tokio::test]
async fn a_recording_is_fetched_by_its_conversation_and_recognized_by_its_bytes() {
    for (bytes, format) in [
        ("ID3 and frames", Some(AudioFormat::Mp3)),
        ("RIFF and samples", Some(AudioFormat::Wav)),
        ("<html>a proxy's page</html>", None),
    ] {
        let peer = responding(vec![response(200, bytes)]).await;
        match (fetch(&peer).await, format) {
            (Ok(Some(audio)), Some(format)) => {
                assert_eq!((audio.format, audio.bytes.as_slice()), (format, bytes.as_bytes()));
            }
            (Err(_), None) => {}
            (other, _) => panic!("{bytes}: {other:?}"),
        }
        let request = String::from_utf8(peer.received().concat()).expect("a request is text");
        assert!(
            request.starts_with("GET /v1/convai/conversations/conv%2F1%20%3F/audio HTTP/1.1"),
            "{request}"
        );
        assert!(request.to_lowercase().contains(&format!("xi-api-key: {}", API_KEY.to_lowercase())));
    }
    let frame = "HTTP/1.1 200 S\r\ncontent-length: 4\r\n\r\n".bytes().chain([0xff, 0xf3, 0x84, 0xc0]);
    let peer = Peer::answering(frame.collect::<Vec<u8>>()).await;
    assert!(matches!(fetch(&peer).await, Ok(Some(Audio { format: AudioFormat::Mp3, .. }))), "without a tag");
}

#[tokio::test]
async fn a_missing_recording_is_none_and_an_unclear_response_is_unavailable() {
    assert_eq!(fetch(&responding(vec![not_recorded()]).await).await, Ok(None));
    assert_eq!(fetch(&responding(vec![response(200, "")]).await).await, Ok(None));
    for unclear in
        [response(404, "<html></html>"), response(401, "{}"), response(500, "{}"), response(302, "")]
    {
        fetch(&responding(vec![unclear.clone()]).await).await.expect_err(&unclear);
    }
    let cut = "HTTP/1.1 200 S\r\ncontent-length: 900\r\n\r\nID3 and half a frame";
    fetch(&responding(vec![cut.to_owned()]).await).await.expect_err("half a recording");
    let endless = "HTTP/1.1 200 S\r\n\r\nID3 and a frame";
    let error = fetch(&responding(vec![endless.to_owned()]).await).await.expect_err("it may be cut");
    assert!(error.to_string().contains("where the recording ends"), "{error}");
}
