use serde_json::json;

use super::*;

fn read(analysis: Value) -> ReadAnalysis {
    let record = json!({ "analysis": analysis }).to_string();
    ReadAnalysis::of(&Object::parse(record.as_bytes()).expect("an object"))
}

fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("plain text")
}

#[test]
fn every_result_is_read() {
    let ReadAnalysis { summary, analysis, is_cut } = read(json!({
        "call_successful": "success",
        "transcript_summary": "They agreed.",
        "evaluation_criteria_results": {
            "polite": { "criteria_id": "polite", "result": "success", "rationale": "She was." },
            "brief": { "criteria_id": "brief", "result": "Failure" },
        },
        "data_collection_results": {
            "day": { "data_collection_id": "day", "value": "Monday", "json_schema": {}, "rationale": "said so" },
            "guests": { "value": 4 },
            "pets": { "value": null },
            "seats": { "value": [{ "row": 1 }, true] },
        },
    }));
    assert_eq!((summary, is_cut), (Some(note("They agreed.")), false));
    assert_eq!(analysis.goal, Some(GoalResult::Success));
    let criterion = |id, result, rationale: Option<&str>| CriterionResult {
        id: note(id),
        result,
        rationale: rationale.map(note),
    };
    assert_eq!(
        analysis.criteria,
        [
            criterion("brief", GoalResult::Failure, None),
            criterion("polite", GoalResult::Success, Some("She was."))
        ]
    );
    let value = |id, json: Option<&str>, rationale: Option<&str>| CollectedValue {
        id: note(id),
        json: json.map(note),
        rationale: rationale.map(note),
    };
    assert_eq!(
        analysis.collected,
        [
            value("day", Some("\"Monday\""), Some("said so")),
            value("guests", Some("4"), None),
            value("pets", None, None),
            value("seats", Some("[{\"row\":1},true]"), None),
        ]
    );
}

#[test]
fn what_is_missing_or_of_another_type_is_absent() {
    for analysis in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "evaluation_criteria_results": [], "call_successful": 7 }),
    ] {
        let read = read(analysis.clone());
        assert_eq!(
            (read.summary, read.analysis, read.is_cut),
            (None, Analysis::default(), false),
            "{analysis}"
        );
    }
    assert_eq!(read(json!({ "call_successful": "a new one" })).analysis.goal, Some(GoalResult::Unknown));
}

#[test]
fn what_exceeds_a_bound_is_left_out_and_marked() {
    let long = "x".repeat(PrivateNote::MAX_LEN + 1);
    let read_one = |result: Value| read(json!({ "data_collection_results": { "a": result } }));
    let rationale = read_one(json!({ "value": 1, "rationale": long }));
    assert!(rationale.is_cut && rationale.analysis.collected[0].rationale.is_some());
    let value = read_one(json!({ "value": long }));
    assert_eq!((value.is_cut, &value.analysis.collected[0].json), (true, &None));
    let no_result = read_one(json!("no result"));
    assert_eq!((no_result.is_cut, no_result.analysis.collected.len()), (true, 0));
    let many: serde_json::Map<String, Value> =
        (0..300).map(|index| (format!("c{index}"), json!({ "result": "success" }))).collect();
    let many = read(json!({ "evaluation_criteria_results": many }));
    assert_eq!((many.is_cut, many.analysis.criteria.len()), (true, 256));
    let summary = read(json!({ "transcript_summary": long }));
    assert!(summary.is_cut && summary.summary.is_some());
}
