//! The promises of `call_ledger`.
