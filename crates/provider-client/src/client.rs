use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use url::{Position, Url};

use crate::connect::{AGENT, Connector, Stream};
use crate::download::{Download, DownloadTimes};
use crate::failure::RequestFailure;
use crate::json_text::with_whole_characters;
use crate::retry_after::retry_after;
use crate::settings::{ApiKey, InvalidSettings, check_base_url, check_connect_timeout};
use crate::socket::Completion;

/// The longest record that an adapter reads.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// Sends requests to one provider, each once and over a connection of its own.
///
/// The time limit of a request runs from the call to the last byte of the response, and `max_bytes`
/// is the limit for the body. A request that has no complete response (its time limit passed, or its
/// future was dropped) resets its connection: what the provider's host has not accepted is dropped.
#[derive(Clone)]
pub struct ProviderClient {
    base_url: Url,
    headers: HeaderMap,
    connector: Connector,
}

/// A response that was read to its end, with any status.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// What the `Retry-After` of a 429 asks for; `None` with any other status.
    pub retry_after: Option<Duration>,
    /// As the provider sent it, but without a byte order mark at its start, and without halves of
    /// surrogate pairs.
    pub body: Vec<u8>,
}

impl ProviderClient {
    /// Checks the settings. Nothing is sent.
    ///
    /// `base_url` is the root of the API: `http` or `https`, a host, and optionally a port and a
    /// path, which becomes the prefix of every request path. `connect_timeout` limits DNS, TCP,
    /// proxy and TLS together; it is more than 0 and at most [`MAX_CONNECT_TIMEOUT`].
    ///
    /// [`MAX_CONNECT_TIMEOUT`]: crate::MAX_CONNECT_TIMEOUT
    pub fn new(
        base_url: &Url,
        api_key: ApiKey<'_>,
        connect_timeout: Duration,
    ) -> Result<Self, InvalidSettings> {
        let origin = check_base_url(base_url)?;
        let host = &base_url[Position::BeforeHost..Position::AfterPort];
        let mut headers = HeaderMap::from_iter([
            (HOST, HeaderValue::from_str(host).map_err(|_| InvalidSettings::BaseUrl)?),
            (USER_AGENT, AGENT),
            (ACCEPT, HeaderValue::from_static("*/*")),
        ]);
        headers.extend(api_key.header()?);
        let connector = Connector::new(origin, check_connect_timeout(connect_timeout)?)
            .map_err(|error| InvalidSettings::Https(error.into()))?;
        Ok(Self { base_url: base_url.clone(), headers, connector })
    }

    /// The same client with another key, for keys that a vendor issues for an hour.
    pub fn with_key(&self, api_key: ApiKey<'_>) -> Result<Self, InvalidSettings> {
        let mut client = self.clone();
        if let Some((name, value)) = api_key.header()? {
            client.headers.insert(name, value);
        }
        Ok(client)
    }

