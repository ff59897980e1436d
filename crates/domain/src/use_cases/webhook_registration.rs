//! Registers the webhook for the events of calls in the voice provider's workspace.

use async_trait::async_trait;

use crate::ports::{Activation, CreatedWebhook, SigningSecret, VendorFailure, VoiceWorkspace};

/// Where the secret of a new webhook goes: the provider returns it once.
#[async_trait]
pub trait KeepsWebhookSecret: Send {
    /// Why it is not kept.
    type Error: Send;

    /// Makes sure that the secret can be kept, before the webhook is created.
    async fn prepare(&mut self) -> Result<(), Self::Error>;

    /// Keeps the secret.
    async fn keep(&mut self, secret: &SigningSecret) -> Result<(), Self::Error>;

    /// Undoes [`prepare`](Self::prepare): there is no secret.
    fn discard(&mut self);
}

/// What was done about the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookRegistration {
    /// It was created, and its secret is kept.
    Created,
    /// It existed.
    Existed,
}

/// Why the webhook does not receive events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterWebhookError<E> {
    /// The workspace could not be read, or did not create it.
    #[error("the webhook was not created: {0}")]
    Vendor(VendorFailure),
    /// Its secret was not kept.
    #[error("the secret of the webhook was not kept")]
    NotKept(E),
    /// The provider returned no secret.
    #[error("the webhook was created, but the provider returned no secret")]
    NoSecret,
    /// It exists, but was not made the one that receives events.
    #[error("the webhook exists, but does not receive events: {0}")]
    NotActivated(VendorFailure),
    /// Another webhook receives them, and was not replaced.
    #[error("another webhook of the workspace receives the events of calls, and was not replaced")]
    OtherIsActive,
}

/// Creates the webhook with this URL unless it exists, and makes it the one that receives events.
pub async fn register_webhook<K: KeepsWebhookSecret>(
    workspace: &dyn VoiceWorkspace,
    url: &str,
    keeper: &mut K,
) -> Result<WebhookRegistration, RegisterWebhookError<K::Error>> {
    use RegisterWebhookError as Error;
    let found = workspace.find_webhook(url).await.map_err(Error::Vendor)?;
    let (id, registration) = match found {
        Some(id) => (id, WebhookRegistration::Existed),
        None => {
            keeper.prepare().await.map_err(Error::NotKept)?;
            let created = workspace.create_webhook(url).await;
            if !matches!(created, Ok(CreatedWebhook { secret: Some(_), .. })) {
                keeper.discard();
            }
            let CreatedWebhook { id, secret } = created.map_err(Error::Vendor)?;
            let secret = secret.ok_or(Error::NoSecret)?;
            keeper.keep(&secret).await.map_err(Error::NotKept)?;
            (id, WebhookRegistration::Created)
        }
    };
    match workspace.activate_webhook(&id).await.map_err(Error::NotActivated)? {
        Activation::Active => Ok(registration),
        Activation::OtherIsActive => Err(Error::OtherIsActive),
    }
}
