//! `parcel-risk`: see `parcel_risk::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    parcel_risk::cli::main()
}
