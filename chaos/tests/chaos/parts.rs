//! The stores of a run.
