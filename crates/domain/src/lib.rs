//! The model, the ports and the use cases of Outdial.
//!
//! This crate is pure: no I/O, no runtime, no serialization, and no clock but the [`ports::Clock`]
//! port. It reaches everything outside it through a trait in [`ports`]. To write an adapter, read
//! the one file of its port. [`PlaceCall`] is the use case that all others support.
//!
//! With the feature `mocks`, every port has a `mockall` double (`MockCallLedger`, ...), for
//! use-case tests that script the failure of one port.

#![warn(missing_docs)]

mod model;
pub mod ports;
mod shares;
mod use_cases;

pub use self::model::*;
pub use self::shares::{MaxShare, Share, Shares};
pub use self::use_cases::*;
