//! `model list`, `stage`, `promote`, `rollback` and `compare`: a running server's models.

use std::thread;
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use super::connection::ConnectionFlags;
use super::output;
use crate::evaluation::aligned;
use crate::wire::v1;
use crate::wire::v1::model_service_client::ModelServiceClient;

/// How often a server is asked whether a model is staged.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// What a server said instead of doing it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message())]
struct Refused(Status);

/// Which server, and how it is reached.
#[derive(Debug, clap::Args)]
pub(super) struct ServerFlag {
    /// Address of the server, such as http://127.0.0.1:50051.
    #[arg(long, value_name = "URL", env = "PARCEL_RISK_SERVER")]
    server: String,
    #[command(flatten)]
    connection: ConnectionFlags,
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

/// Flags of `model canary`.
#[derive(Debug, clap::Args)]
pub(super) struct CanaryArgs {
    /// The challenger's digest, as `model list` shows it.
    digest: String,
    /// Of each thousand items, how many it decides about, from 0 to 500; 0 ends it.
    items_per_thousand: i32,
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

impl ServerFlag {
    pub(super) fn new(server: String, connection: ConnectionFlags) -> Self {
        Self { server, connection }
    }

    /// Asks the server once.
    fn ask<Q, R>(
        &self,
        request: Q,
        call: impl AsyncFnOnce(ModelServiceClient<Channel>, Request<Q>) -> Result<Response<R>, Status>,
    ) -> anyhow::Result<R> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let channel = self.connection.connect(&self.server).await?;
            let client = ModelServiceClient::new(channel).max_decoding_message_size(usize::MAX);
            let mut request = Request::new(request);
            if let Some(authorization) = self.connection.authorization()? {
                request.metadata_mut().insert("authorization", authorization);
            }
            match call(client, request).await {
                Ok(reply) => Ok(reply.into_inner()),
                Err(status) => Err(Refused(status).into()),
            }
        })
    }
}

pub(super) fn list(args: &PlainArgs) -> anyhow::Result<()> {
    let request = v1::ListModelsRequest {};
    let listed = args.server.ask(request, async |mut client, request| client.list_models(request).await);
    let rows: Vec<_> = listed?.models.iter().map(row).collect();
    output::print(&aligned(&["state", "name", "version", "digest", "signer", "not passed"], &rows))
}

pub(super) fn stage(args: &StageArgs) -> anyhow::Result<()> {
    let model = stage_at(&args.server, &args.name, &args.version)?;
    let text: String = model.checks.iter().map(check_line).collect();
    output::print(&format!("{text}{}\n", named("challenger", &model)))
}

/// Stages a model at a server, and waits until that is done.
pub(super) fn stage_at(server: &ServerFlag, name: &str, version: &str) -> anyhow::Result<v1::ModelInfo> {
    let (name, version) = (name.to_owned(), version.to_owned());
    let request = v1::StageModelRequest { name: name.clone(), version: version.clone() };
    match server.ask(request, async |mut client, request| client.stage_model(request).await) {
        Ok(staged) => Ok(staged.model.unwrap_or_default()),
        Err(error) if is_too_late(&error) => wait_until_staged(server, &v1::GetModelRequest { name, version }),
        Err(error) => Err(error),
    }
}

/// A call that the server had no time to answer: it goes on staging all the same.
fn is_too_late(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|Refused(status)| status.code() == Code::DeadlineExceeded)
}

fn wait_until_staged(server: &ServerFlag, asked: &v1::GetModelRequest) -> anyhow::Result<v1::ModelInfo> {
    loop {
        let got = server.ask(asked.clone(), async |mut client, request| client.get_model(request).await)?;
        let model = got.model.unwrap_or_default();
        match (model.state(), failed_check(&model)) {
            (v1::ModelState::Staging, _) => thread::sleep(ASKED_EVERY),
            (v1::ModelState::Challenger | v1::ModelState::Champion, _) => return Ok(model),
            (_, Some(failed)) => anyhow::bail!("the model did not pass the check {}: {}", failed.check, failed.why),
            (_, None) => anyhow::bail!("the model is no challenger; the server's log says why"),
        }
    }
}

pub(super) fn promote(args: &PromoteArgs) -> anyhow::Result<()> {
    let request = v1::PromoteModelRequest { expected_digest: args.digest.clone() };
    let model = args.server.ask(request, async |mut client, request| client.promote_model(request).await)?.champion;
    output::print(&format!("{}\n", named("champion", &model.unwrap_or_default())))
}

pub(super) fn canary(args: &CanaryArgs) -> anyhow::Result<()> {
    let (expected_digest, items_per_thousand) = (args.digest.clone(), args.items_per_thousand);
    let request = v1::SetCanaryShareRequest { expected_digest, items_per_thousand };
    let reply = args.server.ask(request, async |mut client, request| client.set_canary_share(request).await)?;
    let model = reply.challenger.unwrap_or_default();
    output::print(&format!("{}, decides about {} of the items\n", named("challenger", &model), model.canary_share))
}

pub(super) fn roll_back(args: &PlainArgs) -> anyhow::Result<()> {
    let request = v1::RollBackModelRequest {};
    let model = args.server.ask(request, async |mut client, request| client.roll_back_model(request).await)?.champion;
    output::print(&format!("{}\n", named("champion", &model.unwrap_or_default())))
}

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    let request = v1::CompareModelsRequest { max_disagreements: args.disagreements };
    let compared = args.server.ask(request, async |mut client, request| client.compare_models(request).await)?;
    if args.json {
        return output::print(&(serde_json::to_string_pretty(&compared)? + "\n"));
    }
    output::print(&report(&compared))
}

fn state_of(model: &v1::ModelInfo) -> String {
    model.state().as_str_name().trim_start_matches("MODEL_STATE_").to_lowercase()
}

fn row(model: &v1::ModelInfo) -> Vec<String> {
    let v1::ModelRef { name, version, digest } = model.r#ref.clone().unwrap_or_default();
    let failed = failed_check(model).map(|check| check.check.clone()).unwrap_or_default();
    vec![state_of(model), name, version, digest, model.signer.clone(), failed]
}

fn failed_check(model: &v1::ModelInfo) -> Option<&v1::ModelCheck> {
    model.checks.iter().find(|check| check.verdict() == v1::CheckVerdict::Failed)
}

/// A model in one line.
pub(super) fn named(what: &str, model: &v1::ModelInfo) -> String {
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
