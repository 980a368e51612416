//! Tables: with a caption, scoped headings, and room to scroll on a narrow screen.

use super::html::{Element, el};
use super::number::{NONE, Shown, shown};
use crate::evaluation::Estimate;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
    /// A picture of the number before it: nothing to be read out.
    Bar,
}

/// What stands in a cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    /// Smaller, below it.
    note: Option<String>,
    mark: Option<Mark>,
    bar: Option<f64>,
    is_name: bool,
}

/// Where a figure stands beside the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Above,
    Below,
    /// Asks for a look.
    Look,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), note: None, mark: None, bar: None, is_name: false }
    }
}

impl Cell {
    /// A long name of the program's or of the data's, which may break between its words.
    pub(crate) fn name(name: &str) -> Self {
        Self { is_name: true, ..name.into() }
    }

    /// A figure with its interval below it.
    pub(crate) fn estimate(estimate: Option<Estimate>, number: fn(f64) -> String) -> Self {
        match shown(estimate, number) {
            Some(Shown { value, interval }) => Self { note: interval, ..value.into() },
            None => NONE.into(),
        }
    }

    /// A figure that need not be there.
    pub(crate) fn number(value: Option<f64>, number: fn(f64) -> String) -> Self {
        value.map_or_else(|| NONE.into(), |value| number(value).into())
    }

    /// A bar of this share of the column's width.
    pub(crate) fn bar(share: f64) -> Self {
        Self { bar: Some(share.clamp(0.0, 1.0)), ..String::new().into() }
    }

    pub(crate) fn noted(self, note: &str) -> Self {
        Self { note: Some(note.to_owned()), ..self }
    }

    pub(crate) fn marked(self, mark: Option<Mark>) -> Self {
        Self { mark, ..self }
    }

    fn fill(&self, cell: Element) -> Element {
        if let Some(share) = self.bar {
            let rect = el("rect").attr("width", format!("{:.1}", share * 100.0)).attr("height", 10).class("s0");
            let svg = el("svg").attr("viewBox", "0 0 100 10").attr("preserveAspectRatio", "none");
            return cell.class("bar").child(svg.attr("aria-hidden", "true").child(rect));
        }
        let (sign, meaning) = match self.mark {
            None => ("", ""),
            Some(Mark::Above) => ("▲", "above the whole"),
            Some(Mark::Below) => ("▼", "below the whole"),
            Some(Mark::Look) => ("◆", "asks for a look"),
        };
        let mut cell = cell;
        if !sign.is_empty() {
            cell = cell.child(el("abbr").class("mark").attr("title", meaning).text(sign)).text(" ");
        }
        cell = if self.is_name { cell.name(&self.text) } else { cell.text(&self.text) };
        match &self.note {
            Some(note) => cell.text(" ").child(el("small").text(note)),
            None => cell,
        }
    }
}

/// A table; nothing where it has no row. The first cell of a row is its heading.
pub(crate) fn table(caption: &str, columns: &[Column<'_>], rows: Vec<Vec<Cell>>) -> Option<Element> {
    if rows.is_empty() {
        return None;
    }
    let heading = |column: &Column<'_>| match column {
        Column::Text(name) => el("th").attr("scope", "col").text(name),
        Column::Number(name) => el("th").attr("scope", "col").class("n").text(name),
        Column::Bar => el("td"),
    };
    let cell = |(idx, cell): (usize, &Cell)| {
        let element = if idx == 0 { el("th").attr("scope", "row") } else { el("td") };
        cell.fill(if matches!(columns.get(idx), Some(Column::Number(_))) { element.class("n") } else { element })
    };
    let row = |row: &Vec<Cell>| el("tr").children(row.iter().enumerate().map(cell));
    let table = el("table")
        .child(el("caption").child(el("span").text(caption)))
        .child(el("thead").child(el("tr").children(columns.iter().map(heading))))
        .child(el("tbody").children(rows.iter().map(row)));
    // Reached by the keyboard too, or it could not be scrolled without a pointer.
    let scroll = el("div").class("scroll").attr("tabindex", 0).attr("role", "region").attr("aria-label", caption);
    Some(scroll.child(table))
}
