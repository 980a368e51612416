//! How loud the log line of a call is, by the status code that ended it: the one place that says so.

use tracing::Level;

/// The level under which a call that ended with this gRPC status code is logged.
///
/// What a client can provoke as often as it likes is never louder than `debug`: metrics count it, and a flood of refusals
/// is no flood of lines.
pub fn call_level(code: &str) -> Level {
    match code {
        // A fault of the program.
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => Level::ERROR,
        // A part of it does not work.
        "UNAVAILABLE" => Level::WARN,
        // A known caller tried what it may not, or answers come too late.
        "PERMISSION_DENIED" | "DEADLINE_EXCEEDED" => Level::INFO,
        _ => Level::DEBUG,
    }
}
