use super::means;

#[test]
fn postgres_shows_a_time_in_its_largest_whole_unit() {
    for (shown, value) in [
        ("read committed", "read committed"),
        ("500ms", "500ms"),
        ("3s", "3000ms"),
        ("1min", "60s"),
        ("90s", "90000ms"),
        ("1h", "3600000ms"),
        ("2d", "172800s"),
        ("0", "0"),
    ] {
        assert!(means(shown, value), "{shown} {value}");
    }
    for (shown, value) in [
        ("serializable", "read committed"),
        ("4s", "3000ms"),
        ("3min", "3s"),
        ("3000", "3s"),
        ("1h", "3601s"),
        ("0", "3000ms"),
        ("", "3000ms"),
    ] {
        assert!(!means(shown, value), "{shown} {value}");
    }
}
