//! A request as a receiver reads it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::WebhookSecret;

pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("text");
        let (line, headers) = head.split_once("\r\n").expect("headers");
        let headers = headers.lines().map(|line| line.split_once(": ").expect("a header"));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { line: line.to_owned(), headers, body: bytes[end + 4..].to_vec() }
    }

    /// The value of a header that the request has once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    /// Verifies the signature of Standard Webhooks with nothing but the secret and the request.
    pub(crate) fn is_signed(&self, secret: &WebhookSecret) -> bool {
        let signed = [
            self.header("webhook-id").as_bytes(),
            self.header("webhook-timestamp").as_bytes(),
            self.body.as_slice(),
        ]
        .join(b".".as_slice());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        self.header("webhook-signature").split(' ').any(|one| {
            let tag = one.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
        })
    }
}
