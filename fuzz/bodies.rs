//! What each fuzz target does with its bytes: anything may be refused, and nothing may panic, hang or answer nonsense.
//! `tests/it/fuzz.rs` runs the same briefly, so that they stand without a fuzzer too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use parcel_risk::artifact::{Artifact, Manifest};
use parcel_risk::engine::{Engine, Explanation};
use parcel_risk::features::RatesConfig;
use parcel_risk::history::{Bucket, Snapshot};
use parcel_risk::ledger::{Clock, Content, Kind, Ledger, LedgerConfig, Reader, verify};
use parcel_risk::model::Model;
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::policy::{DrawKey, FilePolicy, PolicySource, ThresholdsConfig, named_files};
use parcel_risk::serve::Scorer;
use parcel_risk::table::Mapping;
use parcel_risk::wire::{self, v1};
use prost::Message as _;
use serde_json::Value;

/// A body under the name of its target.
pub(crate) type Body = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: [Body; 6] = [
    ("wire", wire_decode),
    ("check", check),
    ("mapping", mapping),
    ("policy", policy),
    ("artifact", artifact),
    ("ledger", ledger),
];

/// Bytes of a call as they come from the network: they decode and come out the same, or are refused.
pub(crate) fn wire_decode(bytes: &[u8]) {
    if let Ok(request) = v1::ScoreParcelsRequest::decode(bytes) {
        let again = v1::ScoreParcelsRequest::decode(request.encode_to_vec().as_slice());
        // By their texts: NaN is not itself.
        assert_eq!(format!("{again:?}"), format!("Ok({request:?})"));
    }
    let _ = v1::StreamParcelsRequest::decode(bytes);
    let _ = v1::RecordOutcomesRequest::decode(bytes);
    let _ = v1::ListDecisionsRequest::decode(bytes);
    let _ = serde_json::from_slice::<v1::Parcel>(bytes);
}

/// A parcel of any content: what is wrong is named, and what is not is decided on with sound numbers.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(parcel) = v1::Parcel::decode(bytes) else { return };
    match scorer().score(wire::to_draft(parcel), Explanation::Full) {
        Err(invalid) => {
            assert!(!invalid.0.is_empty());
            assert!(invalid.0.iter().all(|violation| !violation.field.is_empty()), "{invalid:?}");
        }
        Ok(decision) => {
            let decision = wire::from_decision(decision, Default::default());
            assert!((0.0..=1.0).contains(&decision.risk_score), "{decision:?}");
            assert!((0.0..=1.0).contains(&decision.selection_probability), "{decision:?}");
            assert!(decision.reasons.iter().all(|reason| reason.contribution_log_odds.is_finite()), "{decision:?}");
        }
    }
}

/// The text of a mapping.
pub(crate) fn mapping(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Mapping::parse(text);
    }
}

/// The text of a policy.
pub(crate) fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(named) = named_files(text) else { return };
    let lists: BTreeMap<_, _> = named.lists.into_iter().map(|(name, _)| (name, "a\nb\n".to_owned())).collect();
    let source = PolicySource { text: text.to_owned(), lists, key: DrawKey::new(&[7; 32]) };
    let _ = FilePolicy::compile(&source, &["sender_identity".to_owned()]);
}

/// A model's files with something else written into them. The digests that would find it are passed by. The files are small
/// ones, made once of those of a real model: its hundreds of trees are compiled for seconds where a fuzzer looks on.
pub(crate) fn artifact(bytes: &[u8]) {
    static FILES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    let [model, manifest, history] = FILES.get_or_init(small_files);
    let Some((which, change)) = bytes.split_first() else { return };
    match which % 4 {
        0 => {
            if let Ok(model) = Model::from_bytes(&changed(model, change)) {
                let values = vec![f32::NAN; model.plan().features().len()];
                let _ = model.raw_score(&values);
            }
        }
        1 => drop(Model::from_bytes(change)),
        2 => {
            if let Ok(snapshot) = Snapshot::from_bytes(&changed(history, change)) {
                assert!(Snapshot::from_bytes(&snapshot.to_bytes()).is_ok_and(|again| again == snapshot));
            }
        }
        _ => drop(serde_json::from_slice::<Manifest>(&changed(manifest, change))),
    }
}

