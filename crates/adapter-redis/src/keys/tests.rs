use super::*;

fn context_key(id: &str) -> String {
    context("outdial", &ConversationId::parse(id).expect("an id"))
}

#[test]
fn a_usual_id_stays_readable() {
    assert_eq!(context_key("conv_01jz-A.9:x"), "outdial:{conv_01jz-A.9:x}:context");
}

#[test]
fn braces_and_what_else_an_id_may_hold_stay_inside_the_tag() {
    assert_eq!(context_key("}x{"), "outdial:{%7Dx%7B}:context");
    assert_eq!(context_key("a}:lock"), "outdial:{a%7D:lock}:context");
    assert_eq!(context_key("é %"), "outdial:{%C3%A9%20%25}:context");
}

#[test]
fn no_two_ids_give_one_key() {
    let ids = ["a", "A", "a}", "a{", "a%7D", "a%257D", "a ", " a", "a:", "{a}", "%", "%25"];
    let keys: std::collections::BTreeSet<String> = ids.iter().map(|id| context_key(id)).collect();
    assert_eq!(keys.len(), ids.len());
}
