//! A disk that is full: nothing that was acknowledged is lost, and recording goes on when there is room again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use parcel_risk::ledger::{OnFailure, Reader, rescore, verify};
use parcel_risk::wire::v1;
use tonic::Code;

use super::{Place, parcels, stop};
use crate::harness::{artifact, request, within};

/// A small disk of its own; `None` where this machine lets nobody make one.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn on(path: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        eprintln!("skipped: a disk that fills up can't be mounted here");
        None
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let _ = fs::write(self.0.join("filler"), vec![0; 32 << 20]);
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

async fn fills_up(on_failure: OnFailure) {
    let outer = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::on(outer.path()) else { return };
    let dir = tempfile::tempdir_in(outer.path()).unwrap();
    let place = Place { dir, ..Place::new() }.with(|config| config.on_failure = on_failure);
    let (mut client, server, recorder) = place.serve().await;
    let sent = parcels(500);
    let mut next = sent.iter();
    let (mut acknowledged, mut degraded, mut refused) = (Vec::new(), Vec::new(), 0);
    let mut ask = async |parcel: &v1::Parcel| match within(client.score_parcel(request(parcel.clone()))).await {
        Ok(response) => {
            let decision = response.into_inner().decision.unwrap();
            let of = if decision.degraded.is_empty() { &mut acknowledged } else { &mut degraded };
            of.push(decision.decision_id);
            Some(decision.degraded)
        }
        Err(status) => {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            refused += 1;
            None
        }
    };
    for parcel in next.by_ref().take(20) {
        assert_eq!(ask(parcel).await, Some(Vec::new()));
    }
    disk.fill();
    recorder.save_history().unwrap_err();
    let there = fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!there.into_iter().any(|name| name.contains(".history")), "what is not whole takes no room");
    // What the log of changes still has room for is taken; then no more.
    let mut failed_at_all = false;
    for parcel in next.by_ref().take(300) {
        failed_at_all |= ask(parcel).await != Some(Vec::new());
    }
    assert!(failed_at_all, "the disk is full");
    disk.make_room();
    let since = Instant::now();
    while recorder.ledger().is_failing() {
        assert!(since.elapsed() < Duration::from_secs(30), "the ledger does not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    eprintln!("{on_failure:?}: written again {:.0} ms after there was room", since.elapsed().as_secs_f64() * 1e3);
    for parcel in next {
        assert_eq!(ask(parcel).await, Some(Vec::new()));
    }
    stop(client, server, recorder).await;

    verify(&place.path(), None).unwrap();
    let reader = Reader::open(&place.path()).unwrap();
    let is_recorded = |id: &String| {
        let id: [u8; 16] = *uuid::Uuid::parse_str(id).unwrap().as_bytes();
        reader.decision(&id).unwrap().is_some()
    };
    assert!(acknowledged.iter().all(is_recorded));
    assert!(degraded.iter().all(is_recorded), "what waited was written");
    match on_failure {
        OnFailure::SpillThenRefuse => assert!(!degraded.is_empty() && refused == 0, "{refused}"),
        OnFailure::Refuse => assert!(degraded.is_empty() && refused > 0),
    }
    let rescored = rescore(&reader, &[artifact().clone()]).unwrap();
    assert_eq!((rescored.different, rescored.unknown_model), (0, 0));
    drop(reader);
    drop(place);
}

#[tokio::test]
async fn a_full_disk_costs_no_acknowledged_decision_and_what_waited_is_written() {
    fills_up(OnFailure::SpillThenRefuse).await;
}

#[tokio::test]
async fn a_full_disk_refuses_calls_where_that_is_asked_for() {
    fills_up(OnFailure::Refuse).await;
}