/// A model of two trees in each of its estimators, a manifest whose lists are short, and a history of few.
fn small_files() -> [Vec<u8>; 3] {
    const MODEL: &[u8] = include_bytes!("../models/customs-declarations/model.bin");
    const MANIFEST: &[u8] = include_bytes!("../models/customs-declarations/manifest.json");
    const HISTORY: &[u8] = include_bytes!("../models/customs-declarations/history.bin");
    let whole = Model::from_bytes(MODEL).expect("the model of public data is sound");
    let mut body = serde_json::to_value(whole.body()).expect("it is plain numbers and names");
    fewer_trees(&mut body);
    let body = serde_json::from_value(body).expect("two trees are trees");
    let model = Model::new(body).expect("and they are a model").to_bytes();
    let mut manifest = serde_json::from_slice(MANIFEST).expect("the manifest is JSON");
    shorter_lists(&mut manifest);
    let manifest = serde_json::to_vec(&manifest).expect("it still is");
    serde_json::from_slice::<Manifest>(&manifest).expect("and a manifest");
    let mut snapshot = Snapshot::from_bytes(HISTORY).expect("the history of public data is one");
    snapshot.entries.truncate(20);
    snapshot.activity.truncate(9);
    snapshot.norms.truncate(9);
    snapshot.due.truncate(2);
    [model, manifest, snapshot.to_bytes()]
}

fn fewer_trees(value: &mut Value) {
    let Some(object) = value.as_object_mut() else {
        value.as_array_mut().into_iter().flatten().for_each(fewer_trees);
        return;
    };
    if let Some(Value::Array(mut roots)) = object.remove("roots") {
        roots.truncate(2);
        // What they do not reach belongs to others.
        let child = |node: &Value| node.get("children").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let (mut open, mut n_reached): (Vec<u64>, _) = (roots.iter().map(child).collect(), 0);
        if let Some(pairs) = object.get_mut("pairs").and_then(Value::as_array_mut) {
            while let Some(at) = open.pop() {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                if let Some(pair) = pairs.get(at) {
                    n_reached = n_reached.max(at + 1);
                    open.extend(pair.as_array().into_iter().flatten().map(child));
                }
            }
            pairs.truncate(n_reached);
        }
        object.insert("roots".to_owned(), Value::Array(roots));
    }
    object.values_mut().for_each(fewer_trees);
}

fn shorter_lists(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.truncate(3);
            list.iter_mut().for_each(shorter_lists);
        }
        Value::Object(object) => object.values_mut().for_each(shorter_lists),
        _ => {}
    }
}

/// A ledger's file with something else written into it: it is read or refused; one of eight is opened to write too, which
/// starts a thread and asks the disk, and what opens takes a record.
pub(crate) fn ledger(bytes: &[u8]) {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    let content = || Content::new(Kind::Outcome, Bucket(1), vec![1, 2, 3]);
    let open = |path: &Path| Ledger::open(path, &LedgerConfig::default(), Clock::at_micros(Arc::default()));
    let whole = WHOLE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory of its own");
        let path = dir.path().join("ledger.db");
        let ledger = open(&path).expect("a new ledger opens");
        for _ in 0..20 {
            ledger.append(content()).expect("it takes records");
        }
        drop(ledger);
        fs::read(&path).expect("it is one file when it is closed")
    });
    let dir = tempfile::tempdir().expect("a directory of its own");
    let path = dir.path().join("ledger.db");
    let Some((which, change)) = bytes.split_first() else { return };
    fs::write(&path, changed(whole, change)).expect("there is room for it");
    if which % 8 == 0
        && let Ok(ledger) = open(&path)
    {
        let _ = ledger.append(content());
    }
    if let Ok(reader) = Reader::open(&path) {
        let _ = reader.decision(&[0; 16]);
    }
    let _ = verify(&path, None);
}

/// `whole` with pieces of it overwritten: each begins with its place (three bytes) and its length (one).
fn changed(whole: &[u8], mut change: &[u8]) -> Vec<u8> {
    let mut changed = whole.to_vec();
    while let [a, b, c, length, rest @ ..] = change {
        let at = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let at = at % changed.len().max(1);
        let length = usize::from(*length).min(rest.len());
        let (piece, left) = rest.split_at(length);
        changed.iter_mut().skip(at).zip(piece).for_each(|(old, new)| *old = *new);
        // Nothing written: it ends there.
        if length == 0 {
            changed.truncate(at);
        }
        change = left;
    }
    changed
}

fn scorer() -> &'static Scorer {
    static SCORER: OnceLock<Scorer> = OnceLock::new();
    SCORER.get_or_init(|| {
        let artifact = Artifact::embedded().expect("the built-in model proves itself");
        let rates = RatesConfig::default().check().expect("the default rates are sound");
        let policy = ThresholdsConfig::default().check().expect("so are the thresholds");
        let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
        let engine = Engine::new(model, model_ref, rates, policy).expect("they fit the model");
        Scorer::with_history(&artifact, engine, Arc::clone(artifact.settled_history()), ParcelLimits::default())
    })
}
