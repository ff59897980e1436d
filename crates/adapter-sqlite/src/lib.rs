//! Every storage port, the lock and the context cache in one SQLite file.
