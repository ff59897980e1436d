//! Contacts, agents, numbers, users and the ledger in Postgres.
