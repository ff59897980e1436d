use domain::{DynamicVariables, VariableValue};
use serde_json::{Map, Value};

/// The client's own variables, for the object of the gateway's own in the body of a dial. No name is
/// one of the gateway's: those are reserved.
#[must_use]
pub fn client_variables(variables: &DynamicVariables) -> Map<String, Value> {
    let json = |value: &VariableValue| match value {
        VariableValue::Text(text) => Value::from(&**text),
        VariableValue::Integer(number) => Value::from(*number),
        VariableValue::Decimal(number) => Value::from(*number),
        VariableValue::Boolean(value) => Value::from(*value),
    };
    variables.iter().map(|(name, value)| (name.to_owned(), json(value))).collect()
}
