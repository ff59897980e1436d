//! Scripts, counts, and the listener itself.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::json;
use simulator::{Behaviour, MAGIC_NUMBERS, ScriptedBehaviour, Settings, Simulator};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::sandbox::{CALLEE, SIP_TRUNK, Sandbox, call_to, magic};

async fn statuses<const N: usize>(sandbox: &Sandbox, number: &str) -> [u16; N] {
    let mut statuses = [0; N];
    for status in &mut statuses {
        *status = sandbox.dial(number).await.status().as_u16();
    }
    statuses
}

#[tokio::test]
async fn scripts_over_http_come_before_magic_numbers_and_are_used_up_in_order() {
    let sandbox = Sandbox::start().await;
    let busy = magic("busy");
    for script in [
        json!({ "behaviour": { "kind": "http_error", "status": 503 } }),
        json!({ "to_number": busy, "times": 2, "behaviour": { "kind": "http_error", "status": 500 } }),
        json!({ "to_number": busy, "times": 1, "behaviour": { "kind": "foreign_html", "status": 502 } }),
        json!({ "to_number": busy, "times": 0, "behaviour": { "kind": "hang" } }),
    ] {
        assert_eq!(sandbox.post("/sim/behaviours", &script).await.status(), 204);
    }
    assert_eq!(statuses(&sandbox, busy).await, [500, 500, 502, 503]);
    assert_eq!(statuses(&sandbox, CALLEE).await, [503]);

    let unlimited = json!({ "to_number": busy, "behaviour": { "kind": "redirect", "status": 303 } });
    sandbox.post("/sim/behaviours", &unlimited).await;
    assert_eq!(statuses(&sandbox, busy).await, [303, 303]);

    sandbox.delete("/sim/behaviours").await;
    assert_eq!(sandbox.dial_json(busy).await["success"], false);
}

#[tokio::test]
async fn a_refused_request_uses_no_script_up() {
    let sandbox = Sandbox::start().await;
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::http_error(500)).times(1));
    assert_eq!(sandbox.post(SIP_TRUNK, &json!({ "to_number": CALLEE })).await.status(), 422);
    assert_eq!(statuses(&sandbox, CALLEE).await, [500, 200]);
}

#[tokio::test]
async fn every_kind_can_be_written_as_json() {
    let sandbox = Sandbox::start().await;
    for behaviour in [
        json!({ "kind": "answer", "after_ms": 1 }),
        json!({ "kind": "busy" }),
        json!({ "kind": "no_answer" }),
        json!({ "kind": "decline" }),
        json!({ "kind": "sip_timeout" }),
        json!({ "kind": "sip_failure", "code": 403 }),
        json!({ "kind": "success_without_ids" }),
        json!({ "kind": "ring", "for_ms": 1, "then": { "kind": "busy" } }),
        json!({ "kind": "hang" }),
        json!({ "kind": "drop_connection" }),
        json!({ "kind": "reset_connection" }),
        json!({ "kind": "http_error", "status": 429, "shape": "legacy", "retry_after_secs": 1 }),
        json!({ "kind": "concurrency_blocked" }),
        json!({ "kind": "foreign_html", "status": 200 }),
        json!({ "kind": "redirect", "status": 308 }),
        json!({ "kind": "raw_body", "content_type": "text/plain", "text": "" }),
        json!({ "kind": "oversize_body", "bytes": 1 }),
        json!({ "kind": "trickled_body", "interval_ms": 1 }),
        json!({ "kind": "truncated_body" }),
        json!({ "kind": "wrong_types" }),
        json!({ "kind": "nested_body", "depth": 1 }),
    ] {
        let script =
            json!({ "to_number": "+14165550198", "times": 1, "call": "answered", "behaviour": behaviour });
        assert_eq!(sandbox.post("/sim/behaviours", &script).await.status(), 204, "{behaviour}");
    }
}

