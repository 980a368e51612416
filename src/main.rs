//! `parcel-risk`: see `parcel_risk::cli`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    parcel_risk::cli::main()
}
