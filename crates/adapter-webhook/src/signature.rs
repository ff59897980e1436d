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
mod tests {
    use super::*;

    fn secret(base64: &str) -> WebhookSecret {
        let bytes = STANDARD.decode(base64).expect("base64");
        WebhookSecret::from_bytes(&bytes).expect("24 to 64 bytes")
    }

    /// The test vector of the specification's own libraries; they write the secret as
    /// `whsec_MfKQ…`.
    #[test]
    fn the_published_vector_is_signed_as_published() {
        let published = secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let sign = |secrets: &[WebhookSecret]| {
            of(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)
        };
        const PUBLISHED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(std::slice::from_ref(&published)), PUBLISHED);

        let other = WebhookSecret::mint([7; 32]);
        let both = sign(&[other, published]);
        let parts: Vec<_> = both.split(' ').collect();
        assert_eq!((parts.len(), parts[1]), (2, PUBLISHED));
        assert_ne!(parts[0], PUBLISHED);
    }
}