#[tokio::test]
async fn invalid_scripts_are_refused() {
    let sandbox = Sandbox::start().await;
    for script in [
        json!({}),
        json!({ "behaviour": { "kind": "unknown" } }),
        json!({ "behaviour": { "kind": "answer", "after_ms": 1, "typo": 2 } }),
        json!({ "behavior": { "kind": "hang" } }),
        json!({ "behaviour": { "kind": "http_error", "status": 200 } }),
        json!({ "behaviour": { "kind": "redirect", "status": 200 } }),
        json!({ "behaviour": { "kind": "ring", "for_ms": 1, "then": { "kind": "refuse_connections" } } }),
    ] {
        assert_eq!(sandbox.post("/sim/behaviours", &script).await.status(), 400, "{script}");
    }
}

#[tokio::test]
async fn dials_are_counted_by_number() {
    let sandbox = Sandbox::start().await;
    for number in [CALLEE, CALLEE, magic("busy"), magic("forbidden")] {
        sandbox.dial(number).await;
    }
    let all = sandbox.get_json("/sim/dials").await;
    assert_eq!(all["total"], 3);
    assert_eq!(all["by_number"], json!({ CALLEE: 2, magic("busy"): 1 }));
    assert_eq!(all["dials"][2]["to_number"], magic("busy"));
    for (field, value) in [("user_id", "call-1"), ("agent_id", simulator::DEMO_AGENT_ID)] {
        assert_eq!(all["dials"][0][field], value);
    }
    assert_eq!(all["dials"][0]["dynamic_variables"]["org_name"], "Acme");
    assert!(all["dials"][1]["received_at_ms"].as_u64() >= all["dials"][0]["received_at_ms"].as_u64());

    for escaped in [format!("%2B{}", &CALLEE[1..]), CALLEE.to_owned()] {
        let filtered = sandbox.get_json(&format!("/sim/dials?to_number={escaped}")).await;
        assert_eq!((&filtered["total"], &filtered["by_number"]), (&json!(2), &json!({ CALLEE: 2 })));
        assert_eq!(filtered["dials"].as_array().map(Vec::len), Some(2));
    }

    sandbox.delete("/sim/dials").await;
    assert_eq!(sandbox.get_json("/sim/dials").await["total"], 0);
    assert_eq!(sandbox.simulator.dials_to(CALLEE), 0);
    assert_eq!(sandbox.conversations_of("call-1").await.len(), 3, "conversations stay");
}

#[tokio::test]
async fn requests_are_counted_by_path_and_control_requests_are_not() {
    let sandbox = Sandbox::start().await;
    sandbox.dial(magic("busy")).await;
    sandbox.dial(magic("forbidden")).await;
    sandbox.get("/v1/convai/conversations/a").await;
    sandbox.get("/v1/convai/conversations/b").await;
    sandbox.get("/elsewhere").await;
    let counts = sandbox.get_json("/sim/requests").await;
    assert_eq!(counts["total"], 5);
    assert_eq!(counts["by_path"], json!({ SIP_TRUNK: 2, "/v1/convai/conversations/{id}": 2, "other": 1 }));
    sandbox.delete("/sim/requests").await;
    assert_eq!(sandbox.get_json("/sim/requests").await["total"], 0);
}

#[tokio::test]
async fn the_magic_numbers_are_listed() {
    let sandbox = Sandbox::start().await;
    let listed = sandbox.get_json("/sim/magic-numbers").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(MAGIC_NUMBERS.len()));
    assert_eq!(listed[0]["behaviour"], json!({ "kind": "answer", "after_ms": 0 }));
}

