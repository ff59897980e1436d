//! Ids in the provider's shapes.

/// Lowercase Crockford base 32, the alphabet of the provider's ids.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `prefix` and 28 random characters, as in `conv_0401m4hhqxqtfrjrvg0fjwy9ks03`.
pub(crate) fn fresh(prefix: &str) -> String {
    let mut random = [0_u8; 28];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    let mut id = String::with_capacity(prefix.len() + random.len());
    id.push_str(prefix);
    id.extend(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])));
    id
}
