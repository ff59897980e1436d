//! A stand-in for the voice provider: its wire format over real HTTP, and its failures on demand.
