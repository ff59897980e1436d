//! Random ids in the providers' formats.

/// Lowercase Crockford base 32, the alphabet of the provider's ids.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `prefix` and 28 random characters, as in `conv_0401m4hhqxqtfrjrvg0fjwy9ks03`.
pub(crate) fn prefixed(prefix: &str) -> String {
    let random = random_bytes::<28>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    prefix.chars().chain(random).collect()
}

/// A random UUID, as in `3f2b8c1e-9a4d-4f60-8b7e-2d5c1a0f9e83`.
pub(crate) fn uuid() -> String {
    // Version 4, in the variant of RFC 9562.
    let bits = u128::from_be_bytes(random_bytes()) & !(0xf000_u128 << 64 | 0xc000_u128 << 48);
    let hex = format!("{:032x}", bits | 0x4000_u128 << 64 | 0x8000_u128 << 48);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut random = [0; N];
    getrandom::fill(&mut random).expect("the operating system provides random bytes");
    random
}
