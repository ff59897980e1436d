//! The use cases after the call, on scripted ports: what is acknowledged, what comes into the books, and who is asked.

mod delivering;
mod following;
mod giving_back;
mod personalizing;
mod receiving;
mod reconciling;
mod recovering;
mod registering;
