//! The model, the ports and the use cases of Outdial.
//!
//! This crate is pure: no I/O, no runtime, no serialization, no clock but the [`ports::Clock`] port. What it needs of the
//! world it asks through a trait in [`ports`]; whoever writes an adapter opens the one file of that port. [`PlaceCall`] is
//! the use case that everything else serves.
//!
//! With the feature `mocks`, every port has a `mockall` double beside it (`MockCallLedger`, ...), for use-case tests that
//! script the failure of one port.

#![warn(missing_docs)]

mod model;
pub mod ports;
mod use_cases;

pub use self::model::*;
pub use self::use_cases::*;
