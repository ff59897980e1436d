//! Answers that no provider should give. None of them knows the vendor's format: the answer to spoil is given.

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::io::{Error, ErrorKind};
use std::iter::repeat_n;
use std::time::Duration;
use tokio::time::sleep;

/// How much of an oversize body is handed over at once.
const CHUNK_BYTES: usize = 16 << 10;

/// A response of `status`, which its source keeps within what HTTP allows.
pub(crate) fn respond(status: u16) -> HttpResponseBuilder {
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

/// The page of a proxy that stands before the provider.
pub(crate) fn foreign_html(status: u16) -> HttpResponse {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    respond(status).content_type("text/html; charset=UTF-8").body(format!(
        "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} {title}</h1>\
         </center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
    ))
}

/// A redirect without a body.
pub(crate) fn redirect(status: u16, location: &str) -> HttpResponse {
    respond(status).insert_header((LOCATION, location)).finish()
}

/// `status` with these bytes.
pub(crate) fn raw(status: u16, content_type: &str, text: &str) -> HttpResponse {
    respond(status).insert_header((CONTENT_TYPE, content_type)).body(text.to_owned())
}

/// `opening`, `bytes` letters and `closing`, in chunks.
pub(crate) fn oversize(status: u16, opening: String, bytes: u64, closing: String) -> HttpResponse {
    let filler = Bytes::from(vec![b'a'; CHUNK_BYTES]);
    let whole = repeat_n(filler.clone(), (bytes / CHUNK_BYTES as u64) as usize);
    let rest = filler.slice(..(bytes % CHUNK_BYTES as u64) as usize);
    let parts = std::iter::once(Bytes::from(opening)).chain(whole).chain([rest, Bytes::from(closing)]);
    json_stream(status, stream::iter(parts.filter(|part| !part.is_empty()).map(Ok)))
}

/// `body`, a byte at a time.
pub(crate) fn trickled(status: u16, body: String, interval: Duration) -> HttpResponse {
    let length = body.len() as u64;
    let bytes = stream::iter(Bytes::from(body)).then(move |byte| async move {
        sleep(interval).await;
        Ok(Bytes::from(vec![byte]))
    });
    sized(status, length, bytes)
}

/// The first half of `body` under a `Content-Length` for all of it; then the connection closes.
pub(crate) fn truncated(status: u16, body: String) -> HttpResponse {
    let length = body.len() as u64;
    let half = Bytes::from(body).slice(..length as usize / 2);
    let abort = async {
        // Until the body waits once, the server holds the first half back.
        sleep(Duration::from_millis(5)).await;
        Err(Error::new(ErrorKind::ConnectionAborted, "the answer ends here"))
    };
    sized(status, length, stream::iter([Ok(half)]).chain(stream::once(abort)))
}

fn json_stream(status: u16, parts: impl Stream<Item = Result<Bytes, Error>> + 'static) -> HttpResponse {
    respond(status).content_type("application/json").streaming(parts)
}

fn sized(
    status: u16,
    length: u64,
    parts: impl Stream<Item = Result<Bytes, Error>> + 'static,
) -> HttpResponse {
    respond(status).content_type("application/json").body(SizedStream::new(length, parts.boxed_local()))
}
