//! The HTTP face of Outdial: routes, authentication, wire types, OpenAPI.
