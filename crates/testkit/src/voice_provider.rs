//! The promises of `voice_provider`.
