//! What became of models, as the ledger has it: which one would decide, which did before, and which may not.

use std::collections::BTreeMap;

use super::check::{Finding, Report};
use super::event::{Happened, ModelEvent};
use super::shelf::Place;
use crate::engine::ModelRef;
use crate::ledger::{LedgerError, Reader};

/// Which model is what, folded from all that happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// The one that the last change let decide. A server that was started with another model knows nothing of a champion
    /// before.
    pub champion: Option<ModelRef>,
    /// The one that would decide by a rollback.
    pub previous: Option<RememberedModel>,
    /// The one in the shadow.
    pub challenger: Option<RememberedModel>,
    /// The share of the items that it decides about. The grounds of the last record do not tell: those of a start have none.
    pub canary_share: Option<f64>,
    /// The last word on each.
    pub models: BTreeMap<Place, RememberedModel>,
}

/// What is remembered of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct RememberedModel {
    /// Its name, its version, and the digest of its artifact, which is empty where that could not be read.
    pub model: ModelRef,
    /// The checks that were made last.
    pub report: Report,
    /// Why it may not be used.
    pub rejection: Option<Finding>,
    /// When that was, in seconds since 1970.
    pub unix_seconds: i64,
}

impl RememberedModel {
    /// Where it lay.
    pub fn place(&self) -> Place {
        Place::of(&self.model)
    }
}

impl Remembered {
    /// All that a ledger has of models.
    ///
    /// # Errors
    /// [`LedgerError`] where a record can't be read.
    pub fn read(reader: &Reader) -> Result<Self, LedgerError> {
        let mut remembered = Self::default();
        for record in reader.model_events()? {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            let event = ModelEvent::from_body(&record.content.body).map_err(unreadable)?;
            let before = match event.what.changes_the_champion() {
                true => reader.grounds_before(record.seq)?,
                false => None,
            };
            remembered.add(&event, before.map(|grounds| grounds.model()), record.recorded_at_micros / 1_000_000);
        }
        Ok(remembered)
    }

    /// * `before`: the model that decided before, where the event is that another one does.
    fn add(&mut self, event: &ModelEvent, before: Option<ModelRef>, unix_seconds: i64) {
        let model = event.model();
        let is_of = |of: &Option<RememberedModel>| of.as_ref().is_some_and(|of| of.model == model);
        let now = RememberedModel {
            model: model.clone(),
            report: event.report.clone(),
            rejection: event.rejection.clone(),
            unix_seconds,
        };
        match event.what {
            Happened::Rejected | Happened::Passed => {
                self.models.insert(now.place(), now);
            }
            Happened::Staged => {
                self.models.insert(now.place(), now.clone());
                self.challenger = Some(now);
                self.canary_share = None;
            }
            Happened::Canary if is_of(&self.challenger) => self.canary_share = event.share,
            Happened::CanaryEnded => self.canary_share = None,
            what if what.changes_the_champion() => {
                if is_of(&self.challenger) {
                    self.challenger = None;
                }
                self.canary_share = None;
                // It is held beside another one from here on.
                if let Some(challenger) = &mut self.challenger {
                    challenger.unix_seconds = unix_seconds;
                }
                let known = |model: &ModelRef| {
                    self.models
                        .get(&Place::of(model))
                        .filter(|known| known.model == *model)
                        .map(|known| known.report.clone())
                };
                self.previous = before.filter(|_| !what.is_for_a_fault()).map(|before| RememberedModel {
                    report: known(&before).unwrap_or_default(),
                    model: before,
                    rejection: None,
                    unix_seconds,
                });
                self.champion = Some(model);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Check;

    fn model(version: &str) -> ModelRef {
        ModelRef { name: "line".to_owned(), version: version.to_owned(), digest: format!("digest {version}") }
    }

    fn remembered(events: &[(Happened, &str, Option<&str>)]) -> Remembered {
        let mut remembered = Remembered::default();
        for (second, (what, version, before)) in events.iter().enumerate() {
            let rejection = (*what == Happened::Rejected).then(|| Finding::failed(Check::Reference, "it ranks worse"));
            let event = ModelEvent { rejection, ..ModelEvent::new(*what, &model(version)) };
            remembered.add(&event, before.map(model), i64::try_from(second).unwrap());
        }
        remembered
    }

    fn versions(of: &Remembered) -> [Option<String>; 3] {
        let version = |of: &Option<RememberedModel>| of.as_ref().map(|of| of.model.version.clone());
        [of.champion.as_ref().map(|of| of.version.clone()), version(&of.previous), version(&of.challenger)]
    }

    #[test]
    fn the_last_word_on_each_is_what_it_is() {
        use Happened::{
            Canary, CanaryEnded, Passed, Promoted, Rejected, Resumed, RolledBack, RolledBackByFault, Staged,
        };
        let some = |version: &str| Some(version.to_owned());
        let staged = [(Passed, "2", None), (Staged, "2", None)];
        assert_eq!(versions(&remembered(&staged)), [None, None, some("2")]);
        let promoted = [&staged[..], &[(Promoted, "2", Some("1")), (Passed, "3", None), (Staged, "3", None)]].concat();
        assert_eq!(versions(&remembered(&promoted)), [some("2"), some("1"), some("3")]);
        let back = [&promoted[..], &[(RolledBack, "1", Some("2"))]].concat();
        assert_eq!(versions(&remembered(&back)), [some("1"), some("2"), some("3")]);
        let fault = [&promoted[..], &[(RolledBackByFault, "1", Some("2"))]].concat();
        assert_eq!(versions(&remembered(&fault)), [some("1"), None, some("3")], "it does not come back by a rollback");

        let of_canary = |events: &[(Happened, &str, Option<&str>)]| {
            let mut remembered = remembered(&staged);
            for (what, version, before) in events {
                let share = (*what == Canary).then_some(0.1);
                remembered.add(&ModelEvent { share, ..ModelEvent::new(*what, &model(version)) }, before.map(model), 9);
            }
            remembered.canary_share
        };
        let canary = (Canary, "2", None);
        assert_eq!(of_canary(&[canary, (Resumed, "2", None)]), Some(0.1));
        for end in [(CanaryEnded, "2", None), (RolledBack, "1", Some("2")), (Staged, "3", None)] {
            assert_eq!(of_canary(&[canary, end]), None, "{end:?}");
        }
        assert_eq!(of_canary(&[(Canary, "7", None)]), None, "of another one");

        let rejected = remembered(&[&promoted[..], &[(Rejected, "4", None)]].concat());
        let place = |version: &str| Place { name: "line".to_owned(), version: version.to_owned() };
        let of = &rejected.models[&place("4")];
        assert_eq!(of.rejection.as_ref().map(|finding| finding.check), Some(Check::Reference));
        // It was mended by hand, and passed.
        let mended = remembered(&[(Rejected, "4", None), (Passed, "4", None)]);
        assert_eq!(mended.models[&place("4")].rejection, None);
    }
}
