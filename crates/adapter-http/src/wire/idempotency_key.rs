use domain::IdempotencyKey;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// The name of the header, as errors and the document write it.
pub(crate) const NAME: &str = "Idempotency-Key";

/// The header in the document. A client may leave it out.
pub(crate) enum IdempotencyKeyHeader {}

impl IntoParams for IdempotencyKeyHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "Names this request for its user, for example a random UUID. The same request with the same key \
                       is answered by one call; another request with the key gets 400 `IDEMPOTENCY_KEY_REUSED`. The \
                       gateway stores a hash of the key until 24 hours after the end of the call.";
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(IdempotencyKey::MAX_LEN))
            .pattern(Some("^[!-~]+$"));
        let header = ParameterBuilder::new()
            .name(NAME)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(meaning))
            .schema(Some(text));
        vec![header.build()]
    }
}
