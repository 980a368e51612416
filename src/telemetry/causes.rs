//! An error with all that it came of.

use std::error::Error;
use std::iter::successors;

/// What went wrong, and why, in one line: that a disk is full is said by the cause alone.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
