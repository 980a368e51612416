//! How to make it again, and how to see that it is the same.

use super::super::html::{Element, el, p};
use super::super::table::{Cell, Column, table};
use super::super::{Occasion, Report};
use super::section;

pub(super) fn reproduce(report: &Report) -> Element {
    let again = match &report.occasion {
        Occasion::Training { .. } => {
            "The same tables, settings and program give the same artifact, to the bit, on one kind of machine. Words in \
             capitals stand for files: SETTINGS is what model inspect --show settings prints, FEATURES what --show spec does."
        }
        Occasion::Evaluation { .. } => {
            "The same artifact, tables and settings give the same figures, to the bit. Words in capitals stand for files."
        }
    };
    let rows = report.digests.iter().map(|(name, digest)| vec![name.clone().into(), digest.clone().into()]).collect();
    let columns = [Column::Text("what"), Column::Text("SHA-256")];
    let setting = |(name, value): &(String, String)| vec![Cell::name(name), value.clone().into()];
    let settings = report.settings.iter().map(setting).collect();
    section("reproduce", "How to reproduce it")
        .child(p(again))
        .child(p("").class("command").child(el("code").text(&report.command)))
        .child(
            p("Program: parcel-risk ")
                .text(&report.program_version)
                .text(". Seed of all that is drawn: ")
                .text(report.evaluation.bootstrap.seed.to_string())
                .text(". The digest of an artifact is that of its ")
                .child(el("code").text("manifest.json"))
                .text("; that of the data is of its files one after the other, as ")
                .child(el("code").text("cat FILES | sha256sum"))
                .text(" gives it."),
        )
        .children(table("Digests.", &columns, rows))
        .children(table("Settings.", &[Column::Text("setting"), Column::Text("value")], settings))
}
