//! Answers that do not tell what became of the call. Whose success is spoilt is for its caller to say.

use crate::behaviours::Behaviour;
use crate::faults;
use crate::line::{Cut, Line};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use std::rc::Rc;
use std::time::Duration;

/// A success in a vendor's form.
pub(crate) struct Success {
    pub(crate) status: u16,
    /// Has at least one field beside [`Success::free_text`].
    pub(crate) body: Map<String, Value>,
    /// The name of a field that holds any text.
    pub(crate) free_text: &'static str,
}

impl Success {
    /// The answer in its place, or none.
    pub(crate) fn spoiled_by(&self, behaviour: &Behaviour, http: &HttpRequest) -> HttpResponse {
        let status = self.status;
        match behaviour {
            Behaviour::ForeignHtml { status } => faults::foreign_html(*status),
            Behaviour::Redirect { status, location } => {
                faults::redirect(*status, location.as_deref().unwrap_or_else(|| http.path()))
            }
            Behaviour::RawBody { content_type, text } => faults::raw(status, content_type, text),
            Behaviour::OversizeBody { bytes } => {
                let (opening, closing) = self.around_its_text();
                faults::oversize(status, format!("{opening}\""), *bytes, format!("\"{closing}"))
            }
            Behaviour::TrickledBody { interval_ms } => {
                faults::trickled(status, self.text(), Duration::from_millis(*interval_ms))
            }
            Behaviour::TruncatedBody => faults::truncated(status, self.text()),
            Behaviour::WrongTypes => {
                faults::raw(status, "application/json", &self.of_wrong_types().to_string())
            }
            Behaviour::NestedBody { depth } => {
                let depth = *depth as usize;
                let (opening, closing) = self.around_its_text();
                let text = format!("{opening}{}{}{closing}", "[".repeat(depth), "]".repeat(depth));
                faults::raw(status, "application/json", &text)
            }
            Behaviour::DropConnection => cut(http, Cut::Close),
            Behaviour::ResetConnection => cut(http, Cut::Reset),
            // Told or refused in the vendor's words, or answered never, or a matter of connections: none comes this far.
            Behaviour::Answer { .. }
            | Behaviour::Busy { .. }
            | Behaviour::NoAnswer { .. }
            | Behaviour::Decline { .. }
            | Behaviour::SipTimeout { .. }
            | Behaviour::SipFailure { .. }
            | Behaviour::SuccessWithoutIds
            | Behaviour::Ring { .. }
            | Behaviour::Hang
            | Behaviour::HttpError { .. }
            | Behaviour::ConcurrencyBlocked
            | Behaviour::RefuseConnections { .. }
            | Behaviour::CloseOnAccept { .. } => HttpResponse::InternalServerError().finish(),
        }
    }

    fn text(&self) -> String {
        Value::Object(self.body.clone()).to_string()
    }

    /// What stands before and behind the value of the free text.
    fn around_its_text(&self) -> (String, String) {
        let mut rest = self.body.clone();
        rest.remove(self.free_text);
        let rest = Value::Object(rest).to_string();
        (format!(r#"{{"{}":"#, self.free_text), format!(",{}", &rest[1..]))
    }

    /// The right keys, each with a value of another type.
    fn of_wrong_types(&self) -> Value {
        let wrong = self.body.iter().map(|(key, value)| {
            let wrong = match value {
                Value::String(_) => json!([value]),
                Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => json!(7),
            };
            (key.clone(), wrong)
        });
        Value::Object(wrong.collect())
    }
}

/// No byte of this response is written.
fn cut(http: &HttpRequest, how: Cut) -> HttpResponse {
    if let Some(line) = http.conn_data::<Rc<Line>>() {
        line.cut(how);
    }
    HttpResponse::InternalServerError().finish()
}
