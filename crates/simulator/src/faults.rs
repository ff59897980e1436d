//! Faulty responses: a success response in a provider's format, damaged as a script asks.

use std::io::{Error, ErrorKind};
use std::iter::{once, repeat_n};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::behaviours::Behaviour;
use crate::connection::{Abort, Connection};
use crate::responses::{reason_phrase, respond};

const CHUNK_BYTES: usize = 16 << 10;
const JSON: &str = "application/json";

/// A success response in a provider's format.
pub(crate) struct Success {
    pub(crate) status: u16,
    /// Has at least one field besides `free_text`.
    pub(crate) body: Map<String, Value>,
    /// The name of a field that accepts any text.
    pub(crate) free_text: &'static str,
}

impl Success {
    /// The response with `fault`, or no response at all.
    pub(crate) fn with_fault(&self, fault: &Behaviour, http: &HttpRequest) -> HttpResponse {
        let status = self.status;
        match fault {
            Behaviour::ForeignHtml { status } => foreign_html(*status),
            Behaviour::Redirect { status, location } => {
                let location = location.as_deref().unwrap_or_else(|| http.path());
                respond(*status).insert_header((LOCATION, location)).finish()
            }
            Behaviour::RawBody { content_type, text } => raw(status, content_type, text.clone()),
            Behaviour::OversizeBody { bytes } => {
                let (opening, closing) = self.around_free_text();
                oversize(status, format!("{opening}\""), *bytes, format!("\"{closing}"))
            }
            Behaviour::TrickledBody { interval_ms } => {
                trickled(status, self.text(), Duration::from_millis(*interval_ms))
            }
            Behaviour::TruncatedBody => truncated(status, self.text()),
            Behaviour::WrongTypes => raw(status, JSON, self.with_wrong_types().to_string()),
            Behaviour::NestedBody { depth } => {
                let depth = *depth as usize;
                let (opening, closing) = self.around_free_text();
                raw(status, JSON, format!("{opening}{}{}{closing}", "[".repeat(depth), "]".repeat(depth)))
            }
            Behaviour::DropConnection => abort(http, Abort::Close),
            Behaviour::ResetConnection => abort(http, Abort::Reset),
            // Never passed here: the provider's handler reports or refuses these in its own format
            // or never responds, and the listener applies those that concern connections.
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
            | Behaviour::ConcurrencyBlockedLater
            | Behaviour::RefuseConnections { .. }
            | Behaviour::CloseOnAccept { .. } => HttpResponse::InternalServerError().finish(),
        }
    }

    fn text(&self) -> String {
        Value::Object(self.body.clone()).to_string()
    }

    /// The JSON text before and after the value of the `free_text` field.
    fn around_free_text(&self) -> (String, String) {
        let mut rest = self.body.clone();
        rest.remove(self.free_text);
        let rest = Value::Object(rest).to_string();
        (format!(r#"{{"{}":"#, self.free_text), format!(",{}", &rest[1..]))
    }

    fn with_wrong_types(&self) -> Value {
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

/// The error page of a proxy in front of the provider.
fn foreign_html(status: u16) -> HttpResponse {
    let title = reason_phrase(status).unwrap_or_default();
    respond(status).content_type("text/html; charset=UTF-8").body(format!(
        "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} {title}</h1>\
         </center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
    ))
}

fn raw(status: u16, content_type: &str, text: String) -> HttpResponse {
    respond(status).insert_header((CONTENT_TYPE, content_type)).body(text)
}

/// `opening`, `bytes` letters and `closing`, in chunks.
fn oversize(status: u16, opening: String, bytes: u64, closing: String) -> HttpResponse {
    let filler = Bytes::from(vec![b'a'; CHUNK_BYTES]);
    let whole = repeat_n(filler.clone(), (bytes / CHUNK_BYTES as u64) as usize);
    let rest = filler.slice(..(bytes % CHUNK_BYTES as u64) as usize);
    let parts = once(Bytes::from(opening)).chain(whole).chain([rest, Bytes::from(closing)]);
    let parts = parts.filter(|part| !part.is_empty()).map(Ok::<_, Error>);
    respond(status).content_type(JSON).streaming(stream::iter(parts))
}

/// `body`, one byte every `interval`.
fn trickled(status: u16, body: String, interval: Duration) -> HttpResponse {
    let length = body.len() as u64;
    let bytes = stream::iter(Bytes::from(body)).then(move |byte| async move {
        sleep(interval).await;
        Ok(Bytes::from(vec![byte]))
    });
    sized(status, length, bytes)
}

/// The first half of `body`, with a `Content-Length` for all of it; then the connection closes.
fn truncated(status: u16, body: String) -> HttpResponse {
    let length = body.len() as u64;
    let half = Bytes::from(body).slice(..length as usize / 2);
    let abort = async {
        // The server sends the first half only when the body's stream is pending once.
        sleep(Duration::from_millis(5)).await;
        Err(Error::new(ErrorKind::ConnectionAborted, "a script truncated the body"))
    };
    sized(status, length, stream::iter([Ok(half)]).chain(stream::once(abort)))
}

fn sized(
    status: u16,
    length: u64,
    parts: impl Stream<Item = Result<Bytes, Error>> + 'static,
) -> HttpResponse {
    respond(status).content_type(JSON).body(SizedStream::new(length, parts.boxed_local()))
}

/// Aborts the connection of the request: no byte of the returned response is written.
fn abort(http: &HttpRequest, how: Abort) -> HttpResponse {
    if let Some(connection) = http.conn_data::<Rc<Connection>>() {
        connection.abort(how);
    }
    HttpResponse::InternalServerError().finish()
}
