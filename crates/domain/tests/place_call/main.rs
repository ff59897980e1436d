//! The use case on scripted ports and a clock that is moved by hand: the right steps in the right order, and for each port
//! and each way it can fail, the answer, the lock, the guard and the number of dials.

mod clock;
mod dialling;
mod faults;
mod new_contacts;
mod resolving;
mod world;
