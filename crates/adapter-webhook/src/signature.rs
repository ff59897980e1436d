//! The signature of a delivery: HMAC-SHA256 over `{id}.{seconds}.{body}`, as specified by
//! <https://www.standardwebhooks.com>.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::WebhookSecret;

/// Returns the value of `webhook-signature`: `v1,<base64>` for each secret, separated by spaces.
pub(crate) fn of(secrets: &[WebhookSecret], id: &str, unix_secs: i64, body: &[u8]) -> String {
    let signed_by = |secret: &WebhookSecret| {
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose()));
        signing.update(format!("{id}.{unix_secs}.").as_bytes());
        signing.update(body);
        format!("v1,{}", STANDARD.encode(signing.sign()))
    };
    secrets.iter().map(signed_by).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
