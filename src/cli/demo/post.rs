//! Days of simulated post that the built-in model has not seen, with what is true of them.

use std::collections::{BTreeMap, HashMap};

use super::shown::ByRoute;
use crate::cli::connection::ConnectionFlags;
use crate::cli::score::Scored;
use crate::cli::{client, output, text};
use crate::simulate::{Scenario, Simulated, Simulation, Size, Truth};
use crate::table::{RowPosition, TableRow};
use crate::wire::v1;

/// Name of models of this post: what `models/make-default` calls the one it makes.
pub(super) const MODEL: &str = "simulated-post";
/// The scenario that the built-in model was trained on.
const SCENARIO: &str = "kazakhstan";
/// Days between the model's data and the post that is shown: nearly all of its outcomes have come in by then.
const DAYS_AFTER: i64 = 14;
/// Days that are shown.
const DAYS_SHOWN: i64 = 14;
const SECONDS_PER_DAY: i64 = 86_400;

/// Simulates the world of the built-in model on, sends some days of it to a server, and prints what became of them.
/// * `trained_until`: when the last parcel of the model's data was advised, in seconds since 1970.
pub(super) fn show(endpoint: &str, trained_until: i64) -> anyhow::Result<()> {
    let parcels = simulated(trained_until)?;
    let rows: Vec<_> = parcels.iter().enumerate().map(|parcel| Ok(Ok(row(parcel)))).collect();
    let labels = parcels.iter().map(|parcel| (parcel.draft.item_id.clone(), parcel.truth.is_prohibited()));
    let mut shown = ByRoute::new(labels.collect());
    let mut decisions = Vec::with_capacity(parcels.len());
    client::score(endpoint, &ConnectionFlags::default(), rows.into_iter(), v1::ExplanationLevel::Reasons, |scored| {
        decisions.push(match &scored {
            Scored::Decision(decision) => Some(decision.as_ref().clone()),
            Scored::Refused { .. } | Scored::Unreadable(_) => None,
        });
        shown.add(scored);
        Ok(())
    })?;
    let told: Vec<_> = decisions.iter().flatten().zip(&parcels).collect();
    let mut text = String::from("Simulated post, after the time that the model has learned from. Nobody sent it.\n\n");
    for (heading, decision, parcel) in stories(&told) {
        text += &format!("{heading}\n{}\n    = the truth: {}\n\n", text::decision(decision), truth(&parcel.truth));
    }
    output::print(&(text + &shown.counts()))
}

/// The parcels of the days shown.
fn simulated(trained_until: i64) -> anyhow::Result<Vec<Simulated>> {
    let mut simulation = Simulation::new(Scenario::shipped(SCENARIO)?, Size::default())?;
    let from = trained_until + DAYS_AFTER * SECONDS_PER_DAY;
    let span = from..from + DAYS_SHOWN * SECONDS_PER_DAY;
    let advised = |parcel: &Simulated| parcel.draft.advised_at.map_or(0, |at| at.seconds);
    let mut parcels = Vec::new();
    while let Some(batch) = simulation.next_batch() {
        let ended = batch.last().is_some_and(|last| advised(last) >= span.end);
        parcels.extend(batch.into_iter().filter(|parcel| span.contains(&advised(parcel))));
        if ended {
            break;
        }
    }
    anyhow::ensure!(!parcels.is_empty(), "the simulated world ends before the built-in model's data does");
    Ok(parcels)
}

fn row((idx, parcel): (usize, &Simulated)) -> TableRow {
    let position = RowPosition { file: "simulation".into(), row: idx as u64 + 1, line: None };
    TableRow { draft: parcel.draft.clone(), ..TableRow::new(position) }
}

/// A handful of decisions with what each shows: a campaign that is caught, one that is missed, a look-alike that passes
/// and one that does not.
fn stories<'a>(told: &[(&'a v1::Decision, &'a Simulated)]) -> Vec<(&'static str, &'a v1::Decision, &'a Simulated)> {
    let passes = |decision: &v1::Decision| decision.route() == v1::Route::Release;
    let mut by_risk = told.to_vec();
    by_risk.sort_by(|a, b| b.0.risk_score.total_cmp(&a.0.risk_score));
    let mut stories = Vec::new();
    let caught = |(decision, parcel): &&(&v1::Decision, &Simulated)| {
        parcel.truth.is_prohibited() && parcel.truth.actor_known && !passes(decision)
    };
    let mut of_actor: HashMap<Option<u64>, usize> = HashMap::new();
    for (_, parcel) in by_risk.iter().filter(caught) {
        *of_actor.entry(parcel.truth.actor).or_default() += 1;
    }
    // The one of which most is caught; of these, whose parcel comes first by risk.
    let most = of_actor.values().max().copied().unwrap_or_default();
    let campaign = by_risk.iter().filter(caught).find(|(_, parcel)| of_actor.get(&parcel.truth.actor) == Some(&most));
    let actor = campaign.and_then(|(_, parcel)| parcel.truth.actor);
    let of_campaign = by_risk.iter().filter(caught).filter(|(_, parcel)| parcel.truth.actor == actor);
    stories.extend(of_campaign.take(2).map(|(decision, parcel)| ("A campaign that is caught:", *decision, *parcel)));
    let typology = campaign.and_then(|(_, parcel)| parcel.truth.typology.clone());
    let innocent = |parcel: &Simulated| parcel.truth.kind.is_none();
    // A regular customer whose parcels look like that campaign's; of these the riskiest that passes.
    let alike = by_risk.iter().find(|(decision, parcel)| {
        passes(decision)
            && innocent(parcel)
            && parcel.truth.regular.is_some()
            && (typology.is_none() || parcel.truth.lookalike_of == typology)
    });
    stories.extend(alike.map(|(decision, parcel)| ("One that looks the same, and passes:", *decision, *parcel)));
    let false_alarm = by_risk.iter().find(|(decision, parcel)| !passes(decision) && innocent(parcel));
    stories.extend(false_alarm.map(|(decision, parcel)| ("A false alarm:", *decision, *parcel)));
    let missed = by_risk.iter().rfind(|(decision, parcel)| passes(decision) && parcel.truth.is_prohibited());
    stories.extend(missed.map(|(decision, parcel)| ("One that is missed:", *decision, *parcel)));
    stories
}

/// What is true of a parcel, in words.
fn truth(truth: &Truth) -> String {
    let titles: BTreeMap<String, String> = Scenario::shipped(SCENARIO)
        .map(|scenario| scenario.typologies.into_iter().map(|(name, typology)| (name, typology.title)).collect())
        .unwrap_or_default();
    let title = |name: &str| titles.get(name).map_or_else(|| name.to_owned(), Clone::clone);
    match (truth.kind, &truth.typology, &truth.lookalike_of) {
        (Some(kind), Some(typology), _) => {
            let known = if truth.actor_known {
                "its sender's parcels were found before"
            } else {
                "nothing of its sender was found before"
            };
            let copies = if truth.mimics { "; it copies an ordinary parcel" } else { "" };
            format!("{}: {}; {known}{copies}", kind.name(), title(typology))
        }
        (Some(kind), None, _) => kind.name().to_owned(),
        (None, _, Some(alike)) if truth.regular.is_some() => {
            format!("innocent: a regular customer; looks like {}", title(alike))
        }
        (None, _, Some(alike)) => format!("innocent; looks like {}", title(alike)),
        (None, _, None) => "innocent".to_owned(),
    }
}
