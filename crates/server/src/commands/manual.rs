//! What a package installs beside the program. It is generated from the command line, so that it
//! cannot disagree with it.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap_complete::Shell;

/// The program is found by this name in the completions, whatever the name of the file is.
const NAME: &str = "outdial";

/// Prints the completions of a shell.
pub(crate) fn completions(mut command: clap::Command, shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    super::print(&String::from_utf8(script)?)
}

/// Writes one manual page for each command into the folder, which is created.
pub(crate) fn man_pages(command: clap::Command, folder: &Path) -> anyhow::Result<()> {
    let write = || {
        fs::create_dir_all(folder)?;
        // The pages of `help` would repeat those of all commands.
        clap_mangen::generate_to(command.disable_help_subcommand(true), folder)
    };
    write().with_context(|| format!("cannot write the manual pages into {}", folder.display()))
}
