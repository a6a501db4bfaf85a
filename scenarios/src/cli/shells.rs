//! What shells and `man` know of the command line, made from it.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Args;
use super::output::print_all;

const NAME: &str = "chaos";

/// Prints a shell's completions.
pub(super) fn completions(shell: Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut script);
    let script = String::from_utf8_lossy(&script);
    let place = match shell {
        Shell::Bash => {
            "# chaos completions bash > ~/.local/share/bash-completion/completions/chaos\n"
        }
        Shell::Fish => "# chaos completions fish > ~/.config/fish/completions/chaos.fish\n",
        _ => "",
    };
    // Of a script for zsh the first line says what it is.
    print_all(format!("{place}{script}"))
}

/// Writes `chaos.1`, `chaos-run.1` and so on; says where.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn man(out: &Path) -> anyhow::Result<u8> {
    std::fs::create_dir_all(out).with_context(|| format!("--out {}", out.display()))?;
    clap_mangen::generate_to(Args::command(), out)
        .with_context(|| format!("--out {}", out.display()))?;
    Ok(print_all(format!("{}\n", out.display())))
}
