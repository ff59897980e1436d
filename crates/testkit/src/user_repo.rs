//! The promises of `user_repo`.
