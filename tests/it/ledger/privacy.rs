//! What of people is kept, and that audit and history lose nothing by it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use parcel_risk::ledger::{Keeping, LedgerConfig, Parties, Reader, kept_parcel, rescore};
use parcel_risk::wire::v1;

use super::{Place, decisions, parcels, requests, stop};
use crate::harness::{artifact, within};

const NAME: &str = "Zebulon Quackenbush";
const GOODS: &str = "rhinestone-studded kazoo";

fn named(mut parcel: v1::Parcel) -> v1::Parcel {
    parcel.sender.get_or_insert_default().name = NAME.to_owned();
    parcel.addressee.get_or_insert_default().name = NAME.to_owned();
    parcel.contents[0].description = GOODS.to_owned();
    parcel
}

#[tokio::test]
async fn the_ledger_holds_no_name_unless_told_to_and_scores_are_the_same_whatever_is_kept() {
    let sent: Vec<_> = parcels(60).into_iter().map(named).collect();
    let mut scores = Vec::new();
    for (parties, descriptions) in [
        (Parties::Pseudonymized, true),
        (Parties::Plain, true),
        (Parties::None, false),
        (Parties::Pseudonymized, false),
    ] {
        let place = Place::new().with(|config| (config.parties, config.descriptions) = (parties, descriptions));
        let (mut client, server, recorder) = place.serve().await;
        let mut got = Vec::new();
        for parcel in sent.chunks(1) {
            got.extend(decisions(within(client.score_parcels(requests(parcel))).await.unwrap().into_inner()));
        }
        stop(client, server, recorder).await;
        let bytes = fs::read(place.path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert_eq!((holds(NAME), holds(GOODS)), (parties == Parties::Plain, descriptions), "{parties:?}");
        let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
        assert_eq!((rescored.equal, rescored.different), (60, 0), "{parties:?}");
        scores.push(got.iter().map(|decision| decision.risk_score.to_bits()).collect::<Vec<_>>());
    }
    assert!(scores.iter().all(|of| *of == scores[0]));
}

#[test]
fn equal_names_get_equal_pseudonyms_under_one_key_and_others_under_another() {
    let dir = tempfile::tempdir().unwrap();
    let config = |name: &str| LedgerConfig {
        path: dir.path().join(name).to_str().unwrap().to_owned(),
        ..LedgerConfig::default()
    };
    let (keeping, other) = (Keeping::new(&config("a")).unwrap(), Keeping::new(&config("b")).unwrap());
    let keep = |keeping: &Keeping, parcel: v1::Parcel| {
        let mut stated = parcel.clone();
        let kept = keeping.keep(&mut stated);
        assert_eq!(stated, parcel, "what was stated is left as it was");
        kept_parcel(&kept).unwrap()
    };
    let kept = keep(&keeping, named(parcels(1).remove(0)));
    let name_of = |parcel: &v1::Parcel| parcel.sender.as_ref().unwrap().name.clone();
    let again = keep(&Keeping::new(&config("a")).unwrap(), named(parcels(2).remove(1)));
    assert_eq!((name_of(&kept), name_of(&kept).len()), (name_of(&again), 32));
    assert_ne!(name_of(&kept), name_of(&keep(&other, named(parcels(1).remove(0)))));
    let country = |parcel: &v1::Parcel| parcel.sender.as_ref().unwrap().country.clone();
    assert_eq!(country(&kept), country(&parcels(1)[0]));

    let key = dir.path().join("a.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Keeping::new(&config("a")).unwrap_err().to_string();
    assert!(refused.ends_with("may be read by others than its owner: its mode must be 0600"), "{refused}");
}
