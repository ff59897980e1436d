//! What is asked of the provider's records, and what is made of answers that are not clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_elevenlabs::ElevenLabsRecords;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecordings, ProviderRecords};
use domain::{Audio, AudioFormat, CallId, CallStatus, CallUpdate, ConversationId, Timestamp, UpdateContent};
use serde_json::{Value, json};

#[path = "support/dialling.rs"]
#[expect(dead_code, reason = "nothing is dialled here")]
mod dialling;

use dialling::{API_KEY, settings};
use testkit::peer::Peer;

const CALL_ID: &str = "665000000707070707070707";

/// Answers one connection after another, and the last of these for ever.
async fn answering(answers: Vec<String>) -> Peer {
    let next = Arc::new(AtomicUsize::new(0));
    let answers = Arc::new(answers);
    Peer::start(move |mut connection| {
        let answer = answers[next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)].clone();
        async move {
            connection.read_request().await;
            connection.write(answer.as_bytes()).await;
        }
    })
    .await
}

fn answer(status: u16, body: impl ToString) -> String {
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
    answer(
        404,
        r#"{"detail":{"code":"conversation_not_found","status":"conversation_history_not_found","message":"m"}}"#,
    )
}

fn listed(ids: &[(&str, &str)]) -> String {
    let items: Vec<Value> =
        ids.iter().map(|(id, status)| json!({ "conversation_id": id, "status": status })).collect();
    answer(200, json!({ "conversations": items, "next_cursor": null, "has_more": false }))
}

async fn find(peer: &Peer, conversation: Option<&str>) -> Result<Option<CallUpdate>, PortUnavailable> {
    let records = ElevenLabsRecords::new(&settings(&peer.base_url()));
    let lookup = ProviderLookup {
        call_id: CallId::parse(CALL_ID).expect("an id"),
        conversation_id: conversation.map(|id| ConversationId::parse(id).expect("an id")),
        provider_agent_id: None,
        booked_at: Timestamp::from_unix_millis(1_739_537_297_000),
    };
    records.expect("the settings are valid").find(&lookup).await
}

fn lines(peer: &Peer) -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let first = |request: String| request.lines().next().expect("a line").to_owned();
    peer.received().into_iter().map(text).map(first).collect()
}

fn status(update: &CallUpdate) -> CallStatus {
    match &update.content {
        UpdateContent::Conversation(conversation) => conversation.status,
        other => panic!("{other:?} is no conversation"),
    }
}

#[tokio::test]
async fn a_conversation_is_asked_for_by_its_id_and_nothing_else_is() {
    let peer = answering(vec![answer(200, record("conv_1", "another"))]).await;
    let update = find(&peer, Some("conv_1")).await.expect("an answer").expect("a record");
    assert_eq!(status(&update), CallStatus::Completed);
    assert_eq!(lines(&peer), ["GET /v1/convai/conversations/conv_1 HTTP/1.1"]);
    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    assert!(sent.contains(&format!("xi-api-key: {API_KEY}\r\n")), "{sent}");

    let odd = "../agents?x=1#y/é";
    let peer = answering(vec![answer(200, record(odd, "another"))]).await;
    assert!(find(&peer, Some(odd)).await.expect("an answer").is_some());
    assert_eq!(lines(&peer), ["GET /v1/convai/conversations/..%2Fagents%3Fx=1%23y%2F%C3%A9 HTTP/1.1"]);
}

#[tokio::test]
async fn a_call_is_looked_for_by_our_id_from_before_it_was_booked() {
    let found = listed(&[("conv_3", "failed"), ("conv_1", "done"), ("conv_2", "in-progress")]);
    let peer = answering(vec![not_recorded(), found, answer(200, record("conv_1", CALL_ID))]).await;
    let update = find(&peer, Some("conv_0")).await.expect("an answer").expect("a record");
    assert_eq!(update.conversation_id, ConversationId::parse("conv_1").ok());
    assert_eq!(
        lines(&peer),
        [
            "GET /v1/convai/conversations/conv_0 HTTP/1.1".to_owned(),
            format!(
                "GET /v1/convai/conversations?user_id={CALL_ID}&call_start_after_unix=1739536397&page_size=30 HTTP/1.1"
            ),
            "GET /v1/convai/conversations/conv_1 HTTP/1.1".to_owned(),
        ]
    );
    let peer = answering(vec![listed(&[])]).await;
    assert_eq!(find(&peer, None).await, Ok(None));
}

