//! The status page: what someone on call has to know, in the order in which they ask.

use super::recent::{Lately, Recent};
use crate::report::html::{Element, el, p};
use crate::report::number::{count, percent, short};
use crate::report::page as whole_page;
use crate::report::table::{Cell, Column, table};
use crate::serve::{Phase, Standing, route_names};
use crate::telemetry::{Distribution, Observed, Totals, unix_seconds};

/// The page as it stands now.
pub(super) fn page(standing: &Standing, recent: &Recent) -> String {
    let (now, observed) = (standing.metrics().totals(), standing.observe());
    let lately = recent.lately();
    let main = el("main")
        .child(troubles(standing, &now, lately.as_ref()))
        .child(cards(&now, lately.as_ref(), &observed, standing.metrics().score_psi()))
        .children(traffic(&now, lately.as_ref()))
        .child(routes(&now, recent))
        .children(budgets(&observed))
        .children(features(&observed))
        .child(latest(standing))
        .child(ledger(&observed))
        .child(model(&observed));
    whole_page(&format!("parcel-risk: {}", state(standing)), header(standing, &observed), main)
}

fn state(standing: &Standing) -> &'static str {
    match standing.phase() {
        Phase::Starting => "starting",
        Phase::Draining => "draining",
        Phase::Serving if !standing.is_ready() => "not ready",
        Phase::Serving if !standing.troubles().is_empty() => "degraded",
        Phase::Serving => "serving",
    }
}

fn header(standing: &Standing, observed: &Observed) -> Element {
    let (now, started) = (unix_seconds(), standing.metrics().started_unix_seconds());
    let text = format!("Up for {}, since {}. As of {}.", span(now.saturating_sub(started)), utc(started), utc(now));
    el("header").child(el("h1").text(format!("parcel-risk {}: {}", observed.version, state(standing)))).child(p(text))
}

/// First of all, what is wrong.
fn troubles(standing: &Standing, now: &Totals, lately: Option<&Lately>) -> Element {
    let mut told: Vec<(&str, String)> =
        standing.troubles().into_iter().map(|trouble| (trouble.part, trouble.means.to_owned())).collect();
    if let Some(Lately { then, seconds }) = lately {
        let mut grew = |part, what: &str, now: u64, then: u64| {
            if now > then {
                told.push((part, format!("{} {what} in the last {}", count(now - then), minutes(*seconds))));
            }
        };
        grew("load", "calls refused for want of room", now.shed, then.shed);
        grew("program", "faults answered INTERNAL; the log says where", now.panics, then.panics);
    }
    let section = el("section").child(el("h2").text("What is degraded"));
    if told.is_empty() {
        return section.child(p("Nothing."));
    }
    let item = |(part, what): &(&str, String)| {
        let name = el("strong").class("mark").text(part);
        el("li").child(name).text(format!(": {what}."))
    };
    section.child(el("ul").children(told.iter().map(item)))
}

/// A population stability index above it is a shift, by convention.
const SHIFT: f64 = 0.25;

fn cards(now: &Totals, lately: Option<&Lately>, observed: &Observed, psi: Option<f64>) -> Element {
    let mut list = el("ul").class("cards");
    let mut card = |name: &str, value: String, note: String| {
        let figure = el("strong").text(value);
        list = list.clone().child(el("li").child(el("span").text(name)).child(figure).child(el("small").text(note)));
    };
    if let Some(Lately { then, seconds }) = lately {
        let calls: u64 = methods(now, then).map(|method| method.n).sum();
        let decided = sum(now).saturating_sub(sum(then));
        let over = format!("over the last {}", minutes(*seconds));
        card("Calls", format!("{}/s", short(calls as f64 / seconds.max(1.0))), over.clone());
        card("Parcels decided", format!("{}/s", short(decided as f64 / seconds.max(1.0))), over);
    }
    if let Some(psi) = psi {
        let note =
            if psi > SHIFT { "a shift: the model meets other post than it knows" } else { "as the model knows it" };
        card("Score PSI", format!("{psi:.3}"), note.to_owned());
    }
    let [limit, _] = observed.in_flight_limits;
    card("In flight", count(observed.in_flight as u64), format!("of {}", count(limit as u64)));
    card("Connections", count(observed.connections as u64), format!("of {}", count(observed.connections_limit as u64)));
    el("section").child(el("h2").text("Now")).child(list)
}

