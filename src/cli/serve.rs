//! `serve`: scores over gRPC until told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::settings::{self, ConfigFlag, Flags};
use super::{models, output, supervisor};
use crate::admin;
use crate::config::ValidConfig;
use crate::identity::Identity;
use crate::registry::Believed;
use crate::serve::{Parts, Recorder, Scorer, Standing, reload, serve};
use crate::telemetry::fields;
use crate::traces::Traces;

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address to listen on [default: serve.listen].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Artifact to serve; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Ledger in which decisions and outcomes are recorded [default: ledger.path].
    #[arg(long, value_name = "FILE")]
    ledger: Option<String>,
    /// Address of the status page, metrics and probes [default: admin.listen].
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    #[command(flatten)]
    config: ConfigFlag,
}

/// How long records that wait may take at the end, and spans.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// What an address is, in an error.
const APART: &str = ", the address of serve.listen_apart";
const ADMIN: &str = ", the address of admin.listen";

/// Longest that files may take that are read anew.
const RELOAD_LIMIT: Duration = Duration::from_secs(5);

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let config = settings::load(
        &args.config,
        Flags::default()
            .set("serve.listen", args.listen)
            .set("ledger.path", args.ledger)
            .set("admin.listen", args.admin),
    )?;
    let _log = settings::start_log_apart(&config)?;
    outlive_hangups()?;
    addresses_are_free(&config)?;
    let Believed { artifact, signer } = models::champion(args.model.as_deref(), &config)?;
    let (scorer, recorder) = settings::recorded_scorer(&artifact, &config)?;
    let saving = recorder.as_ref().map(|recorder| recorder.keep_saved()).transpose()?;
    let scorer = Arc::new(ArcSwap::from_pointee(scorer));
    let identity = Arc::new(Identity::load(config.identity().clone())?);
    let parts = Parts::new(Arc::clone(&scorer), recorder.clone(), config.serve().clone())?;
    let traces = Traces::start(config.traces(), Arc::clone(parts.standing.metrics()))?;
    let parts = parts.with_identity(Arc::clone(&identity)).with_traces(traces.clone());
    let parts = parts.with_models(Believed { artifact, signer }, config.registry(), config.gate().clone());
    let lifecycle = parts.standing.lifecycle().cloned();
    let admin = config.admin().listen().map(|address| start_admin(address, Arc::clone(&parts.standing))).transpose()?;
    let resting = Arc::clone(&parts.standing);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().on_thread_park(move || resting.rest());
    if recorder.is_some() && std::thread::available_parallelism().is_ok_and(|n| n.get() == 1) {
        // A disk that hangs takes one thread with it.
        runtime.worker_threads(2);
    }
    let runtime = runtime.build()?;
    let drained = runtime.block_on(async {
        let address = config.serve().listen();
        let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        output::print(&format!("listening on {}\n", listener.local_addr()?))?;
        let apart = match config.serve().listen_apart() {
            None => None,
            Some(address) => {
                let apart = TcpListener::bind(address).await;
                let apart = apart.with_context(|| format!("listening on {address}{APART}"))?;
                output::print(&format!("models and audit on {}\n", apart.local_addr()?))?;
                Some(apart)
            }
        };
        if let Some(address) = admin {
            output::print(&format!("admin on http://{address}\n"))?;
        }
        let stop = stop_signal()?;
        if let Some(recorder) = &recorder {
            // Before anything else is recorded: what became of models, by the looks into the registry.
            recorder.begin()?;
        }
        tokio::spawn(supervisor::tell_of(Arc::clone(&parts.standing)));
        if identity.has_files() {
            read_identity_at_hangup(identity, Arc::clone(&parts.standing))?;
        }
        if let Some(lifecycle) = &lifecycle {
            models::look_often(Arc::downgrade(lifecycle), config.registry().poll_interval())?;
        }
        if let Some(path) = config.policy_file() {
            reload_at_hangup(path.to_owned(), scorer, recorder.clone(), Arc::clone(&parts.standing))?;
        }
        anyhow::Ok(serve(listener, parts.with_apart(apart), stop).await?)
    })?;
    // Connections that outlived the drain end here, not when their clients wish.
    runtime.shutdown_background();
    // Calls that were cut may hold it too, so that dropping it is no end.
    traces.finish(FLUSH_LIMIT);
    drop(saving);
    let n_lost = recorder.as_ref().map_or(0, |recorder| recorder.ledger().flush(FLUSH_LIMIT));
    if let Some(Err(error)) = recorder.as_ref().map(|recorder| recorder.save_history()) {
        let error = format!("{:#}", anyhow::Error::from(error));
        tracing::warn!({ fields::ERROR } = error, "history can't be saved: the next start folds it from the ledger");
    }
    drop(recorder);
    anyhow::ensure!(n_lost == 0, "{n_lost} records are lost: the ledger could not be written");
    if drained.cut {
        anyhow::bail!("calls were still running when the drain limit passed; they were cut");
    }
    Ok(())
}