#[tokio::test]
async fn a_question_is_asked_twice_at_most() {
    let peer = answering(vec![answer(503, "{}"), answer(200, record("conv_1", CALL_ID))]).await;
    assert!(find(&peer, Some("conv_1")).await.expect("an answer").is_some());
    assert_eq!(peer.received().len(), 2);
    for (again, count) in [(answer(503, "{}"), 2), (String::new(), 2), (answer(429, "{}"), 1)] {
        let peer = answering(vec![again]).await;
        assert!(find(&peer, Some("conv_1")).await.is_err());
        assert_eq!(peer.received().len(), count);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_record_is_none() {
    for unclear in [
        answer(404, r#"{"detail":"Not Found"}"#),
        answer(404, "<html></html>"),
        answer(200, "{}"),
        answer(200, "[]"),
        answer(200, record("conv_2", CALL_ID)),
        answer(200, json!({ "conversation_id": "conv_1", "user_id": CALL_ID })),
        answer(200, json!({ "conversation_id": "conv_1", "status": "done" })).replace("200", "203"),
        answer(301, "{}").replace("content-type", "location: /\r\ncontent-type"),
        answer(
            200,
            format!(
                "{{\"conversation_id\":\"conv_1\",\"status\":\"done\",\"x\":\"{}\"}}",
                "x".repeat(17 << 20)
            ),
        ),
    ] {
        let peer = answering(vec![unclear.clone()]).await;
        let error = find(&peer, Some("conv_1")).await.expect_err(&unclear[..80.min(unclear.len())]);
        assert_eq!(error.service(), "elevenlabs");
    }
}

#[tokio::test]
async fn a_list_that_is_not_of_our_id_is_none() {
    for answers in [
        // Another's conversation: the list was not filtered.
        vec![listed(&[("conv_1", "done")]), answer(200, record("conv_1", "another"))],
        vec![listed(&[("conv_1", "done")]), not_recorded()],
        vec![answer(200, json!({ "conversations": [], "has_more": true }))],
        vec![answer(200, json!({ "conversations": null, "has_more": false }))],
        vec![not_recorded()],
    ] {
        let peer = answering(answers.clone()).await;
        assert!(find(&peer, None).await.is_err(), "{answers:?}");
    }
}

#[tokio::test]
async fn errors_and_debug_show_no_secret() {
    let quoted = answer(403, r#"{"detail":{"code":"c","message":"+14165550100 sk_0123456789abcdef"}}"#);
    let peer = answering(vec![quoted]).await;
    let error = find(&peer, None).await.expect_err("a refusal");
    let records = ElevenLabsRecords::new(&settings("http://127.0.0.1:1")).expect("the settings are valid");
    let shown = format!("{error} {error:?} {records:?}");
    for secret in ["4165550100", API_KEY, CALL_ID] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

async fn fetch(peer: &Peer) -> Result<Option<Audio>, PortUnavailable> {
    let records = ElevenLabsRecords::new(&settings(&peer.base_url())).expect("the settings are valid");
    records.fetch(&ConversationId::parse("conv/1 ?").expect("an id")).await
}

#[tokio::test]
async fn a_recording_is_fetched_by_its_conversation_and_known_by_its_bytes() {
    for (bytes, format) in [
        ("ID3 and frames", Some(AudioFormat::Mp3)),
        ("RIFF and samples", Some(AudioFormat::Wav)),
        ("<html>a proxy's page</html>", None),
    ] {
        let peer = answering(vec![answer(200, bytes)]).await;
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
async fn no_recording_is_nothing_and_an_unclear_answer_is_unavailable() {
    assert_eq!(fetch(&answering(vec![not_recorded()]).await).await, Ok(None));
    assert_eq!(fetch(&answering(vec![answer(200, "")]).await).await, Ok(None));
    for unclear in [answer(404, "<html></html>"), answer(401, "{}"), answer(500, "{}"), answer(302, "")] {
        fetch(&answering(vec![unclear.clone()]).await).await.expect_err(&unclear);
    }
    let cut = "HTTP/1.1 200 S\r\ncontent-length: 900\r\n\r\nID3 and half a frame";
    fetch(&answering(vec![cut.to_owned()]).await).await.expect_err("half a recording is none");
    let endless = format!("HTTP/1.1 200 S\r\n\r\nID3{}", "a".repeat((16 << 20) + 1));
    fetch(&answering(vec![endless]).await).await.expect_err("it is longer than what is kept");
}
