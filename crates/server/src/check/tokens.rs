use std::time::Duration;

use super::{Finding, within};
use crate::config::Auth;
use crate::wiring;

const TOKENS: &str = "tokens";

/// Whether there are keys that verify the tokens of clients.
pub(super) async fn check(auth: &Auth) -> Finding {
    match auth {
        Auth::Configured(_) => Finding::ok(TOKENS, "the keys can be used"),
        Auth::GeneratedSecret { path, .. } => match wiring::tokens::signer(auth) {
            Ok(_) => Finding::ok(TOKENS, "the secret that `outdial serve` generated can be used"),
            Err(error) if path.exists() => {
                let remedy = format!(
                    "let this user read {}, or remove it: tokens become invalid then",
                    path.display()
                );
                Finding::failed(TOKENS, format!("{error:#}"), remedy)
            }
            Err(_) => Finding::unneeded(TOKENS, "`outdial serve` generates a secret at its first start"),
        },
        Auth::KeySet { .. } => match within(wiring::tokens::authenticator(auth, Duration::ZERO)).await {
            Ok(_) => Finding::ok(TOKENS, "the key set has keys that can be used"),
            Err(error) => Finding::failed(
                TOKENS,
                error,
                "make OUTDIAL_JWT_JWKS lead to the key set of the issuer, which this host can read",
            ),
        },
    }
}
