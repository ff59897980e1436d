//! The OpenAPI document and the interactive documentation. Both are part of the binary.

use std::sync::LazyLock;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::failure::{ErrorCode, Failure};
use crate::openapi;
use crate::openapi::SERVER;

/// The page may load from and connect to this gateway only. Its framework sets styles from scripts,
/// which needs `unsafe-inline`.
const SAME_ORIGIN_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static OPENAPI_YAML: LazyLock<String> = LazyLock::new(openapi::openapi_yaml);
static OPENAPI_JSON: LazyLock<String> = LazyLock::new(openapi::openapi_json);

macro_rules! unpacked {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name))
    };
}

/// The files of the page: our own, and those of Swagger UI that `build.rs` unpacks.
const FILES: [(&str, &str, &[u8]); 8] = [
    ("", "text/html; charset=utf-8", include_bytes!("documents/index.html")),
    ("index.html", "text/html; charset=utf-8", include_bytes!("documents/index.html")),
    ("swagger-initializer.js", SCRIPT, include_bytes!("documents/swagger-initializer.js")),
    ("swagger-ui-bundle.js", SCRIPT, unpacked!("swagger-ui-bundle.js")),
    ("swagger-ui.css", STYLE, unpacked!("swagger-ui.css")),
    ("index.css", STYLE, unpacked!("index.css")),
    ("favicon-16x16.png", "image/png", unpacked!("favicon-16x16.png")),
    ("favicon-32x32.png", "image/png", unpacked!("favicon-32x32.png")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

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
    let Some((_, content_type, bytes)) = FILES.iter().find(|(name, ..)| *name == file.as_str()) else {
        return not_found().await;
    };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, *content_type))
        .insert_header((CONTENT_SECURITY_POLICY, SAME_ORIGIN_ONLY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(*bytes)
}

/// The response for an unknown path.
pub(crate) async fn not_found() -> HttpResponse {
    Failure::new(ErrorCode::NotFound, "no such path").into_response()
}
