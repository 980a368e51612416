//! The public customs declarations, and what is made of them for many tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::Array2;
use parcel_risk::artifact::Artifact;
use parcel_risk::features::{ExchangeRates, FeaturePlan, FeatureSpec, KeySpec, NUMBER_FEATURES, Part, RatesConfig};
use parcel_risk::history::{Bucket, History, Replay};
use parcel_risk::model::{BetaCalibration, Calibration, ModelBody};
use parcel_risk::parcel::{Draft, ParcelLimits};
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::table::{Mapping, TableReader};
use parcel_risk::train::{Dataset, LabeledParcel, Matrix, Progress, Recipe, TrainConfig, TrainError, drafts_at};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Days after which an outcome is known, as the default configuration has it.
pub(crate) const DELAY_DAYS: u32 = 14;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/customs-declarations").join(name)
}

pub(crate) fn customs_mapping() -> Mapping {
    Mapping::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mappings/customs-declarations.toml")).unwrap()
}

/// A year of declarations.
pub(crate) fn train_csv() -> PathBuf {
    fixture("train.csv")
}

/// The quarter that follows.
pub(crate) fn valid_csv() -> PathBuf {
    fixture("valid.csv")
}

pub(crate) fn read(paths: &[PathBuf]) -> Dataset {
    Dataset::read(paths, Some(&customs_mapping()), &ParcelLimits::default(), 0.0, || ()).unwrap()
}

/// All of them, in order of time.
pub(crate) fn rows() -> &'static [LabeledParcel] {
    static ROWS: OnceLock<Dataset> = OnceLock::new();
    &ROWS.get_or_init(|| read(&[train_csv(), valid_csv()])).rows
}

/// All of them as stated, in the order of the files.
pub(crate) fn drafts() -> &'static [Draft] {
    static DRAFTS: OnceLock<Vec<Draft>> = OnceLock::new();
    DRAFTS.get_or_init(|| {
        let mapping = customs_mapping();
        let rows = [train_csv(), valid_csv()].map(|path| TableReader::open(&path, Some(&mapping)).unwrap());
        rows.into_iter().flatten().map(|row| row.unwrap().unwrap().draft).collect()
    })
}

pub(crate) fn plan() -> FeaturePlan {
    FeaturePlan::compile(FeatureSpec::default()).unwrap()
}

/// Every number of the catalogue, and for each part a key of it alone.
pub(crate) fn whole_catalogue() -> FeaturePlan {
    let default = FeatureSpec::default();
    let of_part =
        |name: &str| KeySpec { name: name.to_owned(), parts: vec![name.to_owned()], ..default.keys[0].clone() };
    let spec = FeatureSpec {
        numbers: NUMBER_FEATURES.iter().map(|number| number.name.to_owned()).collect(),
        keys: Part::NAMED.iter().map(|(name, _)| of_part(name)).collect(),
        fingerprint: "sender".to_owned(),
        ..default
    };
    FeaturePlan::compile(spec).unwrap()
}

pub(crate) fn rates() -> ExchangeRates {
    RatesConfig::default().check().unwrap()
}

/// Features of rows.
pub(crate) struct Replayed {
    /// Shape `(n_rows, n_features)`.
    pub(crate) values: Array2<f32>,
    pub(crate) buckets: Vec<Bucket>,
}

/// The features that training gives rows in order of time, on top of nothing.
pub(crate) fn replayed(rows: &[LabeledParcel], delay_days: u32) -> Replayed {
    let plan = plan();
    let mut replay = Replay::from(History::empty(plan.spec().decay()), Vec::new());
    let Matrix { values, buckets } = Matrix::replay(rows, &plan, &rates(), delay_days, &mut replay, || ());
    let shape = (values.n_rows(), values.n_features());
    Replayed { values: Array2::from_shape_fn(shape, |(row, feature)| values.value(row, feature)), buckets }
}

/// Rows as bits: missing values are one, and minus zero is not zero.
pub(crate) fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    values.into_iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
}

/// Another order, the same for the same seed.
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for idx in (1..items.len()).rev() {
        // A bias of 2⁻³² does not matter here.
        items.swap(idx, random.next_u64() as usize % (idx + 1));
    }
}

/// The default settings, but with fewer bootstrap replicates.
pub(crate) fn quick() -> TrainConfig {
    // The sample is small: the default shares would leave too few parcels to calibrate on.
    TrainConfig { bootstrap_replicates: 100, calibrate_share: 0.1, report_share: 0.1, ..TrainConfig::default() }
}

/// Is told of a run, and says nothing.
pub(crate) struct Silent;

impl Progress for Silent {
    fn stage(&mut self, _: &'static str, _: Option<u64>) {}
    fn row(&mut self) {}
}

/// The built-in features, rates and thresholds.
pub(crate) fn recipe(config: TrainConfig) -> Recipe {
    Recipe {
        spec: FeatureSpec::default(),
        rates: RatesConfig::default(),
        thresholds: ThresholdsConfig::default(),
        config: config.check().unwrap(),
    }
}

/// Trains with the built-in features, rates and thresholds on rows of the two files.
pub(crate) fn train(dataset: &Dataset, config: TrainConfig) -> Result<Artifact, TrainError> {
    let recipe = recipe(config);
    let mapping = customs_mapping();
    let restate = |positions: &[&_]| drafts_at(&[train_csv(), valid_csv()], Some(&mapping), positions);
    parcel_risk::train::train(dataset, &recipe, restate, &mut Silent)
}

/// The curve of a model that is calibrated by one of three parameters.
pub(crate) fn curve(body: &mut ModelBody) -> &mut BetaCalibration {
    match &mut body.calibration {
        Calibration::Beta(curve) => curve,
        Calibration::Isotonic(steps) => panic!("{steps:?}"),
    }
}
