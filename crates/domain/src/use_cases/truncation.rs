use crate::{CallId, UpdateContent};

/// Logs that a part of a record was left out. Only its end is logged: the records before it are read
/// repeatedly.
pub(super) fn warn_of_truncation(call_id: &CallId, content: &UpdateContent) {
    if content.is_truncated_end() {
        tracing::warn!(call.id = %call_id, "a part of the record of a conversation exceeds the bounds or has no known speaker; it is left out, and the call is marked as truncated");
    }
}
