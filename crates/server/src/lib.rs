//! The gateway: settings, wiring, telemetry and the command line.
