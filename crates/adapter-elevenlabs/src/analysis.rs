//! The provider's analysis of a conversation:
//! `{"call_successful", "transcript_summary", "evaluation_criteria_results", "data_collection_results"}`.
//! The two results are objects by id.

use domain::{Analysis, CollectedValue, CriterionResult, GoalResult, PrivateNote};
use serde_json::Value;

use crate::json::Object;
use crate::words;

/// What a record says about the analysis.
pub(crate) struct ReadAnalysis {
    pub(crate) summary: Option<PrivateNote>,
    pub(crate) analysis: Analysis,
    /// Whether a part of it was left out.
    pub(crate) is_cut: bool,
}

impl ReadAnalysis {
    /// Reads the analysis of a record. It is null until the conversation has been processed.
    pub(crate) fn of(record: &Object<'_>) -> Self {
        let analysis = record.object("analysis");
        let mut is_cut = false;
        let summary = note(analysis.text("transcript_summary"), &mut is_cut);
        let goal = analysis.text("call_successful").and_then(|word| words::goal(&word));
        let criteria = results(&analysis, "evaluation_criteria_results", &mut is_cut, criterion);
        let collected = results(&analysis, "data_collection_results", &mut is_cut, collected);
        Self { summary, analysis: Analysis { goal, criteria, collected }, is_cut }
    }
}

fn criterion(id: PrivateNote, result: &Object<'_>, is_cut: &mut bool) -> CriterionResult {
    let rationale = note(result.text("rationale"), is_cut);
    let word = result.text("result").unwrap_or_default();
    CriterionResult { id, result: words::goal(&word).unwrap_or(GoalResult::Unknown), rationale }
}

fn collected(id: PrivateNote, result: &Object<'_>, is_cut: &mut bool) -> CollectedValue {
    let rationale = note(result.text("rationale"), is_cut);
    let json = result.value("value").and_then(|json| {
        // What is nested deeper than a JSON reader accepts could not be shown.
        let is_readable = serde_json::from_str::<Value>(json).is_ok();
        let kept = PrivateNote::parse(json).ok().filter(|_| is_readable);
        *is_cut |= kept.is_none();
        kept
    });
    CollectedValue { id, json, rationale }
}

/// The results of an object by id, in the order of their ids.
fn results<T>(
    analysis: &Object<'_>,
    field: &str,
    is_cut: &mut bool,
    read: fn(PrivateNote, &Object<'_>, &mut bool) -> T,
) -> Vec<T> {
    let by_id = analysis.object(field);
    *is_cut |= !by_id.is_whole();
    let mut results = Vec::new();
    for (id, result) in by_id.entries() {
        match note(Some(id.to_owned()), is_cut).zip(result) {
            Some((id, result)) => results.push(read(id, &result, is_cut)),
            None => *is_cut = true,
        }
    }
    results
}

fn note(text: Option<String>, is_cut: &mut bool) -> Option<PrivateNote> {
    let (note, was_cut) = PrivateNote::shortened(&text?);
    *is_cut |= was_cut;
    note
}

#[cfg(test)]
mod tests;
