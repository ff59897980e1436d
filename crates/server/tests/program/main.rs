//! The program as an operator runs it: its command line, its settings and its tokens.

#[cfg(unix)]
mod checking;
mod command_line;
mod risky_settings;
mod running;
mod settings;
mod settings_files;
mod tokens;
