//! The life of a model: what is wrong is never served, and what is right takes over without a lost call.

mod canary;
mod corrupted;
mod loaded;
mod recorded;
mod retrained;
mod staged;
mod swaps;
mod worse;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use minisign::KeyPair;
use parcel_risk::artifact::{Artifact, KeyRole, Manifest, TrustedKeyConfig};
use parcel_risk::engine::Engine;
use parcel_risk::features::RatesConfig;
use parcel_risk::history::HistoryConfig;
use parcel_risk::ledger::{Clock, LedgerConfig};
use parcel_risk::model::ModelBody;
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::registry::{Believed, GateConfig, RegistryConfig, ValidRegistry};
use parcel_risk::serve::{Parts, Recorder, Scorer, ServeConfig};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::fixture::curve;
use crate::harness;

/// A registry of a test's own, with a key that counts.
struct Place {
    dir: TempDir,
    pair: KeyPair,
    config: RegistryConfig,
    gate: GateConfig,
}

impl Place {
    fn new() -> Self {
        let (dir, pair) = (tempfile::tempdir().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
        fs::create_dir(dir.path().join("models")).unwrap();
        let key = TrustedKeyConfig { name: "release".to_owned(), role: KeyRole::Release, key: pair.pk.to_base64() };
        let config = RegistryConfig {
            path: dir.path().join("models").to_str().unwrap().to_owned(),
            trusted_keys: vec![key],
            ..RegistryConfig::default()
        };
        // Times on a busy machine say nothing about a model.
        let gate = GateConfig { max_latency_ratio: 1000.0, ..GateConfig::default() };
        Self { dir, pair, config, gate }
    }

    fn registry(&self) -> ValidRegistry {
        self.config.clone().check().unwrap()
    }

    fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }

    fn model(&self, artifact: &Artifact) -> PathBuf {
        let model = artifact.model_ref();
        self.dir.path().join("models").join(&model.name).join(&model.version)
    }

    /// Puts a model into the registry, signed.
    fn put(&self, artifact: &Artifact) -> PathBuf {
        self.put_as(&artifact.clone().signed(sign(artifact.manifest_bytes(), &self.pair)))
    }

    /// As it is.
    fn put_as(&self, artifact: &Artifact) -> PathBuf {
        let path = self.model(artifact);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        artifact.write(&path).unwrap();
        path
    }

    /// A server of `champion`.
    fn parts(&self, champion: &Artifact) -> Parts {
        let scorer = Scorer::of(champion, rates(), policy(), ParcelLimits::default()).unwrap();
        self.with_models(Arc::new(ArcSwap::from_pointee(scorer)), None, champion)
    }

    /// One that records.
    fn recording_parts(&self, champion: &Artifact) -> (Parts, Arc<Recorder>) {
        let (model, model_ref) = (Arc::clone(champion.model()), Arc::clone(champion.model_ref()));
        let engine = Engine::new(model, model_ref, rates(), policy()).unwrap();
        let ledger = LedgerConfig { path: self.ledger().to_str().unwrap().to_owned(), ..LedgerConfig::default() };
        let recorder =
            Recorder::open(&self.ledger(), (&ledger, &HistoryConfig::default()), Clock::system(), champion, &engine)
                .unwrap();
        let scorer = Scorer::with_history(champion, engine, recorder.history(), ParcelLimits::default());
        recorder.begin().unwrap();
        let recorder = Arc::new(recorder);
        let parts = self.with_models(Arc::new(ArcSwap::from_pointee(scorer)), Some(Arc::clone(&recorder)), champion);
        (parts, recorder)
    }

    fn with_models(&self, scorer: Arc<ArcSwap<Scorer>>, recorder: Option<Arc<Recorder>>, champion: &Artifact) -> Parts {
        let parts = Parts::new(scorer, recorder, ServeConfig::default().check().unwrap()).unwrap();
        let champion = Believed { artifact: champion.clone(), signer: None };
        parts.with_models(champion, &self.registry(), self.gate.clone())
    }
}

fn sign(manifest: &[u8], pair: &KeyPair) -> String {
    minisign::sign(None, &pair.sk, manifest, None, None).unwrap().into_string()
}

fn rates() -> parcel_risk::features::ExchangeRates {
    RatesConfig::default().check().unwrap()
}

fn policy() -> parcel_risk::policy::Thresholds {
    ThresholdsConfig::default().check().unwrap()
}

/// A model of the line, quick to prove.
fn variant(version: &str, change: impl FnOnce(&mut ModelBody)) -> Artifact {
    let whole = harness::artifact().manifest().clone();
    let manifest = Manifest { name: "line".to_owned(), version: version.to_owned(), ..whole };
    harness::small_artifact(manifest, 20, change)
}

/// What decides at first.
fn first() -> &'static Artifact {
    static FIRST: OnceLock<Artifact> = OnceLock::new();
    FIRST.get_or_init(|| variant("1", |_| ()))
}

/// Another one, whose scores are a little higher.
fn second() -> &'static Artifact {
    static SECOND: OnceLock<Artifact> = OnceLock::new();
    SECOND.get_or_init(|| variant("2", |body| curve(body).c += 0.001))
}

async fn stage(models: &mut ModelServiceClient<Channel>, artifact: &Artifact) -> Result<v1::ModelInfo, Status> {
    let model = artifact.model_ref();
    let request = v1::StageModelRequest { name: model.name.clone(), version: model.version.clone() };
    Ok(harness::within(models.stage_model(request)).await?.into_inner().model.unwrap())
}

