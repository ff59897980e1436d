//! The token of the account.

use std::time::{Duration, Instant};

use domain::ports::VendorFailure;
use provider_client::{ApiKey, InvalidSettings, ProviderClient};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::config::SinchSettings;
use crate::wire;

/// A token is replaced this long before the carrier's time for it ends.
const MARGIN: Duration = Duration::from_mins(1);
/// How often a request that was refused for its rate is repeated.
const RETRIES: u32 = 3;
const TOKEN_WITHIN: Duration = Duration::from_secs(10);
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// Issues tokens, one request at a time, and keeps the last one.
#[derive(Debug)]
pub(crate) struct Tokens {
    client: ProviderClient,
    first_pause: Duration,
    current: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    text: SecretString,
    valid_until: Instant,
}

impl Tokens {
    pub(crate) fn new(settings: &SinchSettings) -> Result<Self, InvalidSettings> {
        let login = ApiKey::Basic { user: &settings.key_id, secret: &settings.key_secret };
        Ok(Self {
            client: ProviderClient::new(&settings.auth_url, login, settings.connect_timeout)?,
            first_pause: settings.first_pause,
            current: Mutex::default(),
        })
    }

    /// A token that should be valid. `refused` is one that the carrier did not accept: it is not
    /// returned again.
    pub(crate) async fn get(&self, refused: Option<&SecretString>) -> Result<SecretString, VendorFailure> {
        // Held during the request, so that others wait for its token.
        let mut current = self.current.lock().await;
        let is_refused = |text: &SecretString| {
            refused.is_some_and(|refused| refused.expose_secret() == text.expose_secret())
        };
        if let Some(token) = &*current
            && token.valid_until > Instant::now()
            && !is_refused(&token.text)
        {
            return Ok(token.text.clone());
        }
        let token = self.issue().await?;
        let text = token.text.clone();
        *current = Some(token);
        Ok(text)
    }

    async fn issue(&self) -> Result<Token, VendorFailure> {
        let mut pause = self.first_pause;
        for retry in 0.. {
            match self.request().await {
                Err(VendorFailure::RateLimited) if retry < RETRIES => tokio::time::sleep(pause).await,
                issued => return issued,
            }
            pause *= 4;
        }
        Err(VendorFailure::RateLimited)
    }

    async fn request(&self) -> Result<Token, VendorFailure> {
        let url = self.client.endpoint(["oauth2", "token"]);
        let asked_at = Instant::now();
        let form = "grant_type=client_credentials".to_owned();
        let response = self.client.post_form(&url, form, TOKEN_WITHIN, MAX_TOKEN_BYTES).await;
        let response = response.map_err(|failure| wire::unavailable(failure.to_string()))?;
        match response.status {
            200 => {
                let (text, valid_for) = wire::token(&response.body)
                    .ok_or_else(|| wire::unavailable("the response has no token"))?;
                Ok(Token { text, valid_until: asked_at + valid_for.saturating_sub(MARGIN) })
            }
            // OAuth 2.0 answers a wrong client with either.
            400 | 401 => Err(VendorFailure::KeyRefused),
            status => Err(wire::refusal(status)),
        }
    }
}
