use domain::{DynamicVariables, VariableValue};
use serde_json::{Map, Value};

use crate::{Table, Unreadable};

/// The column `calls.variables`: a JSON object, or null for no variables.
pub fn write_variables(variables: &DynamicVariables) -> Option<String> {
    let json = |value: &VariableValue| match value {
        VariableValue::Text(text) => Value::from(&**text),
        VariableValue::Integer(number) => Value::from(*number),
        VariableValue::Decimal(number) => Value::from(*number),
        VariableValue::Boolean(value) => Value::from(*value),
    };
    let object: Map<String, Value> =
        variables.iter().map(|(name, value)| (name.to_owned(), json(value))).collect();
    (!object.is_empty()).then(|| Value::from(object).to_string())
}

/// Reads what [`write_variables`] returned.
pub fn read_variables(stored: Option<String>) -> Result<DynamicVariables, Unreadable> {
    let unreadable = || Table("calls").unreadable("variables");
    let object: Map<String, Value> = match stored {
        Some(json) => serde_json::from_str(&json).map_err(|_| unreadable())?,
        None => Map::new(),
    };
    let value = |json: Value| match json {
        Value::String(text) => Some(VariableValue::Text(text.into())),
        Value::Bool(value) => Some(VariableValue::Boolean(value)),
        Value::Number(number) => {
            let decimal = || number.as_f64().map(VariableValue::Decimal);
            number.as_i64().map(VariableValue::Integer).or_else(decimal)
        }
        _ => None,
    };
    let variables: Option<Vec<_>> =
        object.into_iter().map(|(name, json)| Some((name, value(json)?))).collect();
    variables.map(DynamicVariables::stored).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use domain::CallMetadata;

    use super::*;

    #[test]
    fn what_is_no_json_is_unreadable_and_not_quoted() {
        for stored in ["private", "[1]", r#"{"private":null}"#, r#"{"private":[1]}"#] {
            let error = read_variables(Some(stored.to_owned())).expect_err(stored).to_string();
            assert_eq!(error, "calls.variables holds a value that cannot be read");
        }
        let error = Table("calls").read::<CallMetadata>("metadata", "private").expect_err("no JSON");
        assert_eq!(error.to_string(), "calls.metadata holds a value that cannot be read");
    }

    #[test]
    fn variables_of_a_later_release_are_read() {
        let stored = r#"{"a name":1,"system__later":"x"}"#;
        let variables = read_variables(Some(stored.to_owned())).expect("variables");
        assert_eq!(write_variables(&variables).as_deref(), Some(stored));
        assert_eq!(write_variables(&DynamicVariables::default()), None);
    }
}
