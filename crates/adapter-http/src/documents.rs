//! The OpenAPI document and the interactive documentation, both from within the binary.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentEncoding, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::error_answer::{ErrorAnswer, ErrorCode};
use crate::{openapi, routes};

/// The page may load, and talk to, nothing but this gateway. Its framework sets styles from scripts, hence `unsafe-inline`
/// for those alone.
const ONLY_FROM_HERE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static OPENAPI_YAML: LazyLock<String> = LazyLock::new(openapi::openapi_yaml);

// Tokens that are typed into the page are not kept in the browser, and no outside service is asked to check the document.
static SWAGGER_CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::from("/openapi.yaml").persist_authorization(false).validator_url("none"))
});

/// `GET /openapi.yaml`.
pub(crate) async fn openapi_yaml() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/yaml")).body(OPENAPI_YAML.as_str())
}

/// `GET /docs`: the page's own links are relative to `/docs/`.
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
                .insert_header((CONTENT_SECURITY_POLICY, ONLY_FROM_HERE))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
            }
            response.body(file.bytes.into_owned())
        }
        Ok(None) => routes::not_found().await,
        Err(error) => {
            tracing::error!(%error, "the interactive documentation cannot be served");
            ErrorAnswer::new(ErrorCode::Internal, "the documentation cannot be shown").into_response()
        }
    }
}