/// One method's calls of the last minutes.
struct Calls {
    method: &'static str,
    n: u64,
    n_failed: u64,
    codes: Vec<(&'static str, u64)>,
    latency: Distribution,
}

fn methods<'a>(now: &'a Totals, then: &'a Totals) -> impl Iterator<Item = Calls> + 'a {
    now.methods.iter().filter_map(|(method, (codes, latency))| {
        let (codes_then, latency_then) = then.methods.get(method)?;
        let before = |code: &str| codes_then.get(code).copied().unwrap_or_default();
        let codes: Vec<_> = codes.iter().map(|(code, n)| (*code, n.saturating_sub(before(code)))).collect();
        let n = codes.iter().map(|(_, n)| n).sum();
        let n_failed = codes.iter().filter(|(code, _)| *code != "OK").map(|(_, n)| n).sum();
        Some(Calls { method, n, n_failed, codes, latency: latency.since(latency_then) })
    })
}

fn traffic(now: &Totals, lately: Option<&Lately>) -> Option<Element> {
    let Lately { then, seconds } = lately?;
    let columns = [
        Column::Text("Method"),
        Column::Number("Calls"),
        Column::Number("Not OK"),
        Column::Number("Median"),
        Column::Number("99 %"),
        Column::Text("Codes"),
    ];
    let time = |latency: &Distribution, share| latency.quantile(share).map_or("–".to_owned(), duration);
    let rows = methods(now, then).filter(|calls| calls.n > 0).map(|calls| {
        let codes = calls.codes.iter().filter(|(_, n)| *n > 0).map(|(code, n)| format!("{code} {}", count(*n)));
        let (service, method) = calls.method.trim_start_matches('/').rsplit_once('/').unwrap_or(("", calls.method));
        vec![
            Cell::name(method).noted(service),
            count(calls.n).into(),
            percent(calls.n_failed as f64 / calls.n as f64).into(),
            time(&calls.latency, 0.5).into(),
            time(&calls.latency, 0.99).into(),
            codes.collect::<Vec<_>>().join(", ").into(),
        ]
    });
    let caption = format!("Calls that ended in the last {}, and how long they took", minutes(*seconds));
    let section = el("section").child(el("h2").text("Traffic"));
    Some(match table(&caption, &columns, rows.collect()) {
        Some(table) => section.child(table),
        None => section.child(p(format!("No call in the last {}.", minutes(*seconds)))),
    })
}

fn routes(now: &Totals, recent: &Recent) -> Element {
    let (by_route, is_since_start) = recent.today(now);
    let total: u64 = by_route.values().sum();
    let by_route = route_names().map(|route| (route, by_route.get(route).copied().unwrap_or_default()));
    let since = if is_since_start { "since the start of the server" } else { "since midnight UTC" };
    let columns = [Column::Text("Route"), Column::Number("Parcels"), Column::Number("Share"), Column::Bar];
    let rows = by_route.map(|(route, n)| {
        let share = n as f64 / total as f64;
        vec![Cell::name(route), count(n).into(), percent(share).into(), Cell::bar(share)]
    });
    let section = el("section").child(el("h2").text("Routes today"));
    if total == 0 {
        return section.child(p(format!("No parcel {since}.")));
    }
    section.children(table(&format!("Parcels by the route recommended, {since}"), &columns, rows.collect()))
}

/// What of the day's budgets is given.
fn budgets(observed: &Observed) -> Option<Element> {
    let columns =
        [Column::Text("Stream"), Column::Number("Parcels"), Column::Number("Expected"), Column::Text("Given")];
    let rows = observed.streams.iter().map(|stream| {
        let given = stream.given.iter().map(|(route, n)| format!("{route} {}", count(*n)));
        vec![
            Cell::name(&stream.name),
            count(stream.parcels).into(),
            short(stream.expected_parcels).into(),
            given.collect::<Vec<_>>().join(", ").into(),
        ]
    });
    let table = table("Parcels of each stream today, as of the last closed bucket", &columns, rows.collect())?;
    Some(el("section").child(el("h2").text("Budgets today")).child(table))
}

/// The features that lie furthest from where they lay in training.
fn features(observed: &Observed) -> Option<Element> {
    let mut by_psi: Vec<_> = observed.feature_psi.iter().collect();
    by_psi.sort_by(|a, b| b.1.total_cmp(&a.1));
    let columns = [Column::Text("Feature"), Column::Number("PSI"), Column::Text("")];
    let rows = by_psi.into_iter().take(8).map(|(feature, psi)| {
        let says = if *psi > SHIFT { "a shift" } else { "" };
        vec![Cell::name(feature), format!("{psi:.3}").into(), says.into()]
    });
    let caption = "Of the features that say most, those that lie furthest from where they lay in training";
    let table = table(caption, &columns, rows.collect())?;
    Some(el("section").child(el("h2").text("Drift of features")).child(table))
}

fn latest(standing: &Standing) -> Element {
    let section = el("section").child(el("h2").text("Latest decisions"));
    let columns = [
        Column::Text("When"),
        Column::Text("Route"),
        Column::Number("Risk"),
        Column::Text("Reasons"),
        Column::Text("Decision"),
    ];
    let rows = standing.metrics().latest().into_iter().map(|shown| {
        vec![
            Cell::name(&utc(shown.unix_millis / 1000)),
            format!("{} ({})", shown.route, shown.cause).into(),
            format!("{:.4}", shown.risk_score).into(),
            shown.reasons.join(", ").into(),
            shown.decision_id.into(),
        ]
    });
    match table("A choice: five a second at most", &columns, rows.collect()) {
        Some(table) => section.child(table),
        None => section.child(p("None yet.")),
    }
}

fn ledger(observed: &Observed) -> Element {
    let section = el("section").child(el("h2").text("Ledger"));
    let Some(ledger) = &observed.ledger else {
        return section.child(p("There is none: nothing is recorded, and history does not grow."));
    };
    let waiting = format!("{} of {}", count(ledger.pending as u64), count(ledger.pending_limit as u64));
    section.child(facts([
        ("State", if ledger.writable { "it can be written" } else { "it can't be written" }.to_owned()),
        ("Written", format!("{} records since the start", count(ledger.written))),
        ("Waiting", format!("{waiting} records")),
        ("Answered from memory", format!("{} records", count(ledger.spilled))),
        ("Failures", count(ledger.failures)),
    ]))
}

fn model(observed: &Observed) -> Element {
    let [name, version, digest] = observed.model.clone();
    let history = format!("{} senders, goods, routes and others", count(observed.history_entities as u64));
    el("section").child(el("h2").text("Model")).child(facts([
        ("Name", name),
        ("Version", version),
        ("Digest", digest),
        ("History", history),
    ]))
}

fn facts(facts: impl IntoIterator<Item = (&'static str, String)>) -> Element {
    let fact = |(name, value): (&str, String)| [el("dt").text(name), el("dd").text(value)];
    el("dl").children(facts.into_iter().flat_map(fact))
}

fn sum(totals: &Totals) -> u64 {
    totals.decisions.values().sum()
}

fn utc(unix_seconds: u64) -> String {
    let time = i64::try_from(unix_seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// `3 d 4 h`, `12 min`, `40 s`.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

fn minutes(seconds: f64) -> String {
    span(seconds as u64)
}

fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{} µs", short(seconds * 1e6)),
        _ if seconds < 1.0 => format!("{} ms", short(seconds * 1e3)),
        _ => format!("{} s", short(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_durations_read_well() {
        let spans = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 900_000].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 0 h", "10 d 10 h"]);
        let durations = [0.0000034, 0.0456, 1.5].map(duration);
        assert_eq!(durations, ["3.4 µs", "45.6 ms", "1.5 s"]);
        assert_eq!(utc(1_790_000_000), "2026-09-21 14:13:20 UTC");
    }
}
