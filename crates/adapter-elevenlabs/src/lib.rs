//! The voice provider ElevenLabs, dialling over a SIP trunk.
