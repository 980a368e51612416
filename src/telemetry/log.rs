//! Log lines to standard error: for people on a terminal, for machines elsewhere.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use super::fields;

/// Environment variable that overrides [`LogConfig::level`].
pub const LEVEL_ENV: &str = "PARCEL_RISK_LOG";

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace` for this program, with libraries at
    /// `warn`; or directives such as `parcel_risk=debug,h2=info`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One line of text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum InitLog {
    /// The level does not read as one.
    #[error("reading the log level {level:?}")]
    Level {
        /// As configured.
        level: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Someone else logs in this process already.
    #[error("starting the log")]
    Installed(#[from] TryInitError),
}

/// Starts logging to standard error, for the whole process; from then on a panic is a log line too.
///
/// # Errors
/// [`InitLog`] where the level is malformed, or where the process logs already.
pub fn init(config: &LogConfig) -> Result<(), InitLog> {
    let level = std::env::var(LEVEL_ENV).ok().filter(|level| !level.is_empty());
    let filter = filter(level.as_deref().unwrap_or(&config.level))?;
    // A line that can't be written is lost, and nothing else: to tell of it on the same standard error would panic.
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    let as_text = match config.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if as_text {
        lines.with_ansi(std::io::stderr().is_terminal()).finish().try_init()?;
    } else {
        lines.json().flatten_event(true).with_span_list(false).finish().try_init()?;
    }
    std::panic::set_hook(Box::new(|panic| {
        // Never the message: one about a text quotes the text, which may hold a name.
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!({ fields::PANIC_LOCATION } = location, "panicked");
    }));
    Ok(())
}

impl LogConfig {
    /// # Errors
    /// [`InitLog`] where the level is malformed.
    pub fn check(&self) -> Result<(), InitLog> {
        filter(&self.level).map(drop)
    }
}

/// A bare level speaks of this program alone: at `debug`, HTTP/2 frames would drown its own lines.
fn filter(level: &str) -> Result<EnvFilter, InitLog> {
    let directives = match level.parse::<LevelFilter>() {
        Ok(LevelFilter::OFF) => "off".to_owned(),
        Ok(LevelFilter::ERROR) => "error".to_owned(),
        Ok(bare) => format!("warn,parcel_risk={bare}"),
        Err(_) => level.to_owned(),
    };
    EnvFilter::try_new(directives).map_err(|source| InitLog::Level { level: level.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_speaks_of_this_program_alone() {
        let directives = |level: &str| filter(level).unwrap().to_string();
        assert_eq!(directives("debug"), "parcel_risk=debug,warn");
        assert_eq!(directives("INFO"), "parcel_risk=info,warn");
        assert_eq!(directives("error"), "error");
        assert_eq!(directives("off"), "off");
        assert_eq!(directives("h2=info,parcel_risk=trace"), "parcel_risk=trace,h2=info");
    }

    #[test]
    fn a_level_that_is_none_is_refused() {
        assert!(filter("parcel_risk=loud").is_err());
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(toml::from_str::<LogConfig>("levle = 'info'").is_err());
        assert_eq!(toml::from_str::<LogConfig>("format = 'json'").unwrap().format, LogFormat::Json);
    }
}