#[tokio::test]
async fn connections_are_refused_and_accepted_again_on_the_same_port() {
    let sandbox = Sandbox::start().await;
    sandbox.dial(CALLEE).await;
    for _ in 0..3 {
        sandbox.simulator.refuse_connections(true).await;
        let refused = TcpStream::connect(sandbox.simulator.address()).await;
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::ConnectionRefused);
        let error = sandbox
            .try_post(SIP_TRUNK, &call_to(CALLEE))
            .await
            .expect_err("pooled connections are closed too");
        assert!(error.is_connect(), "{error}");
        sandbox.simulator.refuse_connections(false).await;
    }
    assert_eq!(sandbox.simulator.dials_to(CALLEE), 1);
    sandbox.dial(CALLEE).await;
    assert_eq!(sandbox.simulator.dials_to(CALLEE), 2);
}

#[tokio::test]
async fn a_call_that_rings_gets_its_response_though_connections_are_refused() {
    let sandbox = Sandbox::start().await;
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::Answer { after_ms: 400 }));
    let (response, ()) = tokio::join!(sandbox.dial(CALLEE), async {
        while sandbox.simulator.dials().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        sandbox.simulator.refuse_connections(true).await;
    });
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["connection"], "close");
}

#[tokio::test]
async fn a_refusal_over_http_ends_after_its_time() {
    let sandbox = Sandbox::start().await;
    let script = json!({ "behaviour": { "kind": "refuse_connections", "for_ms": 300 } });
    assert_eq!(sandbox.post("/sim/behaviours", &script).await.status(), 204);
    assert!(TcpStream::connect(sandbox.simulator.address()).await.is_err());
    while TcpStream::connect(sandbox.simulator.address()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(sandbox.dial(CALLEE).await.status(), 200);

    let for_ms = Some(60_000);
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::RefuseConnections { for_ms }));
    assert!(TcpStream::connect(sandbox.simulator.address()).await.is_err(), "it takes effect immediately");
}

#[tokio::test]
async fn the_next_connections_close_before_anything_is_read() {
    let sandbox = Sandbox::start().await;
    for (reset, times) in [(false, 1), (true, 2)] {
        let behaviour = Behaviour::CloseOnAccept { reset };
        sandbox.simulator.script(ScriptedBehaviour::new(behaviour).times(times));
        for _ in 0..times {
            // A reset can arrive before the client knows that it is connected.
            let ended = match TcpStream::connect(sandbox.simulator.address()).await {
                Ok(mut socket) => socket.read(&mut [0; 8]).await,
                Err(error) => Err(error),
            };
            match reset {
                false => assert_eq!(ended.expect("a FIN"), 0),
                true => assert_eq!(ended.expect_err("a reset").kind(), ErrorKind::ConnectionReset),
            }
        }
    }
    assert_eq!(sandbox.dial(CALLEE).await.status(), 200);
    assert_eq!(sandbox.simulator.requests().values().sum::<u64>(), 1);
}

#[tokio::test]
async fn stopping_and_dropping_free_the_port() {
    for stops in [true, false] {
        let simulator = Simulator::start(Settings::default()).await.expect("a free port");
        let address = simulator.address();
        let mut open = TcpStream::connect(address).await.expect("a connection");
        if stops {
            simulator.stop().await;
        } else {
            drop(simulator);
        }
        assert!(TcpStream::connect(address).await.is_err());
        assert!(matches!(open.read(&mut [0; 8]).await, Ok(0) | Err(_)), "open connections end");
        let same_port = Settings { bind: address, ..Settings::default() };
        let again = Simulator::start(same_port).await.expect("the port is free");
        assert_eq!(again.base_url(), format!("http://{address}"));
        let taken = Settings { bind: address, ..Settings::default() };
        assert!(Simulator::start(taken).await.is_err());
    }
}

#[tokio::test]
async fn settings_are_validated_and_debug_shows_no_key() {
    for time_scale in [f64::NAN, -1.0, 1e9] {
        assert!(Simulator::start(Settings { time_scale, ..Settings::default() }).await.is_err());
    }
    let settings = Settings { api_key: Some("secret".to_owned()), ..Settings::default() };
    assert!(!format!("{settings:?}").contains("secret"));
}
