//! The OpenAPI document and the interactive documentation. Both are part of the binary.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentEncoding, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::failure::{ErrorCode, Failure};
use crate::openapi::SERVER;
use crate::{openapi, paths};

/// The page may load from and connect to this gateway only. Its framework sets styles from scripts,
/// which needs `unsafe-inline`.
const SAME_ORIGIN_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static OPENAPI_YAML: LazyLock<String> = LazyLock::new(openapi::openapi_yaml);
static OPENAPI_JSON: LazyLock<String> = LazyLock::new(openapi::openapi_json);

// The browser does not store tokens that are typed into the page, and no outside service validates
// the document.
static SWAGGER_CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::from(paths::OPENAPI).persist_authorization(false).validator_url("none"))
});

/// `GET /openapi.yaml`.
pub(crate) async fn openapi_yaml(request: HttpRequest) -> HttpResponse {
    document("application/yaml", &OPENAPI_YAML, &request)
}

/// `GET /openapi.json`.
pub(crate) async fn openapi_json(request: HttpRequest) -> HttpResponse {
    document("application/json", &OPENAPI_JSON, &request)
}

/// The document with the server that the client sent its request to: a client that is generated from
/// it, and the interactive documentation, then call this gateway.
fn document(content_type: &'static str, document: &str, request: &HttpRequest) -> HttpResponse {
    let connection = request.connection_info();
    let (scheme, host) = (connection.scheme(), connection.host());
    let is_host = |host: &str| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-[]_".contains(&b))
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, content_type));
    if matches!(scheme, "http" | "https") && is_host(host) {
        response.body(document.replacen(SERVER, &format!("{scheme}://{host}"), 1))
    } else {
        response.body(document.to_owned())
    }
}

/// `GET /docs`: redirects, because the links of the page are relative to `/docs/`.
pub(crate) async fn docs_redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// `GET /docs/...`: the page and its files.
pub(crate) async fn docs(file: web::Path<String>) -> HttpResponse {
    match utoipa_swagger_ui::serve(&file, Arc::clone(&SWAGGER_CONFIG)) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            response
                .insert_header((CONTENT_TYPE, file.content_type))
                .insert_header((CONTENT_SECURITY_POLICY, SAME_ORIGIN_ONLY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
            }
            response.body(file.bytes.into_owned())
        }
        Ok(None) => not_found().await,
        Err(error) => {
            tracing::error!(%error, "could not serve a file of the interactive documentation");
            Failure::new(ErrorCode::Internal, "the documentation is not available").into_response()
        }
    }
}

/// The response for an unknown path.
pub(crate) async fn not_found() -> HttpResponse {
    Failure::new(ErrorCode::NotFound, "no such path").into_response()
}