async fn promote(models: &mut ModelServiceClient<Channel>, artifact: &Artifact) -> Result<v1::ModelInfo, Status> {
    let request = v1::PromoteModelRequest { expected_digest: artifact.model_ref().digest.clone() };
    Ok(harness::within(models.promote_model(request)).await?.into_inner().champion.unwrap())
}

async fn roll_back(models: &mut ModelServiceClient<Channel>) -> Result<v1::ModelInfo, Status> {
    let request = v1::RollBackModelRequest {};
    Ok(harness::within(models.roll_back_model(request)).await?.into_inner().champion.unwrap())
}

/// State and version of every model, in the order told.
async fn listed(models: &mut ModelServiceClient<Channel>) -> Vec<(v1::ModelState, String)> {
    let models = models.list_models(v1::ListModelsRequest {}).await.unwrap().into_inner().models;
    models.into_iter().map(|model| (model.state(), model.r#ref.unwrap().version)).collect()
}

#[tokio::test]
async fn a_model_is_staged_promoted_and_rolled_back_and_every_step_is_told() {
    use v1::ModelState::{Challenger, Champion, Previous};
    let place = Place::new();
    place.put(second());
    let (endpoint, _server) = harness::start(place.parts(first())).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let version = |version: &str| version.to_owned();
    assert_eq!(listed(&mut models).await, [(Champion, version("1"))]);
    for refused in [promote(&mut models, second()).await.unwrap_err(), roll_back(&mut models).await.unwrap_err()] {
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    }

    let staged = stage(&mut models, second()).await.unwrap();
    assert_eq!((staged.state(), staged.signer.as_str()), (Challenger, "release"));
    let failed = staged.checks.iter().find(|check| check.verdict() == v1::CheckVerdict::Failed);
    assert!(failed.is_none() && staged.checks.len() == parcel_risk::registry::Check::ALL.len(), "{:?}", staged.checks);
    assert_eq!(listed(&mut models).await, [(Champion, version("1")), (Challenger, version("2"))]);
    let other = promote(&mut models, first()).await.unwrap_err();
    assert_eq!(other.code(), Code::FailedPrecondition, "the digest is another one's");
    assert_eq!(listed(&mut models).await[0], (Champion, version("1")));

    promote(&mut models, second()).await.unwrap();
    assert_eq!(listed(&mut models).await, [(Champion, version("2")), (Previous, version("1"))]);
    let decided_by = swaps::score(channel.clone()).await.model.unwrap();
    assert_eq!(decided_by.digest, second().model_ref().digest);

    roll_back(&mut models).await.unwrap();
    assert_eq!(listed(&mut models).await, [(Champion, version("1")), (Previous, version("2"))]);
    assert_eq!(swaps::score(channel).await.model.unwrap().digest, first().model_ref().digest);
    roll_back(&mut models).await.unwrap();
    assert_eq!(listed(&mut models).await[0], (Champion, version("2")), "and forward again");
}

#[tokio::test]
async fn a_key_for_trials_vouches_for_the_shadow_only() {
    let mut place = Place::new();
    place.config.trusted_keys[0].role = KeyRole::Trial;
    place.put(second());
    let (endpoint, _server) = harness::start(place.parts(first())).await;
    let mut models = ModelServiceClient::new(endpoint.connect().await.unwrap());
    stage(&mut models, second()).await.unwrap();
    let refused = promote(&mut models, second()).await.unwrap_err();
    assert_eq!(refused.message(), "the challenger is signed by a key that vouches for trials only");
    assert_eq!(listed(&mut models).await[0].1, "1");
}

#[tokio::test]
async fn what_nobody_vouches_for_decides_only_where_that_is_allowed_and_then_it_is_told() {
    let mut place = Place::new();
    place.put_as(second());
    let (endpoint, _server) = harness::start(place.parts(first())).await;
    let mut models = ModelServiceClient::new(endpoint.connect().await.unwrap());
    let refused = stage(&mut models, second()).await.unwrap_err();
    assert_eq!((refused.code(), rejected_by(&refused)), (Code::FailedPrecondition, "signature".to_owned()));

    place.config.allow_unsigned = true;
    let parts = place.parts(first());
    let standing = Arc::clone(&parts.standing);
    let (endpoint, _server) = harness::start(parts).await;
    let mut models = ModelServiceClient::new(endpoint.connect().await.unwrap());
    assert!(standing.troubles().is_empty(), "the built-in one and the one that was named are trusted");
    stage(&mut models, second()).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    let told: Vec<_> = standing.troubles().iter().map(|trouble| trouble.means).collect();
    assert_eq!(told, ["the one that decides has nobody's signature (registry.allow_unsigned)"]);
    assert!(standing.is_ready() && standing.metrics_text().contains("parcelrisk_model_unsigned 1\n"));
}

#[tokio::test]
async fn a_version_is_one_artifact_for_good() {
    let place = Place::new();
    place.put(second());
    let (endpoint, _server) = harness::start(place.parts(first())).await;
    let mut models = ModelServiceClient::new(endpoint.connect().await.unwrap());
    stage(&mut models, second()).await.unwrap();
    let again = variant("2", |body| curve(body).c += 0.02);
    place.put(&again);
    let refused = stage(&mut models, &again).await.unwrap_err();
    assert_eq!(rejected_by(&refused), "identity");
    // The challenger is what it was.
    promote(&mut models, second()).await.unwrap();
}

/// The check that a refusal names.
fn rejected_by(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{status}"));
    info.metadata.get("check").unwrap_or_else(|| panic!("{status}")).clone()
}

/// How many times something is done: `long` where LIFECYCLE_LONG is set.
fn times(usual: usize, long: usize) -> usize {
    if std::env::var_os("LIFECYCLE_LONG").is_some() { long } else { usual }
}
