//! Where the records of a run, or of a judgement, have gone.

use std::path::PathBuf;

use scenarios::whole::ResultsError;

use super::complain;
use super::terminal::print;

/// Names each record, and whatever kept one from being written; whether all
/// were.
pub(super) fn tell(written: &[Result<PathBuf, ResultsError>]) -> bool {
    for record in written {
        match record {
            Ok(path) => print(format_args!("{}\n", path.display())),
            Err(error) => complain(&format!("chaos: {error}")),
        }
    }
    written.iter().all(Result::is_ok)
}
