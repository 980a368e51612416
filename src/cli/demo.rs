//! `demo`: the main job, end to end, on the embedded defaults.

mod post;
mod shown;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::connection::ConnectionFlags;
use super::settings::{self, ConfigFlag, Flags};
use super::{client, output};
use crate::serve::{Parts, serve};
use crate::table::TableReader;
use crate::wire::v1;
use shown::ByRoute;

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labeled table to score; without it, what the built-in model knows: days of simulated post that it has not seen where
    /// it was trained on such, else the sample of customs declarations in the project's directory.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// How its columns become parcels.
    #[arg(long, value_name = "FILE", requires = "data")]
    mapping: Option<PathBuf>,
    /// Artifact of the model; without it, the built-in one.
    #[arg(long, value_name = "DIR", requires = "data")]
    model: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlag,
}

/// The sample of customs declarations, and how its columns become parcels.
const SAMPLE: &str = "tests/fixtures/customs-declarations/valid.csv";
const SAMPLE_MAPPING: &str = "models/mappings/customs-declarations.toml";

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let config = settings::load(&args.config, Flags::default())?;
    settings::start_log(&config)?;
    let artifact = settings::artifact(args.model.as_deref())?;
    let scorer = Arc::new(ArcSwap::from_pointee(settings::scorer(&artifact, &config)?));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("listening on loopback")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let parts = Parts::new(scorer, None, config.serve().clone())?;
    let server = runtime.spawn(serve(listener, parts, async {
        let _ = stopped.await;
    }));
    let model = artifact.model_ref();
    output::print(&format!("serving {} {} on {endpoint}\n\n", model.name, model.version))?;
    match &args.data {
        Some(data) => show_table(&endpoint, data, args.mapping.as_deref())?,
        None if model.name == post::MODEL => post::show(&endpoint, artifact.manifest().data.until_seconds)?,
        None => show_table(&endpoint, Path::new(SAMPLE), Some(Path::new(SAMPLE_MAPPING)))?,
    }
    // The server may have left already only where it failed, which the next line tells.
    let _ = stop.send(());
    runtime.block_on(server)??;
    Ok(())
}

/// Scores a table of the caller's.
fn show_table(endpoint: &str, data: &Path, mapping: Option<&Path>) -> anyhow::Result<()> {
    let mapping = settings::mapping(mapping)?;
    let open = || TableReader::open(data, mapping.as_ref());
    let labels: HashMap<String, bool> = open()?
        .filter_map(Result::ok)
        .filter_map(Result::ok)
        .filter_map(|row| Some((row.draft.item_id, row.outcome?.infringement)))
        .collect();
    let mut shown = ByRoute::new(labels);
    client::score(endpoint, &ConnectionFlags::default(), open()?, v1::ExplanationLevel::Reasons, |scored| {
        shown.add(scored);
        Ok(())
    })?;
    output::print(&shown.to_text())
}
