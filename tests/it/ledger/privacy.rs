//! What of people is kept, and that audit and history lose nothing by it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use parcel_risk::history::HistoryConfig;
use parcel_risk::ledger::{Keeping, LedgerConfig, Parties, Reader, is_ready, kept_parcel, rescore};
use parcel_risk::serve::Recorder;
use parcel_risk::wire::v1;

use super::{Place, decisions, parcels, requests, stop};
use crate::harness::{artifact, engine, within};

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
    let (keeping, other) = (Keeping::new(&config("a"), None).unwrap(), Keeping::new(&config("b"), None).unwrap());
    let keep = |keeping: &Keeping, parcel: v1::Parcel| {
        let mut stated = parcel.clone();
        let kept = keeping.keep(&mut stated);
        assert_eq!(stated, parcel, "what was stated is left as it was");
        kept_parcel(&kept).unwrap()
    };
    let kept = keep(&keeping, named(parcels(1).remove(0)));
    let name_of = |parcel: &v1::Parcel| parcel.sender.as_ref().unwrap().name.clone();
    let again = keep(&Keeping::new(&config("a"), None).unwrap(), named(parcels(2).remove(1)));
    assert_eq!((name_of(&kept), name_of(&kept).len()), (name_of(&again), 32));
    assert_ne!(name_of(&kept), name_of(&keep(&other, named(parcels(1).remove(0)))));
    let country = |parcel: &v1::Parcel| parcel.sender.as_ref().unwrap().country.clone();
    assert_eq!(country(&kept), country(&parcels(1)[0]));

    let key = dir.path().join("a.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Keeping::new(&config("a"), None).unwrap_err().to_string();
    assert!(refused.ends_with("may be read by others than its owner: its mode must be 0600"), "{refused}");
}

#[test]
fn a_ledger_goes_on_under_another_key_only_where_somebody_made_it() {
    let place = Place::new();
    drop(place.parts());
    let key = place.config.key_path().unwrap();
    fs::remove_file(&key).unwrap();
    let open = |config: &LedgerConfig| {
        let history = HistoryConfig::default();
        Recorder::open(&place.path(), (config, &history), place.clock.clone(), artifact(), &engine()).map(drop)
    };
    let (refused, not_ready) = (open(&place.config).unwrap_err(), is_ready(&place.config).unwrap_err());
    expect![[r#"
        the ledger's key file DIR/ledger.db.key is gone, under which the parties in the ledger are kept. Put it back; or, to go on under another key, by which nobody is known for who they were before, make one: 32 random bytes, mode 0600
    "#]].assert_eq(&format!("{refused}\n").replace(place.dir.path().to_str().unwrap(), "DIR"));
    assert_eq!((not_ready.key, not_ready.source.to_string()), ("ledger.key_file", refused.to_string()));
    assert!(!key.exists());

    fs::write(&key, [7; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    open(&place.config).unwrap();
    // Where nobody needs it, nobody misses it.
    fs::remove_file(&key).unwrap();
    open(&LedgerConfig { parties: Parties::Plain, ..place.config.clone() }).unwrap();
    // And who needs it again does.
    open(&place.config).unwrap_err();
}