/// An address that is taken is told before a ledger is folded, which may take minutes. None is listened on until then: whoever
/// connected would wait for as long, and is refused at once.
fn addresses_are_free(config: &ValidConfig) -> anyhow::Result<()> {
    let (serve, admin) = (config.serve(), config.admin().listen());
    let apart = serve.listen_apart().map(|address| (address, APART));
    let admin = admin.map(|address| (address, ADMIN));
    for (address, whose) in [Some((serve.listen(), "")), apart, admin].into_iter().flatten() {
        std::net::TcpListener::bind(address).with_context(|| format!("listening on {address}{whose}"))?;
    }
    Ok(())
}

/// From here on a hangup ends nobody, also where there is nothing to read anew, or not yet: once watched for, it stays so.
fn outlive_hangups() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    drop(signal(SignalKind::hangup())?);
    Ok(())
}

/// Reads the policy anew at each SIGHUP: as a whole, or not at all.
fn reload_at_hangup(
    path: PathBuf,
    scorer: Arc<ArcSwap<Scorer>>,
    recorder: Option<Arc<Recorder>>,
    standing: Arc<Standing>,
) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    // Not held for good: when the server has gone, so shall the ledger.
    let recorder = recorder.as_ref().map(Arc::downgrade);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (path, scorer, recorder) = (path.clone(), Arc::clone(&scorer), recorder.clone());
            let reloaded = tokio::task::spawn_blocking(move || {
                let policy = settings::policy(&path, scorer.load().engine().history_keys())?;
                let recorder = match recorder {
                    Some(recorder) => Some(recorder.upgrade().context("the server has ended")?),
                    None => None,
                };
                anyhow::Ok(reload(&scorer, recorder.as_deref(), policy)?)
            });
            let reloaded = in_time(reloaded).await.and_then(|reloaded| reloaded);
            standing.policy_reloaded(reloaded.is_ok());
            match reloaded {
                Ok(version) => tracing::info!({ fields::POLICY_VERSION } = %version, "the policy was read anew"),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!({ fields::ERROR } = error, "the policy is not changed: the file was refused");
                }
            }
        }
    });
    Ok(())
}

/// Reads certificates and keys anew at each SIGHUP. A file that can't be used is told of, and the old ones go on.
fn read_identity_at_hangup(identity: Arc<Identity>, standing: Arc<Standing>) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let again = Arc::clone(&identity);
            let refused = in_time(tokio::task::spawn_blocking(move || again.reload())).await;
            let refused: Vec<_> = match refused {
                Ok(refused) => refused.into_iter().map(|error| format!("{error}")).collect(),
                Err(error) => vec![format!("{error:#}")],
            };
            standing.identity_reloaded(refused.is_empty());
            if refused.is_empty() {
                tracing::info!("certificates and keys were read anew");
            }
            for error in refused {
                tracing::error!({ fields::ERROR } = error, "certificates or keys are not changed: a file was refused");
            }
        }
    });
    Ok(())
}

/// What a reading came to. One that hangs, as on a file system that does, is given up, so that the next is heard.
async fn in_time<T>(reading: tokio::task::JoinHandle<T>) -> anyhow::Result<T> {
    let read = tokio::time::timeout(RELOAD_LIMIT, reading).await;
    Ok(read.map_err(|_| anyhow::anyhow!("reading it takes longer than {} s", RELOAD_LIMIT.as_secs()))??)
}

/// Starts the admin port on a thread of its own, so that it answers however busy the others are, until the process ends.
fn start_admin(address: &str, standing: Arc<Standing>) -> anyhow::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener =
        runtime.block_on(TcpListener::bind(address)).with_context(|| format!("listening on {address}{ADMIN}"))?;
    let bound = listener.local_addr()?;
    let answer = move || match runtime.block_on(admin::serve(listener, standing)) {};
    std::thread::Builder::new().name("admin".to_owned()).spawn(answer)?;
    Ok(bound)
}

/// Completes at SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        supervisor::tell_of_stop().await;
    })
}
