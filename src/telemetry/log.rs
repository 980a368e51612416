//! Log lines to standard error: for people on a terminal, for machines elsewhere.

use std::io::IsTerminal as _;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use super::fields;

/// Environment variable that overrides [`LogConfig::level`].
pub const LEVEL_ENV: &str = "PARCEL_RISK_LOG";

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace` for this program, with libraries at
    /// `warn`; or directives such as `parcel_risk=debug,h2=info`, with all else at `error`.
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
    /// A word is no level.
    #[error(
        "{setting}: must be off, error, warn, info, debug or trace, or directives such as parcel_risk=debug, got {word:?}"
    )]
    Level {
        /// Where it comes from.
        setting: &'static str,
        /// The word.
        word: String,
    },
    /// A target is that of nothing.
    #[error("{setting}: no target has a dash: write {} in place of {target}", target.replace('-', "_"))]
    Target {
        /// Where it comes from.
        setting: &'static str,
        /// The target.
        target: String,
    },
    /// A directive does not read as one.
    #[error("{setting}: reading {level:?}")]
    Directives {
        /// Where it comes from.
        setting: &'static str,
        /// As configured.
        level: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Someone else logs in this process already.
    #[error("starting the log")]
    Installed(#[from] TryInitError),
}

/// Lines that wait for their reader, at most. Later ones are lost and counted.
const MOST_WAITING: usize = 8192;

/// What counts the lines that were lost, where they are written by a thread of their own.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// How long lines that wait at the end may take.
const LAST_LINES_LIMIT: Duration = Duration::from_millis(1500);

/// The thread that writes log lines. Dropped, it writes what waits, for a moment at most.
#[derive(Debug)]
pub struct LogThread(Option<WorkerGuard>);

impl Drop for LogThread {
    fn drop(&mut self) {
        let (ended, ends) = mpsc::channel::<()>();
        let guard = self.0.take();
        // Where nobody reads the log it says so on standard output, which nobody may read either.
        let last = thread::Builder::new().name("log-end".to_owned()).spawn(move || {
            drop(guard);
            drop(ended);
        });
        if last.is_ok() {
            let _ = ends.recv_timeout(LAST_LINES_LIMIT);
        }
    }
}

/// Starts logging to standard error, for the whole process; from then on a panic is a log line too.
///
/// # Errors
/// [`InitLog`] where the level is malformed, or where the process logs already.
pub fn init(config: &LogConfig) -> Result<(), InitLog> {
    init_to(config, std::io::stderr)
}

/// As [`init`], for who must not wait for whoever reads the log: a pipe that nobody empties would hold up each that logs.
///
/// # Errors
/// As [`init`].
pub fn init_apart(config: &LogConfig) -> Result<LogThread, InitLog> {
    let lines = NonBlockingBuilder::default().buffered_lines_limit(MOST_WAITING).thread_name("log");
    let (lines, thread) = lines.finish(std::io::stderr());
    LOST.get_or_init(|| lines.error_counter());
    init_to(config, lines)?;
    Ok(LogThread(Some(thread)))
}

/// Lines that nobody took in time.
pub(super) fn n_lines_lost() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
}

fn init_to<W>(config: &LogConfig, writer: W) -> Result<(), InitLog>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = config.filter_in_force()?;
    // A line that can't be written is lost, and nothing else: to tell of it on the same standard error would panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
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
        filter("log.level", &self.level).map(drop)
    }

    /// As [`Self::check`], with what the environment says in place of the level.
    ///
    /// # Errors
    /// [`InitLog`] where what is in force is malformed.
    pub fn check_in_force(&self) -> Result<(), InitLog> {
        self.filter_in_force().map(drop)
    }

    fn filter_in_force(&self) -> Result<EnvFilter, InitLog> {
        match std::env::var(LEVEL_ENV).ok().filter(|level| !level.is_empty()) {
            Some(level) => filter(LEVEL_ENV, &level),
            None => filter("log.level", &self.level),
        }
    }
}

/// A bare level speaks of this program alone: at `debug`, HTTP/2 frames would drown its own lines.
fn filter(setting: &'static str, level: &str) -> Result<EnvFilter, InitLog> {
    let directives = match level.trim().parse::<LevelFilter>() {
        Ok(LevelFilter::OFF) => "off".to_owned(),
        Ok(LevelFilter::ERROR) => "error".to_owned(),
        Ok(bare) => format!("warn,parcel_risk={bare}"),
        Err(_) => several(setting, level)?,
    };
    EnvFilter::try_new(directives).map_err(|source| InitLog::Directives { setting, level: level.to_owned(), source })
}

/// Directives that can't silence everything by a slip: a word that is no level would be taken for the name of a target, and a
/// target that nothing has would leave nothing else.
fn several(setting: &'static str, level: &str) -> Result<String, InitLog> {
    let mut directives = "error".to_owned();
    for directive in level.split(',').map(str::trim) {
        if !directive.contains(['=', '[']) && directive.parse::<LevelFilter>().is_err() {
            return Err(InitLog::Level { setting, word: directive.to_owned() });
        }
        let target = directive.split(['=', '[']).next().unwrap_or_default();
        if target.contains('-') {
            return Err(InitLog::Target { setting, target: target.to_owned() });
        }
        // A level for all that stands among them takes the place of the first.
        directives.push(',');
        directives += directive;
    }
    Ok(directives)
}

#[cfg(test)]
mod tests {
    use super::super::with_causes;
    use super::*;

    #[test]
    fn a_bare_level_speaks_of_this_program_alone() {
        let directives = |level: &str| filter("log.level", level).unwrap().to_string();
        assert_eq!(directives("debug"), "parcel_risk=debug,warn");
        assert_eq!(directives("INFO"), "parcel_risk=info,warn");
        assert_eq!(directives("error"), "error");
        assert_eq!(directives("off"), "off");
        assert_eq!(
            directives("h2=info, parcel_risk=TRACE"),
            "parcel_risk=trace,h2=info,error",
            "errors of all are kept"
        );
        assert_eq!(directives("h2=info,warn"), "h2=info,warn");
        assert_eq!(directives("off,h2=info"), "h2=info,off", "unless it is said outright");
    }

    #[test]
    fn what_would_silence_everything_by_a_slip_is_refused() {
        let refused = |level: &str| with_causes(&filter("log.level", level).unwrap_err());
        let levels = "must be off, error, warn, info, debug or trace, or directives such as parcel_risk=debug";
        for word in ["warning", "verbose", "parcel_risk"] {
            assert_eq!(refused(word), format!("log.level: {levels}, got {word:?}"));
        }
        assert_eq!(refused("parcel_risk=debug,all"), format!("log.level: {levels}, got \"all\""));
        assert_eq!(
            refused("parcel-risk=debug"),
            "log.level: no target has a dash: write parcel_risk in place of parcel-risk"
        );
        assert!(refused("parcel_risk=loud").starts_with("log.level: reading \"parcel_risk=loud\": "));
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(toml::from_str::<LogConfig>("levle = 'info'").is_err());
        assert_eq!(toml::from_str::<LogConfig>("format = 'json'").unwrap().format, LogFormat::Json);
    }
}
