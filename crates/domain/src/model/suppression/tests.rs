use super::*;

#[test]
fn a_source_is_a_word_without_digits() {
    for word in ["api", "web-form", &"x".repeat(SuppressionSource::MAX_LEN)] {
        assert_eq!(SuppressionSource::parse(word).expect(word).as_str(), word);
    }
    for other in ["", "API", "web form", "14165550100", &"x".repeat(SuppressionSource::MAX_LEN + 1)] {
        SuppressionSource::parse(other).expect_err(other);
    }
    let own = [
        SuppressionSource::api(),
        SuppressionSource::import(),
        SuppressionSource::agent_tool(),
        SuppressionSource::post_call(),
    ];
    for source in own {
        assert_eq!(SuppressionSource::parse(source.as_str()), Ok(source));
    }
}
