//! What a request for a recording asks for: audio or JSON, and which part.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{Accept, Header as _, IF_RANGE, RANGE};
use domain::AudioPart;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// The header in the OpenAPI document.
pub(crate) enum RangeHeader {}

impl IntoParams for RangeHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = ParameterBuilder::new()
            .name("Range")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("One range of bytes of the audio"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .example(Some("bytes=0-1023".into()));
        vec![header.build()]
    }
}

/// Audio in the OpenAPI document.
pub(crate) enum AudioBytes {}

impl ToSchema for AudioBytes {}

impl PartialSchema for AudioBytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        RefOr::T(ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into())
    }
}

/// Whether the client prefers audio to JSON. A client that accepts neither gets JSON.
pub(crate) fn prefers_audio(request: &HttpRequest) -> bool {
    let Ok(accepted) = Accept::parse(request) else { return false };
    let known = accepted.ranked().into_iter().find_map(|range| match range.essence_str() {
        "application/json" | "application/*" | "*/*" => Some(false),
        essence => essence.starts_with("audio/").then_some(true),
    });
    known.unwrap_or(false)
}

/// The part that the client asks for. A `Range` that is not one range of bytes is ignored, as RFC 9110
/// permits. So is every `Range` with a condition: a recording has no validator that it could meet.
pub(crate) fn part(request: &HttpRequest) -> AudioPart {
    let headers = request.headers();
    if request.method() != Method::GET || headers.contains_key(IF_RANGE) {
        return AudioPart::Whole;
    }
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    range.and_then(one_range).unwrap_or(AudioPart::Whole)
}

fn one_range(text: &str) -> Option<AudioPart> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first, last) {
        ("", last) => number(last).map(AudioPart::Last),
        (first, "") => number(first).map(AudioPart::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(AudioPart::Between(first, last))
        }
    }
}

/// A number of digits only. One that is too large is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
