//! The use case with mocks of its ports and a clock that the tests move: the right steps in the
//! right order, and for each port and each way in which it can fail, the response, the lock, the
//! reservation and the number of dials.

mod day_limits;
mod deadline;
mod deciding;
mod dialling;
mod earlier_calls;
mod faults;
mod holding;
mod keyed;
mod new_contacts;
mod pacing;
mod resolving;
mod world;
