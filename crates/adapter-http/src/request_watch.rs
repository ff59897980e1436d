use crate::failure::ErrorCode;

/// Sees how HTTP requests end, for metrics.
///
/// It is called on the way to the response: an implementation does no I/O and waits for nothing.
pub trait RequestWatch: Send + Sync {
    /// A request has ended. `route` is the pattern of its path, or `none`; `result` is `ok`, the code of
    /// its error, `error` for one without a code, or `disconnected` if the client did not wait for it.
    fn ended(&self, route: &str, result: &'static str);
}

/// What is not the code of an error.
pub(crate) const OK: &str = "ok";
pub(crate) const WITHOUT_CODE: &str = "error";
pub(crate) const DISCONNECTED: &str = "disconnected";

/// The result of a response.
pub(crate) fn result_of(is_error: bool, code: Option<ErrorCode>) -> &'static str {
    match (is_error, code) {
        (false, _) => OK,
        (true, Some(code)) => code.as_str(),
        (true, None) => WITHOUT_CODE,
    }
}
