//! `demo`: the main job, end to end, on the embedded defaults.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::score::Scored;
use super::settings::{self, ConfigFlag, Flags};
use super::{client, output, text};
use crate::serve::{Parts, serve};
use crate::table::TableReader;
use crate::wire::v1;

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labeled table to score; the default stands in the project's directory.
    #[arg(long, value_name = "FILE", default_value = "tests/fixtures/customs-declarations/valid.csv")]
    data: PathBuf,
    /// How its columns become parcels.
    #[arg(long, value_name = "FILE", default_value = "models/mappings/customs-declarations.toml")]
    mapping: PathBuf,
    #[command(flatten)]
    config: ConfigFlag,
}

/// Decisions shown of each route.
const N_SHOWN: usize = 3;

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let config = settings::load(&args.config, Flags::default())?;
    settings::start_log(&config)?;
    let artifact = settings::artifact(None)?;
    let scorer = Arc::new(ArcSwap::from_pointee(settings::scorer(&artifact, &config)?));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("listening on loopback")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let parts = Parts { scorer, config: config.serve().clone() };
    let server = runtime.spawn(serve(listener, parts, async {
        let _ = stopped.await;
    }));
    let model = artifact.model_ref();
    output::print(&format!("serving {} {} on {endpoint}\n\n", model.name, model.version))?;

    let mapping = settings::mapping(Some(&args.mapping))?;
    let open = || TableReader::open(&args.data, mapping.as_ref());
    let labels: HashMap<String, bool> = open()?
        .filter_map(Result::ok)
        .filter_map(Result::ok)
        .filter_map(|row| Some((row.draft.item_id, row.outcome?.infringement)))
        .collect();
    let mut shown = Shown::new(labels);
    client::score(&endpoint, open()?, v1::ExplanationLevel::Reasons, |scored| {
        shown.add(scored);
        Ok(())
    })?;
    output::print(&shown.to_text())?;
    // The server may have left already only where it failed, which the next line tells.
    let _ = stop.send(());
    runtime.block_on(server)??;
    Ok(())
}

/// Decisions by route, most intrusive last.
struct Shown {
    labels: HashMap<String, bool>,
    by_route: BTreeMap<i32, Vec<v1::Decision>>,
    n_refused: usize,
}

impl Shown {
    fn new(labels: HashMap<String, bool>) -> Self {
        Self { labels, by_route: BTreeMap::new(), n_refused: 0 }
    }

    fn add(&mut self, scored: Scored) {
        match scored {
            Scored::Decision(decision) => self.by_route.entry(decision.route).or_default().push(*decision),
            Scored::Refused { .. } | Scored::Unreadable(_) => self.n_refused += 1,
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for decisions in self.by_route.values().rev() {
            // A few from the whole range of the route, not only its extremes.
            let step = decisions.len().div_ceil(N_SHOWN).max(1);
            for decision in decisions.iter().step_by(step) {
                let found = match self.labels.get(&decision.item_id) {
                    Some(true) => "an infringement",
                    Some(false) => "clean",
                    None => "not known",
                };
                text += &format!("{}\n    = what inspection found: {found}\n\n", text::decision(decision));
            }
        }
        for decisions in self.by_route.values().rev() {
            let Some(first) = decisions.first() else { continue };
            let labels: Vec<bool> =
                decisions.iter().filter_map(|decision| self.labels.get(&decision.item_id).copied()).collect();
            let infringements = labels.iter().filter(|label| **label).count();
            let (route, n) = (text::route(first.route()), decisions.len());
            text += &format!("{route}: {n} parcels, {infringements} of {} were infringements\n", labels.len());
        }
        if self.n_refused > 0 {
            text += &format!("refused: {}\n", self.n_refused);
        }
        text
    }
}
