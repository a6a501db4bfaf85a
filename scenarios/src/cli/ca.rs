//! `chaos ca`.

use std::fmt::Write;

use scenarios::trust::Trusted;

use super::args::CaArgs;
use super::output::print_all;

/// Says where the authority is, and how clients are made to trust it.
///
/// # Errors
/// There is none, and none can be made.
pub(super) fn ca(args: &CaArgs) -> anyhow::Result<u8> {
    let trusted = Trusted::of_user(args.ca.as_deref())?;
    let mut text = format!(
        "authority  {}\nbundle     {}  (what the system trusts, and the authority)\n",
        trusted.certificate().display(),
        trusted.bundle().display(),
    );
    for way in trusted.ways() {
        // Into memory everything can be written.
        let _ = write!(text, "\n{}\n  {}\n", way.who, way.line);
    }
    text.push_str(
        "\nIts key signs for any host: it is for tests, and nobody else should have it.\n",
    );
    Ok(print_all(text))
}
