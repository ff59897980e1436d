//! The promises of `agent_repo`.
