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
