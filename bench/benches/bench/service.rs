//! What the services have in common that the gateway is compared with: settings, tokens, ids.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

pub(crate) const JWT_SECRET: &str = "a secret of the benchmark that is long enough";

pub(crate) const CALLS: &str = "/api/calls/ai/outbound";

/// As the gateway's `OUTDIAL_DATABASE_MAX_CONNECTIONS`.
pub(crate) const DATABASE_CONNECTIONS: usize = 10;

/// How long a lock and a result are held, in milliseconds. Less than the floor takes to call every
/// contact once: it must not find the lock of its own earlier call.
pub(crate) const HOLD_MS: &str = "2000";

/// How long the context of a conversation is kept, in seconds.
pub(crate) const CONTEXT_SECS: &str = "86400";

/// Everything that a call needs of its user ($1) and its contact ($2).
pub(crate) const RESOLVE: &str = "
    select u.organization_id, o.name, c.first_name, c.phone_number, a.id, a.provider_agent_id,
           n.phone_number, n.provider_number_id
      from users u
      join organizations o on o.id = u.organization_id
      join contacts c on c.organization_id = u.organization_id and c.id = $2
      join lateral (select id, provider_agent_id from agents
                     where organization_id = u.organization_id and voice_enabled
                     order by seq limit 1) a on true
      join lateral (select phone_number, provider_number_id from caller_numbers
                     where organization_id = u.organization_id and user_id = u.id and ai_enabled and on_trunk
                     order by position, phone_number limit 1) n on true
     where u.id = $1";

/// Where a service listens, and what it uses. They are the arguments of its process.
#[derive(Debug, Clone)]
pub(crate) struct ServiceSettings {
    pub(crate) bind: SocketAddr,
    pub(crate) postgres: SocketAddr,
    pub(crate) database: String,
    pub(crate) redis: SocketAddr,
    pub(crate) redis_database: String,
    pub(crate) provider: SocketAddr,
}

impl ServiceSettings {
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut next = || arguments.next().context("a service has six arguments");
        Ok(Self {
            bind: next()?.parse()?,
            postgres: next()?.parse()?,
            database: next()?,
            redis: next()?.parse()?,
            redis_database: next()?,
            provider: next()?.parse()?,
        })
    }

    pub(crate) fn to_arguments(&self) -> [String; 6] {
        let text = |address: SocketAddr| address.to_string();
        [
            text(self.bind),
            text(self.postgres),
            self.database.clone(),
            text(self.redis),
            self.redis_database.clone(),
            text(self.provider),
        ]
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// A token of the user for a day.
pub(crate) fn token(user: &str) -> Result<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let claims = Claims { sub: user.to_owned(), exp: now + 86_400 };
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes()))?)
}

/// Checks tokens.
pub(crate) struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { key: DecodingKey::from_secret(JWT_SECRET.as_bytes()), validation: Validation::default() }
    }

    /// The user of the header `Authorization`.
    pub(crate) fn user(&self, authorization: Option<&str>) -> Option<String> {
        let token = authorization?.strip_prefix("Bearer ")?;
        Some(jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims.sub)
    }
}

/// A new id of a call.
pub(crate) fn new_id() -> String {
    format!("{:024x}", fastrand::u128(..) >> 32)
}
