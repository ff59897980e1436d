//! The model, the ports and the use cases of Outdial: pure, without I/O, runtime or clock.
