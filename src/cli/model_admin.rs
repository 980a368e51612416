//! `model list`, `stage`, `promote`, `rollback` and `compare`: a running server's models.

use anyhow::Context as _;
use tonic::transport::Channel;

use super::output;
use crate::evaluation::aligned;
use crate::wire::v1;
use crate::wire::v1::model_service_client::ModelServiceClient;

/// Which server.
#[derive(Debug, clap::Args)]
pub(super) struct ServerFlag {
    /// Address of the server, such as http://127.0.0.1:50051.
    #[arg(long, value_name = "URL", env = "PARCEL_RISK_SERVER")]
    pub(super) server: String,
}

/// Flags of `model list` and `model rollback`.
#[derive(Debug, clap::Args)]
pub(super) struct PlainArgs {
    #[command(flatten)]
    server: ServerFlag,
}

/// Flags of `model stage`.
#[derive(Debug, clap::Args)]
pub(super) struct StageArgs {
    /// Name of the line of models.
    name: String,
    /// Version within it.
    version: String,
    #[command(flatten)]
    server: ServerFlag,
}

/// Flags of `model promote`.
#[derive(Debug, clap::Args)]
pub(super) struct PromoteArgs {
    /// The challenger's digest, as `model list` shows it: it guards against promoting another one than was looked at.
    digest: String,
    #[command(flatten)]
    server: ServerFlag,
}

/// Flags of `model compare`.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// Most disagreements that are shown.
    #[arg(long, default_value_t = 20)]
    disagreements: i32,
    /// Print the reply as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlag,
}

type Client = ModelServiceClient<Channel>;

pub(super) fn list(args: &PlainArgs) -> anyhow::Result<()> {
    let models =
        ask(&args.server, async |mut client: Client| client.list_models(v1::ListModelsRequest {}).await)?.models;
    let rows: Vec<_> = models.iter().map(row).collect();
    output::print(&aligned(&["state", "name", "version", "digest", "signer", "not passed"], &rows))
}

pub(super) fn stage(args: &StageArgs) -> anyhow::Result<()> {
    let request = v1::StageModelRequest { name: args.name.clone(), version: args.version.clone() };
    let model = ask(&args.server, async |mut client: Client| client.stage_model(request).await)?.model;
    let model = model.unwrap_or_default();
    let text: String = model.checks.iter().map(check_line).collect();
    output::print(&format!("{text}{}\n", named("challenger", &model)))
}

/// Stages a model at a server, and says what was checked.
pub(super) fn stage_at(server: &str, name: &str, version: &str) -> anyhow::Result<()> {
    let server = ServerFlag { server: server.to_owned() };
    let request = v1::StageModelRequest { name: name.to_owned(), version: version.to_owned() };
    let model = ask(&server, async |mut client: Client| client.stage_model(request).await)?.model;
    eprintln!("{}", named("challenger", &model.unwrap_or_default()));
    Ok(())
}

pub(super) fn promote(args: &PromoteArgs) -> anyhow::Result<()> {
    let request = v1::PromoteModelRequest { expected_digest: args.digest.clone() };
    let model = ask(&args.server, async |mut client: Client| client.promote_model(request).await)?.champion;
    output::print(&format!("{}\n", named("champion", &model.unwrap_or_default())))
}

pub(super) fn roll_back(args: &PlainArgs) -> anyhow::Result<()> {
    let request = v1::RollBackModelRequest {};
    let model = ask(&args.server, async |mut client: Client| client.roll_back_model(request).await)?.champion;
    output::print(&format!("{}\n", named("champion", &model.unwrap_or_default())))
}

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    let request = v1::CompareModelsRequest { max_disagreements: args.disagreements };
    let compared = ask(&args.server, async |mut client: Client| client.compare_models(request).await)?;
    if args.json {
        return output::print(&(serde_json::to_string_pretty(&compared)? + "\n"));
    }
    output::print(&report(&compared))
}

