use actix_web::test::TestRequest;

use super::*;

#[test]
fn the_format_that_a_client_prefers_counts() {
    for (accept, format) in [
        ("text/csv", Some(RowFormat::Csv)),
        ("application/x-ndjson", Some(RowFormat::Ndjson)),
        ("text/csv; charset=utf-8", Some(RowFormat::Csv)),
        ("application/json;q=0.5, text/csv", Some(RowFormat::Csv)),
        ("text/csv;q=0.5, application/json", None),
        ("text/html, application/xhtml+xml, */*;q=0.8", None),
        ("*/*", None),
        ("image/png", None),
        ("not a media type", None),
    ] {
        let request = TestRequest::default().insert_header(("Accept", accept)).to_http_request();
        assert_eq!(RowFormat::preferred(&request), format, "{accept}");
    }
    assert_eq!(RowFormat::preferred(&TestRequest::default().to_http_request()), None);
}

#[test]
fn a_text_is_not_run_as_a_formula() {
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
        assert_eq!(no_formula(formula), format!("'{formula}"));
    }
    assert_eq!(no_formula("Ada = Lovelace"), "Ada = Lovelace");
}

#[test]
fn the_link_keeps_the_filters() {
    let link = link_to_next("/calls", "status=completed&offset=3&before=x&toNumber=%2B14165550110", "abc");
    assert_eq!(link, "</calls?status=completed&toNumber=%2B14165550110&before=abc>; rel=\"next\"");
}