    /// The URL of an operation below the base URL; each segment is percent-encoded.
    #[must_use]
    pub fn endpoint<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base_url.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(segments);
        url
    }

    /// Sends a `GET` with the path and query of `url`; the host is that of the base URL.
    pub async fn get(
        &self,
        url: &Url,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Response, RequestFailure> {
        self.send(Request::get(path_and_query(url)), String::new(), time_limit, max_bytes).await
    }

    /// Sends a `POST` with the path and query of `url` and a JSON body; the host is that of the
    /// base URL.
    pub async fn post(
        &self,
        url: &Url,
        json: String,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Response, RequestFailure> {
        let request = Request::post(path_and_query(url)).header(CONTENT_TYPE, "application/json");
        self.send(request, json, time_limit, max_bytes).await
    }

    /// Sends a `PATCH` with the path and query of `url` and a JSON body; the host is that of the
    /// base URL.
    pub async fn patch(
        &self,
        url: &Url,
        json: String,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Response, RequestFailure> {
        let request = Request::patch(path_and_query(url)).header(CONTENT_TYPE, "application/json");
        self.send(request, json, time_limit, max_bytes).await
    }

    /// Sends a `DELETE` with the path and query of `url`; the host is that of the base URL.
    pub async fn delete(
        &self,
        url: &Url,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Response, RequestFailure> {
        self.send(Request::delete(path_and_query(url)), String::new(), time_limit, max_bytes).await
    }

    /// Sends a `POST` with a form, which is encoded already.
    pub async fn post_form(
        &self,
        url: &Url,
        form: String,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Response, RequestFailure> {
        let request =
            Request::post(path_and_query(url)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form, time_limit, max_bytes).await
    }

    /// Reads a record: a `GET` that is sent a second time if the first has no
    /// response or one with a 5xx status. Reading twice has no effect at the provider.
    pub async fn read(&self, url: &Url, deadline: Instant) -> Result<Response, RequestFailure> {
        let time_left = || deadline.saturating_duration_since(Instant::now());
        match self.get(url, time_left(), MAX_RECORD_BYTES).await {
            Ok(response) if response.status < 500 => Ok(response),
            Ok(_) | Err(_) => self.get(url, time_left(), MAX_RECORD_BYTES).await,
        }
    }

    /// Starts to read a response of any size. The `GET` is sent a second time if the first has no
    /// response or one with a 5xx status.
    pub async fn download(&self, url: &Url, times: DownloadTimes) -> Result<Download, RequestFailure> {
        match self.start_download(url, times).await {
            Ok(download) if download.status() < 500 => Ok(download),
            Ok(_) | Err(_) => self.start_download(url, times).await,
        }
    }

    async fn start_download(&self, url: &Url, times: DownloadTimes) -> Result<Download, RequestFailure> {
        let request = Request::get(path_and_query(url)).body(String::new());
        let mut request = request.map_err(|error| RequestFailure::not_connected(&error))?;
        request.headers_mut().extend(self.headers.clone());
        let starting = async {
            let completion = Completion::default();
            let stream = self.connector.connect(&completion).await?;
            Download::start(stream, request, completion, times).await
        };
        tokio::time::timeout(times.head_within, starting)
            .await
            .unwrap_or_else(|_| Err(RequestFailure::out_of_time()))
    }

    async fn send(
        &self,
        request: hyper::http::request::Builder,
        body: String,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Response, RequestFailure> {
        let mut request = request.body(body).map_err(|error| RequestFailure::not_connected(&error))?;
        request.headers_mut().extend(self.headers.clone());
        let exchange = async {
            let completion = Completion::default();
            let stream = self.connector.connect(&completion).await?;
            exchange(stream, request, max_bytes, &completion).await
        };
        tokio::time::timeout(time_limit, exchange)
            .await
            .unwrap_or_else(|_| Err(RequestFailure::out_of_time()))
    }
}

/// Some systems put it in front of UTF-8, where JSON does not allow it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn path_and_query(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// Sends one request and reads its response. The connection lives and ends inside this future.
async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<String>,
    max_bytes: usize,
    completion: &Completion,
) -> Result<Response, RequestFailure> {
    let failed = |error: hyper::Error| RequestFailure::connection_failed(&error);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(failed)?;
    // Pinned here, so that the connection is still open when the exchange is marked as completed.
    let mut connection = pin!(connection);
    let mut response = pin!(async {
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.status(), response.headers());
        let mut body = read_body(response.into_body(), max_bytes).await?;
        if let Cow::Owned(whole) = with_whole_characters(&body) {
            body = whole;
        }
        Ok(Response { status, retry_after, body })
    });
    // The connection future does the I/O, so it must be polled together with the response.
    let result = tokio::select! {
        result = &mut response => result,
        ended = &mut connection => {
            // The connection can end before the response has received its last bytes.
            let result = response.await;
            match (result, ended) {
                (Err(RequestFailure::ConnectionLost { .. }), Err(error)) => Err(failed(error)),
                (result, _) => result,
            }
        }
    };
    if result.is_ok() {
        completion.mark();
    }
    result
}

async fn read_body(mut body: Incoming, max_bytes: usize) -> Result<Vec<u8>, RequestFailure> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| RequestFailure::connection_failed(&error))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > max_bytes {
                return Err(RequestFailure::ResponseTooLong);
            }
            bytes.extend_from_slice(data);
        }
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

impl fmt::Debug for ProviderClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClient").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
