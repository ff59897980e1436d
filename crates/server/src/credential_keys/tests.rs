use super::*;

const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW: &str = "8J+UkQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";

fn keys(text: &str) -> CredentialKeys {
    CredentialKeys::parse(text).expect("keys")
}

fn organization(id: &str) -> OrganizationId {
    OrganizationId::parse(id).expect("an id")
}

fn secret() -> VendorSecret {
    VendorSecret::parse("sk_the-secret").expect("a secret")
}

#[test]
fn a_sealed_secret_opens_in_its_own_place_only() {
    let keys = keys(OLD);
    let (ours, theirs) = (organization("o1"), organization("o2"));
    let sealed = keys.seal(&ours, SecretKind::VoiceApiKey, &secret()).expect("there is a key");
    assert_eq!(keys.open(&ours, SecretKind::VoiceApiKey, &sealed), Ok(secret()));
    assert_eq!(keys.open(&theirs, SecretKind::VoiceApiKey, &sealed), Err(NotOpened::Changed));
    for kind in SecretKind::ALL.into_iter().filter(|kind| *kind != SecretKind::VoiceApiKey) {
        assert_eq!(keys.open(&ours, kind, &sealed), Err(NotOpened::Changed), "{kind:?}");
    }
}

#[test]
fn a_sealed_secret_shows_nothing_and_is_another_text_each_time() {
    let keys = keys(OLD);
    let seal = || keys.seal(&organization("o1"), SecretKind::ToolSecret, &secret()).expect("there is a key");
    let (one, other) = (seal(), seal());
    assert_ne!(one, other, "two secrets have the same nonce");
    for sealed in [one, other] {
        let text = sealed.as_str();
        let bytes = STANDARD.decode(text.rsplit(':').next().expect("parts")).expect("base64");
        let found = bytes.windows(6).any(|window| window == b"secret");
        assert!(!found && !text.contains("secret"), "{text}");
    }
    assert!(!format!("{keys:?}").contains("0001"));
}

#[test]
fn every_changed_byte_is_noticed() {
    let keys = keys(OLD);
    let (organization, kind) = (organization("o1"), SecretKind::WebhookSecret);
    let sealed = keys.seal(&organization, kind, &secret()).expect("there is a key");
    let (head, text) = sealed.as_str().rsplit_once(':').expect("parts");
    let bytes = STANDARD.decode(text).expect("base64");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = SealedSecret::new(&format!("{head}:{}", STANDARD.encode(changed)));
        assert_eq!(keys.open(&organization, kind, &changed), Err(NotOpened::Changed), "byte {at}");
    }
    for cut in ["", "AAAA", "not base64!"] {
        let cut = SealedSecret::new(&format!("{head}:{cut}"));
        assert_eq!(keys.open(&organization, kind, &cut), Err(NotOpened::Changed));
    }
}

#[test]
fn the_first_key_seals_and_all_open() {
    let (old, both, new) = (keys(OLD), keys(&format!("{NEW}, {OLD}")), keys(NEW));
    let (organization, kind) = (organization("o1"), SecretKind::VoiceApiKey);
    let sealed = old.seal(&organization, kind, &secret()).expect("there is a key");
    assert!(old.is_current(&sealed) && !both.is_current(&sealed) && !new.is_current(&sealed));
    assert_eq!(both.open(&organization, kind, &sealed), Ok(secret()));
    assert_eq!(new.open(&organization, kind, &sealed), Err(NotOpened::KeyMissing));
    let resealed = both.seal(&organization, kind, &secret()).expect("there is a key");
    assert!(both.is_current(&resealed) && new.is_current(&resealed));
    assert_eq!(new.open(&organization, kind, &resealed), Ok(secret()));
    let none = CredentialKeys::default();
    assert_eq!(none.seal(&organization, kind, &secret()), Err(NoCredentialsKey));
    assert_eq!(none.open(&organization, kind, &sealed), Err(NotOpened::KeyMissing));
}

#[test]
fn a_key_has_32_bytes_in_hex_or_base64() {
    for text in ["", OLD, NEW, &OLD.to_uppercase(), &format!("{OLD},{NEW},")] {
        assert!(CredentialKeys::parse(text).is_some(), "{text}");
    }
    for text in
        [",", "short", &OLD[2..], &format!("{OLD}00"), &format!("{OLD},short"), &"g".repeat(64), "AAAA"]
    {
        assert!(CredentialKeys::parse(text).is_none(), "{text}");
    }
}
