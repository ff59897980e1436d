use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::PolicyFault;
use domain::ports::UnreadableQuestion;

use super::{ErrorCode, ErrorDetail, Failure};

/// What is wrong with a request. The texts quote nothing from it but the names of unknown fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request is not valid")]
pub(crate) struct InvalidRequest(Vec<ErrorDetail>);

impl InvalidRequest {
    /// The body as a whole is at fault.
    pub(crate) fn body(message: &'static str) -> Self {
        Self(vec![ErrorDetail { field: None, message }])
    }

    /// One field, parameter or header is at fault.
    pub(crate) fn field(name: &'static str, message: &'static str) -> Self {
        Self(vec![ErrorDetail { field: Some(name.into()), message }])
    }

    pub(crate) const fn new(details: Vec<ErrorDetail>) -> Self {
        Self(details)
    }

    pub(crate) fn details(&self) -> &[ErrorDetail] {
        &self.0
    }
}

impl From<UnreadableQuestion> for InvalidRequest {
    fn from(error: UnreadableQuestion) -> Self {
        let UnreadableQuestion { field, message } = error;
        Self(vec![ErrorDetail { field: field.map(Cow::Borrowed), message }])
    }
}

impl From<Vec<PolicyFault>> for InvalidRequest {
    fn from(faults: Vec<PolicyFault>) -> Self {
        let detail = |PolicyFault { field, message }| ErrorDetail {
            field: Some(Cow::Owned(field.into())).filter(|field: &Cow<'static, str>| !field.is_empty()),
            message,
        };
        Self(faults.into_iter().map(detail).collect())
    }
}

impl ResponseError for InvalidRequest {
    fn status_code(&self) -> StatusCode {
        ErrorCode::ValidationFailed.status()
    }

    fn error_response(&self) -> HttpResponse {
        Failure::from(self).into_response()
    }
}
