//! Budgets over days of simulated post: neither overrun nor left.

use std::collections::BTreeMap;
use std::sync::Arc;

use parcel_risk::engine::{Engine, Explanation};
use parcel_risk::features::FeatureRow;
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::policy::{Flow, Route, RouteCause};
use parcel_risk::simulate::{Scenario, Simulation, Size};

use super::under;
use crate::harness::artifact;

/// One decision about a simulated parcel.
pub(super) struct Decided {
    pub(super) day: i64,
    pub(super) route: Route,
    pub(super) cause: RouteCause,
    pub(super) chance: f64,
    /// Whether anything is wrong with the parcel.
    pub(super) truth: bool,
}

pub(super) const UTC_OFFSET_MINUTES: i64 = 300;

/// Decides about a world of simulated post in order of time, by what the flow tells.
pub(super) fn decide(engine: &Engine, size: Size) -> Vec<Decided> {
    let mut simulation = Simulation::new(Scenario::shipped("kazakhstan").unwrap(), size).unwrap();
    let (flow, history): (Flow, _) = (engine.flow(), Arc::clone(artifact().settled_history()));
    let (mut row, limits) = (FeatureRow::default(), ParcelLimits::default());
    let mut decided = Vec::new();
    while let Some(batch) = simulation.next_batch() {
        for simulated in batch {
            let parcel = simulated.draft.check(&limits).unwrap();
            let at = engine.bucket_of(parcel.advised_at);
            let keys = engine.plan().keys(&parcel, engine.rates());
            let past = (history.as_ref(), Some(&flow));
            let (decision, seen) = engine.assess_into(&parcel, &keys, past, at, Explanation::None, &mut row);
            flow.add(at, &seen, decision.route, decision.route_cause, true);
            decided.push(Decided {
                day: (parcel.advised_at.seconds() + UTC_OFFSET_MINUTES * 60).div_euclid(86_400),
                route: decision.route,
                cause: decision.route_cause,
                chance: decision.selection_probability,
                truth: simulated.truth.kind.is_some(),
            });
        }
    }
    decided
}

/// A number, or another one where the variable says so.
pub(super) fn size(variable: &str, few: u64) -> u64 {
    std::env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(few)
}

#[test]
fn each_day_spends_its_budgets_and_the_random_control_its_share() {
    const DAYS: u32 = 30;
    let per_day = size("POLICY_TEST_PARCELS_PER_DAY", 1_500);
    let budgets = [(Route::Open, per_day / 50), (Route::Scan, per_day / 25), (Route::Documents, per_day / 40)];
    let [open, scan, documents] = budgets.map(|(_, budget)| budget);
    let engine = under(&format!(
        "utc_offset_minutes = {UTC_OFFSET_MINUTES}\n[random_control]\nshare_of_budget = 0.1\n\
         [exploration]\nshare_of_budget = 0.05\ntoward = \"uncertain\"\n\
         [[stream]]\nname = \"all\"\nparcels_per_day = {per_day}\nopen = {open}\nscan = {scan}\ndocuments = {documents}\n"
    ));
    let decided = decide(&engine, Size { parcels: per_day * u64::from(DAYS), days: DAYS, seed: 3 });

    let mut days: BTreeMap<i64, Vec<&Decided>> = BTreeMap::new();
    decided.iter().for_each(|it| days.entry(it.day).or_default().push(it));
    // The world's days are those of UTC: the first and the last local day are pieces of one.
    let whole: Vec<_> = days.values().skip(1).take(days.len() - 2).collect();
    assert!(whole.len() as u32 >= DAYS - 1);
    let volumes: Vec<usize> = whole.iter().map(|day| day.len()).collect();
    assert!(volumes.iter().max() > volumes.iter().min().map(|least| least + least / 5).as_ref(), "{volumes:?}");
    let mut told = String::new();
    let mut off = Vec::new();
    for (idx, day) in whole.iter().enumerate() {
        told += &format!("{:>3} {:>7}", idx + 1, day.len());
        for (route, budget) in budgets {
            let spent = day.iter().filter(|it| it.route == route).count() as u64;
            let allowed = (budget as f64 * 0.02).max(5.0);
            told += &format!("  {}/{budget}", spent);
            if spent.abs_diff(budget) as f64 > allowed {
                off.push((idx + 1, route, spent, budget));
            }
        }
        told += "\n";
    }
    let control = |it: &&&Decided| it.cause == RouteCause::RandomControl;
    let drawn = whole.iter().flat_map(|day| day.iter()).filter(control).count() as f64;
    let expected = 0.1 * open as f64 * whole.len() as f64;
    told += &format!("random control: {drawn}, expected {expected:.1}\n");
    let explored = decided.iter().filter(|it| it.cause == RouteCause::Exploration).count();
    told += &format!("exploration: {explored}\n");
    assert!(off.is_empty(), "{off:?}\n{told}");
    assert!((drawn - expected).abs() <= 3.0 * expected.sqrt(), "{told}");
    assert!(explored > 0, "{told}");
    let known = decided.iter().all(|it| (it.chance > 0.0 && it.chance < 1.0) == (it.chance != 1.0));
    assert!(known, "every parcel has a chance");
    if std::env::var_os("POLICY_TEST_PARCELS_PER_DAY").is_some() {
        std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
    }
}
