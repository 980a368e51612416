//! Progress of long work: on a terminal, nowhere else.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::telemetry::fields;
use crate::train;

/// A bar or a spinner on standard error, hidden where that is no terminal, and a line of the log a stage.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    stage: Option<(Cow<'static, str>, Instant)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        // indicatif hides itself where the target is no terminal.
        Self { bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), stage: None }
    }

    /// Begins a stage of `n_rows` rows, or of unknown length.
    pub(super) fn begin(&mut self, name: impl Into<Cow<'static, str>>, n_rows: Option<u64>) {
        let name = name.into();
        self.log_stage();
        self.stage = Some((name.clone(), Instant::now()));
        let style = match n_rows {
            Some(n) => {
                self.bar.set_length(n);
                ProgressStyle::with_template("{msg:>12} {wide_bar} {human_pos}/{human_len} {eta}")
            }
            None => {
                self.bar.unset_length();
                ProgressStyle::with_template("{msg:>12} {spinner} {human_pos}")
            }
        };
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_position(0);
        self.bar.set_message(name);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    pub(super) fn tick(&self) {
        self.bar.inc(1);
    }

    pub(super) fn advance(&self, n_rows: u64) {
        self.bar.inc(n_rows);
    }

    pub(super) fn end(&mut self) {
        self.log_stage();
        self.bar.finish_and_clear();
    }

    /// Says how long the stage that ends here took.
    fn log_stage(&mut self) {
        if let Some((name, began)) = self.stage.take() {
            tracing::debug!({ fields::STAGE } = &*name, { fields::SECONDS } = began.elapsed().as_secs_f64(), "stage");
        }
    }
}

impl train::Progress for Progress {
    fn stage(&mut self, name: &'static str, n_rows: Option<u64>) {
        self.begin(name, n_rows);
    }

    fn row(&mut self) {
        self.tick();
    }
}