/// Asks a server once.
fn ask<R>(
    server: &ServerFlag,
    call: impl AsyncFnOnce(Client) -> Result<tonic::Response<R>, tonic::Status>,
) -> anyhow::Result<R> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let endpoint = server.server.clone();
        let client = Client::connect(endpoint).await.with_context(|| format!("connecting to {}", server.server))?;
        match call(client.max_decoding_message_size(usize::MAX)).await {
            Ok(reply) => Ok(reply.into_inner()),
            Err(status) => anyhow::bail!("{}", status.message()),
        }
    })
}

fn state_of(model: &v1::ModelInfo) -> String {
    model.state().as_str_name().trim_start_matches("MODEL_STATE_").to_lowercase()
}

fn row(model: &v1::ModelInfo) -> Vec<String> {
    let v1::ModelRef { name, version, digest } = model.r#ref.clone().unwrap_or_default();
    let failed = model.checks.iter().find(|check| check.verdict() == v1::CheckVerdict::Failed);
    let failed = failed.map(|check| check.check.clone()).unwrap_or_default();
    vec![state_of(model), name, version, digest, model.signer.clone(), failed]
}

fn named(what: &str, model: &v1::ModelInfo) -> String {
    let v1::ModelRef { name, version, digest } = model.r#ref.clone().unwrap_or_default();
    format!("{what} {name} {version} sha256:{digest}")
}

fn check_line(check: &v1::ModelCheck) -> String {
    let verdict = check.verdict().as_str_name().trim_start_matches("CHECK_VERDICT_").to_lowercase();
    let mut figures: Vec<_> = check.figures.iter().collect();
    figures.sort_by_key(|(name, _)| *name);
    let figures: String = figures.into_iter().map(|(name, value)| format!(" {name}={value:.4}")).collect();
    let why = if check.why.is_empty() { String::new() } else { format!(": {}", check.why) };
    format!("{verdict:8}{}{figures}{why}\n", check.check)
}

fn route_name(route: v1::Route) -> String {
    route.as_str_name().trim_start_matches("ROUTE_").to_lowercase()
}

/// The comparison for people.
fn report(compared: &v1::CompareModelsResponse) -> String {
    let v1::CompareModelsResponse { parcels, shed, routes, score_shift, disagreements, outcomes, .. } = compared;
    let identity = |model: &Option<v1::ModelRef>| {
        let model = model.clone().unwrap_or_default();
        format!("{} {}", model.name, model.version)
    };
    let agreed: u64 = routes.iter().filter(|pair| pair.champion == pair.challenger).map(|pair| pair.parcels).sum();
    let share = if *parcels == 0 { 0.0 } else { 100.0 * agreed as f64 / *parcels as f64 };
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    let mut text = format!(
        "champion    {}\nchallenger  {}\n\n{parcels} parcels, {shed} left out\nsame route  {agreed} ({share:.2} %)\n\
         score shift {} (population stability index)\n\n",
        identity(&compared.champion),
        identity(&compared.challenger),
        number(*score_shift),
    );
    let rows: Vec<_> = routes
        .iter()
        .map(|pair| vec![route_name(pair.champion()), route_name(pair.challenger()), pair.parcels.to_string()])
        .collect();
    text += &aligned(&["champion", "challenger", "parcels"], &rows);
    if let Some(outcomes) = outcomes {
        text += &format!("\n{} outcomes, {} infringements\n", outcomes.parcels, outcomes.infringements);
        let row = |name: &str, champion, challenger| vec![name.to_owned(), number(champion), number(challenger)];
        let rows = [
            row("average precision", outcomes.champion_average_precision, outcomes.challenger_average_precision),
            row("precision at a tenth", outcomes.champion_precision_at_tenth, outcomes.challenger_precision_at_tenth),
        ];
        text += &aligned(&["", "champion", "challenger"], &rows);
    }
    for one in disagreements {
        let why = |reasons: &[v1::Reason]| {
            reasons.iter().take(2).map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(", ")
        };
        text += &format!(
            "\n{}\n  champion    {:.4} {} {}\n  challenger  {:.4} {} {}\n",
            one.decision_id,
            one.champion_risk_score,
            route_name(one.champion_route()),
            why(&one.champion_reasons),
            one.challenger_risk_score,
            route_name(one.challenger_route()),
            why(&one.challenger_reasons),
        );
    }
    text
}
