//! Figures by time, as a picture of its own.

use super::super::html::{Element, el};
use super::frame::{Anchor, Frame, label, line, points};

/// A figure in the course of time.
#[derive(Clone, Debug)]
pub struct Course {
    /// Its name in the legend.
    pub name: String,
    /// Shares from 0 to 1, one for each time; `None` where it is not defined.
    pub figures: Vec<Option<f64>>,
}

/// More labels than these would touch.
const MOST_LABELS: usize = 6;
/// Of the lines, in their order: told apart by dashes too, for those who see no color and for print.
const STYLES: [(&str, &str); 3] = [("#0b63b0", "none"), ("#b3541e", "5 3"), ("#555555", "2 2")];
const STYLE: &str = "text{font:11px sans-serif;fill:#333} .grid{stroke:#ddd} .axis{stroke:#333} \
                     polyline{fill:none;stroke-width:1.8} rect{fill:#fff}";

/// An SVG file: shares from 0 up by time.
///
/// * `times`: names of the times, in order; `figures` of each course has as many.
pub fn courses(title: &str, name_x: &str, times: &[String], of: &[Course]) -> String {
    let highest = of.iter().flat_map(|course| course.figures.iter().flatten()).fold(0.0_f64, |a, b| a.max(*b));
    // Up to the next tenth.
    let high = ((highest * 10.0).ceil() / 10.0).max(0.1);
    let frame = Frame::new((640.0, 320.0), (0.0, high));
    let at = |idx: usize| (idx as f64 + 0.5) / times.len().max(1) as f64;
    let (width, height) = (frame.width.to_string(), frame.height.to_string());
    let mut svg =
        frame.svg(title).attr("xmlns", "http://www.w3.org/2000/svg").attr("width", width).attr("height", height);
    svg = svg.child(Element::style_sheet(STYLE)).child(el("rect").attr("width", "100%").attr("height", "100%"));
    let steps: Vec<f64> = (0..=4).map(|step| high * f64::from(step) / 4.0).collect();
    svg = frame.grid(svg, &steps, |value| format!("{:.1} %", value * 100.0));
    let step = times.len().div_ceil(MOST_LABELS).max(1);
    let ticks = times.iter().enumerate().step_by(step);
    svg = svg.children(ticks.map(|(idx, time)| frame.tick_x(at(idx), time, Anchor::Middle)));
    svg = frame.names_x(svg, name_x);
    svg = svg.child(label(frame.x(0.5), 11.0, Anchor::Middle, title));
    for (idx, (course, (color, dashes))) in of.iter().zip(STYLES).enumerate() {
        let places = course.figures.iter().enumerate();
        let places = places.filter_map(|(idx, figure)| Some((frame.x(at(idx)), frame.y((*figure)?))));
        svg = svg.child(
            el("polyline").attr("points", points(places)).attr("stroke", color).attr("stroke-dasharray", dashes),
        );
        let y = 26.0 + 14.0 * idx as f64;
        svg = svg
            .child(line((frame.x(0.02), y), (frame.x(0.08), y)).attr("stroke", color).attr("stroke-dasharray", dashes))
            .child(label(frame.x(0.09), y + 4.0, Anchor::Start, &course.name));
    }
    svg.child(line((frame.x(0.0), frame.y(0.0)), (frame.x(1.0), frame.y(0.0))).class("axis")).into_fragment()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_holds_a_line_a_course_and_leaves_out_what_is_not_defined() {
        let times = ["2026-05-04", "2026-05-11", "2026-05-18"].map(str::to_owned);
        let course = |name: &str, figures: [Option<f64>; 3]| Course { name: name.to_owned(), figures: figures.into() };
        let of = [course("a <b>", [Some(0.1), None, Some(0.3)]), course("c", [Some(0.2); 3])];
        let svg = courses("Precision", "week", &times, &of);
        assert!(svg.starts_with("<svg viewBox") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\""), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
        let first = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(first.split(' ').count(), 2, "{first}");
        assert!(svg.contains("a &lt;b&gt;") && svg.contains("30.0 %"), "{svg}");
    }
}
