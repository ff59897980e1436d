use async_trait::async_trait;

use super::{ConfigChange, VoiceConfig, VoiceConfigError};
use crate::ports::SigningSecret;
use crate::use_cases::webhook_registration::{KeepsWebhookSecret, WebhookRegistration, register_webhook};
use crate::{OrganizationId, SecretKind, UserId, VendorSecret};

/// Keeps the secret of a new webhook with the organization's other secrets.
struct Keeper<'a> {
    config: &'a VoiceConfig,
    organization_id: &'a OrganizationId,
    user_id: &'a UserId,
}

#[async_trait]
impl KeepsWebhookSecret for Keeper<'_> {
    type Error = VoiceConfigError;

    async fn prepare(&mut self) -> Result<(), VoiceConfigError> {
        Ok(())
    }

    async fn keep(&mut self, secret: &SigningSecret) -> Result<(), VoiceConfigError> {
        let secret = VendorSecret::parse(secret.expose());
        let secret = secret.map_err(|_| super::unavailable("the secret of the webhook is not usable"))?;
        let change = ConfigChange { webhook_secret: Some(Some(secret)), ..ConfigChange::default() };
        self.config.apply(self.organization_id, Some(self.user_id), &change).await?;
        self.config.reload().await;
        Ok(())
    }

    fn discard(&mut self) {}
}

impl VoiceConfig {
    /// Registers the webhook of the organization in the workspace of this key. Returns whether it sends
    /// events that the gateway can verify.
    pub(super) async fn register_webhook(
        &self,
        organization_id: &OrganizationId,
        user_id: &UserId,
        api_key: &VendorSecret,
    ) -> bool {
        let (Some(access), Some(url)) = (&self.ports.access, &self.settings.webhook_url) else {
            tracing::warn!(
                organization.id = %organization_id,
                "saved an API key without registering its webhook: OUTDIAL_PUBLIC_URL is not set"
            );
            return false;
        };
        let Ok(workspace) = access.workspace(api_key) else { return false };
        let url = url.replace("{organizationId}", &in_path(organization_id.as_str()));
        let mut keeper = Keeper { config: self, organization_id, user_id };
        match register_webhook(workspace.as_ref(), &url, &mut keeper).await {
            Ok(WebhookRegistration::Created) => true,
            Ok(WebhookRegistration::Existed) => {
                let stored = self.stored(organization_id).await;
                let has_secret =
                    stored.is_ok_and(|(stored, _)| stored.secrets.contains_key(&SecretKind::WebhookSecret));
                if !has_secret {
                    tracing::warn!(
                        organization.id = %organization_id,
                        "the webhook of an organization exists, and its secret is not stored: its events are refused; delete the webhook in the workspace and save the API key again"
                    );
                }
                has_secret
            }
            Err(error) => {
                tracing::warn!(
                    organization.id = %organization_id, %error,
                    "saved an API key, but could not register its webhook: the ends of calls are learned by polling"
                );
                false
            }
        }
    }
}

/// A text as one segment of a path.
fn in_path(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::in_path;

    #[test]
    fn an_id_is_one_segment_of_a_path() {
        assert_eq!(in_path("65f0c0ffee"), "65f0c0ffee");
        assert_eq!(in_path("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }
}
