//! Somebody calls, and the provider asks who it is.

use serde_json::json;

use crate::on_both_backings;
use crate::support::TOOL_SECRET;

const PATH: &str = "/api/webhook/elevenlabs/personalization";

on_both_backings! {
    async fn the_agent_learns_who_calls(world: World) {
        let gateway = world.start().await;
        let ask = async |body| gateway.client.post_with_bearer(PATH, TOOL_SECRET, &body).await;
        let known = json!({ "caller_name": "Ada Lovelace", "caller_number": "+14165550190", "org_name": "Analytical Engines" });

        let documented = json!({ "conversation_id": "conv_in_1", "caller_id": "+14165550190", "called_id": "+14165550100", "agent_id": "agent_1" });
        let answer = ask(documented).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, known.clone()));

        let vendors = json!({ "caller_id": "+14165550190", "called_number": "+14165550100", "agent_id": "agent_1", "call_sid": "in_1" });
        let answer = ask(vendors).await;
        let wrapped = json!({ "type": "conversation_initiation_client_data", "dynamic_variables": known });
        assert_eq!((answer.status.as_u16(), answer.body), (200, wrapped));

        // The same number is another's contact in another organization.
        let other = json!({ "conversation_id": "conv_in_2", "caller_id": "+14165550190", "called_id": "+14165550106" });
        assert_eq!(ask(other).await.body["org_name"], "Difference Engines");

        for stranger in [
            json!({ "conversation_id": "conv_in_3", "caller_id": "+14165550199", "called_id": "+14165550100" }),
            json!({ "conversation_id": "conv_in_4", "caller_id": "+14165550190", "called_id": "+14165550199" }),
            json!({ "conversation_id": "conv_in_5", "caller_id": "anonymous", "called_id": "+14165550100" }),
        ] {
            let answer = ask(stranger).await;
            assert_eq!((answer.status.as_u16(), answer.body), (200, json!({})));
        }
        gateway.client.post_with_bearer(PATH, "a-guess-at-the-secret", &json!({})).await.assert(401, "UNAUTHORIZED");
        assert_eq!(gateway.client.get_as_user("/api/calls/history").await.body["total"], 0, "nothing was booked");
        gateway.stop().await;
    }
}
