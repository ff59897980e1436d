use super::*;

#[test]
fn only_secrets_that_are_not_random_are_weak() {
    for weak in [
        "00000000000000000000000000000000",
        "secretsecretsecretsecretsecretse",
        "0123456789abcdef0123456789abcdef",
        "please-ChangeMe-please-before-use",
        "my very long password of this gw!",
        "aabbccddaabbccdeaabbccdaaabbccdd",
    ] {
        assert!(is_weak(weak), "{weak}");
    }
    for random in [
        "9f2c4be07d11a6538e4f0c2d7ab95163",
        "q83jd0zmPx1LwT7vRb5cN2yKfH4sGa9e",
        "4711082915360274",
        "wsec_8c1f0e6b",
    ] {
        assert!(!is_weak(random), "{random}");
    }
}
