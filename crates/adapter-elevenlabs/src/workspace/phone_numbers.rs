//! The phone numbers of the workspace.

use domain::ports::{ImportNumber, NumberImport, VendorFailure, WorkspaceNumber};
use domain::{PhoneNumber, ProviderAgentId, ProviderNumberId};
use provider_client::Response;
use secrecy::ExposeSecret as _;
use serde::de::IgnoredAny;
use serde_json::json;
use url::Url;

use super::{CHANGE_WITHIN, ElevenLabsWorkspace, MAX_CHANGE_BYTES, PHONE_NUMBERS, succeeded};
use crate::config::TrunkLogin;
use crate::json::Object;
use crate::records::unavailable;
use crate::wire;

impl ElevenLabsWorkspace {
    fn number_url(&self, id: &ProviderNumberId) -> Url {
        self.client.endpoint(PHONE_NUMBERS.into_iter().chain([id.as_str()]))
    }

    pub(super) async fn import(&self, number: &ImportNumber) -> Result<NumberImport, VendorFailure> {
        // Over TCP: the requests of a call with several codecs are larger than a datagram.
        let mut trunk = json!({ "address": number.trunk_host, "transport": "tcp" });
        if let Some(TrunkLogin { username, password }) = &self.trunk_login {
            trunk["credentials"] = json!({ "username": username, "password": password.expose_secret() });
        }
        let body = json!({
            "provider": "sip_trunk",
            "phone_number": number.phone_number.as_e164(),
            "label": number.phone_number.as_e164(),
            "agent_id": number.agent.as_str(),
            "outbound_trunk_config": trunk,
        });
        let url = self.client.endpoint(PHONE_NUMBERS);
        let sent = self.client.post(&url, body.to_string(), CHANGE_WITHIN, MAX_CHANGE_BYTES).await;
        let response = sent.map_err(|failure| unavailable(failure.to_string()))?;
        if response.status == 409 && has_code(&response, "resource_already_exists") {
            return Ok(NumberImport::Taken);
        }
        let body = succeeded(response)?;
        let id = Object::parse(&body).and_then(|imported| imported.text("phone_number_id"));
        let id = id.and_then(|id| ProviderNumberId::parse(&id).ok());
        let id = id.ok_or_else(|| unavailable("the response is not an imported phone number"))?;
        Ok(NumberImport::Imported(id))
    }

    pub(super) async fn link(
        &self,
        id: &ProviderNumberId,
        agent: &ProviderAgentId,
    ) -> Result<(), VendorFailure> {
        let body = json!({ "agent_id": agent.as_str() }).to_string();
        let sent = self.client.patch(&self.number_url(id), body, CHANGE_WITHIN, MAX_CHANGE_BYTES).await;
        changed(sent.map_err(|failure| unavailable(failure.to_string()))?)
    }

    pub(super) async fn remove(&self, id: &ProviderNumberId) -> Result<(), VendorFailure> {
        let sent = self.client.delete(&self.number_url(id), CHANGE_WITHIN, MAX_CHANGE_BYTES).await;
        let response = sent.map_err(|failure| unavailable(failure.to_string()))?;
        let is_absent = response.status == 404 && has_code(&response, "phone_number_not_found");
        if is_absent { Ok(()) } else { changed(response) }
    }
}

/// The page of a proxy is no response of the provider.
fn changed(response: Response) -> Result<(), VendorFailure> {
    let body = succeeded(response)?;
    let is_json = body.is_empty() || serde_json::from_slice::<IgnoredAny>(&body).is_ok();
    if is_json { Ok(()) } else { Err(unavailable("the response is not that to a change").into()) }
}

fn has_code(response: &Response, expected: &str) -> bool {
    let code = wire::refusal_code(response.status, &response.body);
    code.is_some_and(|code| code.as_str() == expected)
}

/// Only a number with a trunk of its own for outbound calls can be dialled from.
pub(super) fn read_number(
    id: ProviderNumberId,
    phone_number: PhoneNumber,
    item: &Object<'_>,
) -> WorkspaceNumber {
    let trunk = item.object("outbound_trunk");
    let can_call_out =
        item.text("provider").as_deref() == Some("sip_trunk") && trunk.is_true("has_outbound_trunk");
    let trunk_host = trunk.text("address").map(|address| host_of(&address)).filter(|_| can_call_out);
    let agent = item.object("assigned_agent").text("agent_id");
    let agent = agent.and_then(|id| ProviderAgentId::parse(&id).ok());
    WorkspaceNumber { id, phone_number, can_call_out, trunk_host, agent }
}

/// The host of an address, which may have a port.
fn host_of(address: &str) -> String {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let host = match address.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.contains(':') => host,
        _ => address,
    };
    host.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_no_port_and_lower_case() {
        for (address, host) in [
            ("Acme.pstn.Sinch.com", "acme.pstn.sinch.com"),
            ("acme.pstn.sinch.com:5061", "acme.pstn.sinch.com"),
            ("203.0.113.7:5060", "203.0.113.7"),
            ("2001:db8::5060", "2001:db8::5060"),
        ] {
            assert_eq!(host_of(address), host);
        }
    }

    #[test]
    fn only_a_number_with_an_outbound_trunk_can_call_out() {
        let trunk = r#"{"address":"a.example.com:5061","has_outbound_trunk":true}"#;
        let off = r#"{"address":"a.example.com","has_outbound_trunk":false}"#;
        for (provider, trunk, expected) in [
            ("sip_trunk", trunk, Some("a.example.com")),
            ("sip_trunk", off, None),
            ("sip_trunk", "null", None),
            ("twilio", trunk, None),
        ] {
            let json = format!(r#"{{"provider":"{provider}","outbound_trunk":{trunk}}}"#);
            let item = Object::parse(json.as_bytes()).expect("an object");
            let id = ProviderNumberId::parse("phnum_1").expect("an id");
            let number = read_number(id, PhoneNumber::parse("+14165550100").expect("a number"), &item);
            assert_eq!(
                (number.can_call_out, number.trunk_host.as_deref()),
                (expected.is_some(), expected),
                "{json}"
            );
        }
    }
}
