//! What the random control estimates is held against what is true of simulated post.

use parcel_risk::evaluation::{Audited, audited};
use parcel_risk::simulate::Size;

use super::simulated::{Decided, decide, size};
use super::under;

fn item(it: &Decided) -> Audited {
    let selected = !it.route.is_release();
    Audited { chance: it.chance, selected, infringement: selected.then_some(it.truth) }
}

#[test]
fn prevalence_and_recall_cover_the_truth() {
    let seeds = size("POLICY_TEST_SEEDS", 3);
    let parcels = size("POLICY_TEST_PARCELS", 20_000);
    let days = 10;
    let per_day = parcels / u64::from(days);
    let (open, scan) = (per_day / 50, per_day / 100);
    let engine = under(&format!(
        "[random_control]\nshare = 0.02\n[exploration]\nshare_of_budget = 0.1\ntoward = \"uncertain\"\n\
         [[stream]]\nname = \"all\"\nparcels_per_day = {per_day}\nopen = {open}\nscan = {scan}\n"
    ));
    let (mut of_prevalence, mut of_recall, mut told) = (0, 0, String::new());
    for seed in 1..=seeds {
        let decided = decide(&engine, Size { parcels, days, seed });
        let estimates = audited(decided.iter().map(item));
        assert_eq!(estimates.out_of_reach, 0);
        let bad = decided.iter().filter(|it| it.truth).count() as f64;
        let chosen = decided.iter().filter(|it| it.truth && it.chance >= 1.0).count() as f64;
        let (prevalence, recall) = (bad / decided.len() as f64, chosen / bad);
        let (estimated, recalled) = (estimates.prevalence.unwrap(), estimates.recall.unwrap());
        let covers = |truth: f64, it: parcel_risk::evaluation::Estimate| {
            it.low_95.unwrap() <= truth && truth <= it.high_95.unwrap()
        };
        of_prevalence += u64::from(covers(prevalence, estimated));
        of_recall += u64::from(covers(recall, recalled));
        told += &format!("seed {seed}: prevalence {prevalence:.4} in {estimated}, recall {recall:.3} in {recalled}\n");
    }
    told += &format!("of {seeds}: prevalence covered {of_prevalence}, recall {of_recall}\n");
    // Nine of ten; of few seeds, all but one.
    let enough = |covered: u64| covered * 10 >= seeds * 9 || (seeds < 10 && covered + 1 >= seeds);
    assert!(enough(of_prevalence) && enough(of_recall), "{told}");
    if std::env::var_os("POLICY_TEST_SEEDS").is_some() {
        std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
    }
}
