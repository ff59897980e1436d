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

/// A random UUID, as in `3f2b8c1e-9a4d-4f60-8b7e-2d5c1a0f9e83`.
pub(crate) fn uuid() -> String {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    // Version 4, in the variant of RFC 9562.
    let bits = u128::from_be_bytes(random) & !(0xf000_u128 << 64 | 0xc000_u128 << 48);
    let hex = format!("{:032x}", bits | 0x4000_u128 << 64 | 0x8000_u128 << 48);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
