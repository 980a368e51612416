//! Markup that text can enter only escaped.

use std::fmt::{Display, Write as _};

/// An element under construction. Tags and names of attributes are the program's own; everything else is escaped.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    tag: &'static str,
    attributes: String,
    inside: String,
}

/// Begins an element.
pub(crate) fn el(tag: &'static str) -> Element {
    Element { tag, attributes: String::new(), inside: String::new() }
}

/// A paragraph.
pub(crate) fn p(text: impl AsRef<str>) -> Element {
    el("p").text(text)
}

impl Element {
    pub(crate) fn attr(mut self, name: &'static str, value: impl Display) -> Self {
        let value = escaped(&value.to_string());
        write!(self.attributes, " {name}=\"{value}\"").expect("a string takes all");
        self
    }

    pub(crate) fn class(self, name: &'static str) -> Self {
        self.attr("class", name)
    }

    pub(crate) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.inside += &escaped(text.as_ref());
        self
    }

    /// A name that may break after a point or an underscore, where it must.
    pub(crate) fn name(mut self, name: &str) -> Self {
        for part in name.split_inclusive(['.', '_']) {
            self.inside += &escaped(part);
            if part.ends_with(['.', '_']) {
                self.inside += "<wbr/>";
            }
        }
        self
    }

    pub(crate) fn child(mut self, child: Self) -> Self {
        child.write(&mut self.inside);
        self
    }

    pub(crate) fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// A style sheet of the program's own, as it is.
    pub(crate) fn style_sheet(css: &'static str) -> Self {
        Self { inside: format!("\n{css}"), ..el("style") }
    }

    /// The element as a whole document.
    pub(crate) fn into_document(self) -> String {
        let mut document = "<!DOCTYPE html>\n".to_owned();
        self.write(&mut document);
        document
    }

    /// The element by itself.
    pub(crate) fn into_fragment(self) -> String {
        let mut fragment = String::new();
        self.write(&mut fragment);
        fragment
    }

    fn write(&self, to: &mut String) {
        let Self { tag, attributes, inside } = self;
        let (open, close) = if is_inline(tag) { ("", "") } else { (if holds_blocks(tag) { "\n" } else { "" }, "\n") };
        if inside.is_empty() && is_alone(tag) {
            write!(to, "<{tag}{attributes}/>{close}")
        } else {
            write!(to, "<{tag}{attributes}>{open}{inside}</{tag}>{close}")
        }
        .expect("a string takes all");
    }
}

/// Whether the element has no end tag: nothing can stand in it.
fn is_alone(tag: &str) -> bool {
    matches!(tag, "meta" | "rect" | "line" | "circle" | "polyline" | "polygon")
}

/// Whether a line break beside it would show.
fn is_inline(tag: &str) -> bool {
    matches!(tag, "span" | "small" | "code" | "strong" | "abbr" | "td" | "th" | "text" | "i")
}

fn holds_blocks(tag: &str) -> bool {
    matches!(
        tag,
        "html"
            | "head"
            | "body"
            | "main"
            | "header"
            | "section"
            | "div"
            | "dl"
            | "ul"
            | "figure"
            | "svg"
            | "table"
            | "thead"
            | "tbody"
    )
}

/// Text as content, or as the value of an attribute. Characters that control a terminal or turn the direction of what
/// follows are shown as `\u{fffd}`, so that a name in the data can't disguise the rest of a line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            c if c.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_values_are_escaped_and_cannot_turn_a_line() {
        let hostile = "</td><script>'\"&\u{202e}\n";
        let escaped = "&lt;/td&gt;&lt;script&gt;&#39;&quot;&amp;\u{fffd}\u{fffd}";
        let document = el("p").attr("title", hostile).text(hostile).into_document();
        assert_eq!(document, format!("<!DOCTYPE html>\n<p title=\"{escaped}\">{escaped}</p>\n"));
    }

    #[test]
    fn an_element_that_holds_nothing_closes_itself_only_where_that_is_html() {
        let document = el("div").child(el("meta").attr("name", "a")).child(el("td")).into_document();
        assert_eq!(document, "<!DOCTYPE html>\n<div>\n<meta name=\"a\"/>\n<td></td></div>\n");
    }
}
