//! What the report is of.

use super::super::html::{Element, el, p};
use super::super::{DataFacts, Occasion, Report};

/// The head of the page.
pub(in super::super) fn title(report: &Report) -> Element {
    let what = match &report.occasion {
        Occasion::Training { .. } => "Report of a training run, judged on the parcels that it held back.",
        Occasion::Evaluation { .. } => {
            "Report of an evaluation: a model judged on labeled parcels as if it had been live."
        }
    };
    let recommendation = "A score is a recommendation; an officer decides. The figures hold for parcels like those they \
                          were measured on.";
    let mut facts = el("dl");
    let mut fact = |name: &str, value: Element| {
        facts = facts.clone().child(el("dt").text(name)).child(el("dd").child(value));
    };
    let text = |text: String| el("span").text(text);
    fact("Model", text(report.model.name.clone()));
    fact("Version", text(report.model.version.clone()));
    fact("Digest", el("code").text(&report.model.digest));
    fact("Estimator", text(format!("{}, trained by parcel-risk {}", report.estimator, report.program_version)));
    if let Occasion::Evaluation { trained_on, .. } = &report.occasion {
        fact("Trained on", text(span(trained_on)));
        fact("Its digest", el("code").text(&trained_on.digest));
    }
    fact("Data", text(span(&report.data)));
    fact("Data digest", el("code").text(&report.data.digest));
    el("header")
        .child(el("h1").text(format!("{} {}", report.model.name, report.model.version)))
        .child(p(what).class("lead"))
        .child(p(recommendation))
        .child(facts)
}

fn span(data: &DataFacts) -> String {
    format!("parcels advised from {} until {}", data.from_day, data.until_day)
}
