use domain::{Analysis, CollectedValue, CriterionResult, GoalResult};
use event_json::schema::names;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

/// What the provider concludes from the conversation, as far as the agent is set up for it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsCallAnalysis)]
pub(crate) struct CallAnalysis {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = goal_result, required = false)]
    call_successful: Option<&'static str>,
    /// The results of the criteria that the agent is evaluated by; absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    evaluation_criteria: Vec<EvaluationCriterion>,
    /// The data that was collected in the conversation; absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    collected_data: Vec<CollectedData>,
}

/// The result of one criterion.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsEvaluationCriterion)]
pub(crate) struct EvaluationCriterion {
    /// The provider's ID of the criterion.
    id: String,
    #[schema(schema_with = goal_result)]
    result: &'static str,
    /// Why, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    rationale: Option<String>,
}

/// One value that was collected.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsCollectedData)]
pub(crate) struct CollectedData {
    /// The provider's ID of the value.
    id: String,
    /// The value, with the type that the agent is set up for; null if nothing was collected.
    value: Value,
    /// Why, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    rationale: Option<String>,
}

impl CallAnalysis {
    /// `None` if the provider concluded nothing.
    pub(super) fn of(analysis: &Analysis) -> Option<Self> {
        let criterion = |criterion: &CriterionResult| EvaluationCriterion {
            id: criterion.id.as_str().to_owned(),
            result: criterion.result.as_str(),
            rationale: criterion.rationale.as_ref().map(|text| text.as_str().to_owned()),
        };
        let collected = |value: &CollectedValue| CollectedData {
            id: value.id.as_str().to_owned(),
            value: value
                .json
                .as_ref()
                .and_then(|json| serde_json::from_str(json.as_str()).ok())
                .unwrap_or_default(),
            rationale: value.rationale.as_ref().map(|text| text.as_str().to_owned()),
        };
        (*analysis != Analysis::default()).then(|| Self {
            call_successful: analysis.goal.map(GoalResult::as_str),
            evaluation_criteria: analysis.criteria.iter().map(criterion).collect(),
            collected_data: analysis.collected.iter().map(collected).collect(),
        })
    }
}

/// Whether a conversation reached its goal, or met a criterion.
pub(crate) fn goal_result() -> Object {
    let description =
        "Whether the conversation reached its goal or met the criterion. It says nothing of the connection.";
    names(GoalResult::ALL.map(GoalResult::as_str), description)
}
