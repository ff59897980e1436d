use std::sync::{Arc, LazyLock};

use calling_rules::Rules;
use domain::ports::CallingRules;

/// To read them takes some milliseconds.
static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| Arc::new(Rules::new()));

/// The calling rules that are part of the program.
pub(crate) fn calling_rules() -> Arc<dyn CallingRules> {
    RULES.clone()
}
