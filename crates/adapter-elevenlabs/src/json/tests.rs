use super::*;

#[test]
fn a_field_that_is_missing_or_of_another_type_is_absent() {
    let json = br#"{"a":null,"b":[1,{"c":"x"},"y"],"d":"7","e":7.9,"f":{"g":"h"},"i":1e999,"j":"\ud800"}"#;
    let object = Object::parse(json).expect("an object");
    assert_eq!(
        (object.text("a"), object.text("b"), object.text("e"), object.text("j")),
        (None, None, None, None)
    );
    assert_eq!(object.integer("d"), Some(7));
    assert_eq!(object.integer("e"), Some(7));
    assert_eq!((object.integer("i"), object.integer("f"), object.integer("z")), (None, None, None));
    assert_eq!(object.object("f").text("g").as_deref(), Some("h"));
    assert!(object.object("b").is_empty());
    let items: Vec<_> = object.objects("b").map(|item| item.text("c")).collect();
    assert_eq!(items, [Some("x".to_owned())]);
    assert_eq!(object.objects("f").count(), 0);
    assert!(Object::parse(b"[]").is_none() && Object::parse(b"{\"a\":1").is_none());
}

#[test]
fn a_long_text_is_borrowed_unless_it_is_escaped() {
    let json = br#"{"plain":"a/b","escaped":"a\/b","number":7}"#;
    let object = Object::parse(json).expect("an object");
    assert!(matches!(object.long_text("plain"), Some(Cow::Borrowed("a/b"))));
    assert_eq!(object.long_text("escaped").as_deref(), Some("a/b"));
    assert_eq!(object.long_text("number"), None);
}

#[test]
fn any_number_of_fields_items_and_depths_is_read_within_bounds() {
    let fields: Vec<String> = (0..100_000).map(|index| format!("\"k{index}\":0")).collect();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let items = vec!["{}"; 2 * MAX_ITEMS].join(",");
    let json = format!("{{\"deep\":{deep},\"items\":[{items}],{}}}", fields.join(","));
    let object = Object::parse(json.as_bytes()).expect("an object");
    assert_eq!(object.fields.values.len(), MAX_FIELDS);
    assert_eq!((object.items("items").values.len(), object.items("items").is_cut), (MAX_ITEMS, true));
    assert_eq!(object.objects("deep").count(), 0);
}

/// The provider may add fields before those that we read.
#[test]
fn a_field_is_found_by_name_wherever_it_is() {
    let unknown: Vec<String> = (0..300).map(|index| format!("\"extra{index}\":0")).collect();
    let inner = format!("{{{},\"a\":\"inner\",\"b\":null,\"a\":\"last\"}}", unknown.join(","));
    let inner = Object::parse(inner.as_bytes()).expect("an object");
    assert_eq!(inner.text("a").as_deref(), Some("last"), "as for the fields in memory");
    let outer = Object::parse(br#"{"a":"outer","b":"outer"}"#).expect("an object");
    let inner = inner.or(outer);
    assert_eq!(inner.text("a").as_deref(), Some("last"));
    assert_eq!((inner.text("b").as_deref(), inner.text("c")), (Some("outer"), None));
}

#[test]
fn the_fields_of_an_inner_object_come_before_those_of_the_outer_one() {
    let outer = Object::parse(br#"{"a":"outer","b":"outer"}"#).expect("an object");
    let inner = Object::parse(br#"{"a":"inner","b":null}"#).expect("an object").or(outer);
    assert_eq!(inner.text("a").as_deref(), Some("inner"));
    assert_eq!(inner.text("b").as_deref(), Some("outer"));
}
