#!/usr/bin/env python3
"""Takes each guard away, one after the other, and looks whether the test that holds it fails.

usage: tests/guards.py [--list] [--only NAME ...] [--here]

A copy of the last commit gets a switch at every guard, is built once, and each test runs twice: with all guards, where it
must pass, and without its own, where it must fail. `--list` prints the table of docs/security.md and does nothing else. `--here`
puts the switches into this tree, which must be committed, and takes them out again: quicker where it is built already.
Needs Python 3.11, git, and some minutes for the build.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SWITCH = """
/// Whether a guard is taken away, in this copy only.
#[doc(hidden)]
pub fn off(guard: &str) -> bool {
    std::env::var("GUARD_OFF").is_ok_and(|off| off == guard)
}
"""

# Name, what it guards against, file, what stands there, what stands there in the copy, tests (it:: or the library's own).
GUARDS = [
    ("local_resets", "a client that provokes resets without end (CVE-2025-8671)", "serve/http2.rs",
     ".max_local_error_reset_streams(MAX_LOCAL_ERROR_RESETS)",
     '.max_local_error_reset_streams(if crate::off("local_resets") { None } else { Some(MAX_LOCAL_ERROR_RESETS) })',
     "it connection::a_client_that_provokes_resets_is_hung_up_on"),
    ("early_resets", "a client that takes back calls as fast as it makes them (CVE-2023-44487)", "serve/http2.rs",
     ".max_pending_accept_reset_streams(config.max_concurrent_streams() as usize)",
     '.max_pending_accept_reset_streams('
     'if crate::off("early_resets") { usize::MAX } else { config.max_concurrent_streams() as usize })',
     "it connection::a_client_that_takes_back_its_calls_is_hung_up_on"),
    ("streams", "calls without end on one connection", "serve/http2.rs",
     ".max_concurrent_streams(config.max_concurrent_streams())",
     '.max_concurrent_streams(if crate::off("streams") { None } else { Some(config.max_concurrent_streams()) })',
     "it connection::every_limit_is_announced"),
    ("headers", "headers without end", "serve/http2.rs", ".max_header_list_size(MAX_HEADER_BYTES)",
     '.max_header_list_size(if crate::off("headers") { 16 << 20 } else { MAX_HEADER_BYTES })',
     "it connection::every_limit_is_announced"),
    ("message", "messages without end", "serve/routes.rs",
     "service::ScoringServer::new(answers, max_in, max_out)",
     'service::ScoringServer::new(answers, if crate::off("message") { usize::MAX } else { max_in }, max_out)',
     "it serve::a_message_over_the_limit_is_out_of_range_and_the_connection_lives"),
    ("entries", "messages that take a hundred times their length of memory", "serve/lists.rs",
     "if message.len() <= UNSEEN_BYTES", 'if crate::off("entries") || message.len() <= UNSEEN_BYTES',
     "lib serve::lists::tests::millions_of_entries_are_refused_and_none_is_built"),
    ("preface", "connections that say nothing", "serve/incoming.rs",
     "Self { io, patience: Some(patience)", 'Self { io, patience: Some(patience).filter(|_| !crate::off("preface"))',
     "it connection::a_client_that_says_nothing_is_hung_up_on"),
    ("connections", "more connections than there are files", "serve/incoming.rs",
     "ready!(self.place.poll_taken(ctx));", 'if !crate::off("connections") { ready!(self.place.poll_taken(ctx)); }',
     "it connection::a_connection_too_many_waits_until_there_is_room"),
    ("accept_rest", "accepting that spins where there are no files", "serve/incoming.rs",
     "self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));",
     'if !crate::off("accept_rest") { self.pause = Some(Box::pin(tokio::time::sleep(PAUSE))); }',
     "lib serve::incoming::tests::accepting_rests_where_there_are_no_files"),
    ("crowd", "silent connections that keep others waiting", "serve/patience.rs",
     "self.free.available_permits() <= self.scarce", '!crate::off("crowd") && self.free.available_permits() <= self.scarce',
     "lib serve::patience::tests::where_others_wait_there_is_less_time"),
    ("handshake_time", "TLS handshakes that hang", "serve/handshake.rs",
     "if self.patience.poll_over(ctx).is_ready() {",
     'if !crate::off("handshake_time") && self.patience.poll_over(ctx).is_ready() {',
     "it identity::certificates::a_handshake_that_hangs_is_cut_off_and_holds_up_no_more_than_its_place"),
    ("handshakes", "TLS handshakes without number", "serve/incoming.rs",
     "self.handshake.as_mut().map_or(Poll::Ready(()), |place| place.poll_taken(ctx))",
     'self.handshake.as_mut().filter(|_| !crate::off("handshakes")).map_or(Poll::Ready(()), |place| place.poll_taken(ctx))',
     "it identity::certificates::a_handshake_that_hangs_is_cut_off_and_holds_up_no_more_than_its_place"),
    ("certificates", "certificates that need a restart", "identity/tls.rs",
     "self.current.store(Arc::new(self.files.load()?));",
     'let loaded = self.files.load()?; if !crate::off("certificates") { self.current.store(Arc::new(loaded)); }',
     "it identity::certificates::certificates_change_without_a_restart_and_a_broken_file_changes_nothing"),
    ("revoked", "calls by a certificate that was taken back", "identity/mod.rs",
     "&& tls.is_revoked(serial)", '&& !crate::off("revoked") && tls.is_revoked(serial)',
     "it identity::certificates::a_certificate_that_is_taken_back_is_refused_on_new_connections_and_open_ones"),
    ("lists", "connections by a certificate that was taken back", "identity/tls.rs",
     ".with_crls(lists)", '.with_crls(if crate::off("lists") { Vec::new() } else { lists })',
     "it identity::certificates::a_certificate_that_is_taken_back_is_refused_on_new_connections_and_open_ones"),
    ("secret_mode", "keys that everybody reads", "identity/file.rs",
     "if mode & 0o037 != 0 {", 'if mode & 0o037 != 0 && !crate::off("secret_mode") {',
     "it identity::certificates::a_key_that_everybody_may_read_is_not_used"),
    ("exposure", "a server that is open by mistake", "identity/config.rs",
     "if is_loopback {\n            return Ok(());", 'if is_loopback || crate::off("exposure") {\n            return Ok(());',
     "it identity::certificates::what_is_open_beyond_this_machine_is_said_outright_or_not_served"),
    ("roles", "callers who do what they may not", "identity/mod.rs",
     "if need.is_met_by(caller.roles) {", 'if need.is_met_by(caller.roles) || crate::off("roles") {',
     "it identity::certificates::a_caller_may_what_its_roles_say_and_nothing_else"),
    ("default_deny", "methods that nobody listed", "identity/method.rs",
     "map_or(Need::Nobody, |(_, need)| *need)",
     'map_or(if crate::off("default_deny") { Need::Nothing } else { Need::Nobody }, |(_, need)| *need)',
     "lib identity::method::tests::what_is_not_listed_is_for_nobody"),
    ("admission", "more in flight than is answered in time", "serve/admission.rs",
     "let limit = self.limit(asking.criticality);",
     'let limit = if crate::off("admission") { usize::MAX } else { self.limit(asking.criticality) };',
     "it overload::what_is_too_much_is_refused_at_once_and_critical_calls_and_health_are_answered"),
    ("kept", "critical calls that find no room", "serve/admission.rs",
     "limit.saturating_sub(self.bounds.kept)", 'limit.saturating_sub(if crate::off("kept") { 0 } else { self.bounds.kept })',
     "it overload::what_is_too_much_is_refused_at_once_and_critical_calls_and_health_are_answered"),
    ("batch_room", "batches that count as one", "serve/scoring.rs",
     "self.admission.admit(got.saturating_sub(1), &asking)?",
     'self.admission.admit(if crate::off("batch_room") { 0 } else { got.saturating_sub(1) }, &asking)?',
     "it overload::a_batch_takes_room_for_each_of_its_parcels"),
    ("share", "one caller that takes all", "serve/admission.rs",
     "self.bounds.times_free > 0)", 'self.bounds.times_free > 0 && !crate::off("share"))',
     "lib serve::admission::tests::one_caller_leaves_room_for_the_next"),
    ("adaptive", "a limit that does not follow latency", "serve/limit.rs",
     "if (in_flight as f64) * 2.0 >= self.limit && seconds > 0.0 {",
     'if (in_flight as f64) * 2.0 >= self.limit && seconds > 0.0 && !crate::off("adaptive") {',
     "lib serve::limit::tests::it_shrinks_where_calls_get_slower_and_recovers_when_they_do"),
    ("unread", "a client that is refused and tries again, taken for an attack", "serve/unread.rs",
     "if !body.is_end_stream() {", 'if !body.is_end_stream() && !crate::off("unread") {',
     "it connection::what_is_still_sent_of_calls_that_are_refused_is_taken"),
    ("ledger_hangs", "a disk that hangs, and every call with it", "serve/writing.rs",
     "if self.ledger.hangs() {", 'if self.ledger.hangs() && !crate::off("ledger_hangs") {',
     "it ledger::hangs::calls_are_answered_while_a_write_hangs_and_recorded_when_it_ends"),
    ("long_write", "a disk that hangs in the thread that looks after the network", "serve/writing.rs",
     "if let Some(runtime) = self.runtime.get() {",
     'if let Some(runtime) = self.runtime.get().filter(|_| !crate::off("long_write")) {',
     "it ledger::hangs::a_write_that_takes_long_holds_up_no_other_call"),
    ("deadline", "calls that never end", "serve/call.rs",
     "tokio::time::timeout_at(deadline, unless_it_panics)",
     'tokio::time::timeout_at(if crate::off("deadline") { deadline + Duration::from_secs(9999) } else { deadline }, '
     "unless_it_panics)",
     "it streams::a_deadline_of_the_client_is_kept_by_the_server"),
    ("panic", "a panic that ends as a fault of the protocol", "serve/call.rs",
     "AssertUnwindSafe(answer).catch_unwind();",
     "AssertUnwindSafe(answer).catch_unwind().map(|ended| match ended {\n"
     '        Err(cause) if crate::off("panic") => std::panic::resume_unwind(cause),\n'
     "        ended => ended,\n    });",
     "lib serve::call::tests::a_panic_is_answered_and_says_nothing_of_its_cause"),
    ("stream_idle", "streams without a word", "serve/scoring.rs",
     "if is_idle {", 'if is_idle && !crate::off("stream_idle") {',
     "it streams::a_stream_without_requests_ends"),
    ("stream_ends", "streams without an end", "serve/scoring.rs",
     "if self.ends.as_mut().poll(ctx).is_ready() {",
     'if !crate::off("stream_ends") && self.ends.as_mut().poll(ctx).is_ready() {',
     "it streams::a_stream_that_goes_on_and_on_ends_after_the_reply_in_hand"),
    ("stalled", "clients that take no answers", "serve/stalled.rs",
     "metrics.connection_stalled();", 'if crate::off("stalled") { return; }\n                    metrics.connection_stalled();',
     "it streams::a_client_that_takes_no_answers_is_hung_up_on"),
    ("pieces", "clients that take the beginning of an answer", "serve/answer.rs",
     "data.len() > PIECE_BYTES)", 'data.len() > PIECE_BYTES && !crate::off("pieces"))',
     "it streams::a_client_that_takes_the_beginning_of_an_answer_alone_is_hung_up_on"),
    ("drain_streams", "streams that hold up a stop", "serve/scoring.rs",
     "if self.draining.as_mut().poll(ctx).is_ready() {",
     'if !crate::off("drain_streams") && self.draining.as_mut().poll(ctx).is_ready() {',
     "it drain::an_open_stream_ends_after_the_reply_in_hand_and_does_not_hold_up_the_stop"),
    ("drain_watches", "watches of health that hold up a stop", "serve/health.rs",
     "self.0.clear_service_status(name).await;",
     'if !crate::off("drain_watches") { self.0.clear_service_status(name).await; }',
     "it drain::whoever_watches_health_hears_of_the_stop_and_does_not_hold_it_up"),
    ("drain_reflection", "open reflection that holds up a stop", "serve/answer.rs",
     "if draining.as_mut().poll(ctx).is_ready() ||", 'if (!crate::off("drain_reflection") && draining.as_mut().poll(ctx).is_ready()) ||',
     "it drain::open_reflection_does_not_hold_up_the_stop"),
    ("drain_quiet", "connections without a call that hold up a stop", "serve/mod.rs",
     "drain::quiet(|| standing.metrics().n_calls_open())",
     'drain::quiet(|| if crate::off("drain_quiet") { 1 } else { standing.metrics().n_calls_open() })',
     "it drain::a_client_that_says_only_that_it_speaks_http_2_does_not_hold_up_the_stop"),
    ("drain_deadline", "a stop without an end", "serve/mod.rs",
     "let limit = config.drain_limit();",
     'let limit = if crate::off("drain_deadline") { Duration::from_secs(9999) } else { config.drain_limit() };',
     "it drain::a_call_that_never_completes_is_cut"),
    ("drain_ready", "a drain that nobody is told of", "serve/standing.rs",
     "Phase::Draining => add(", 'Phase::Draining if crate::off("drain_ready") => {}\n            Phase::Draining => add(',
     "it admin::the_probes_tell_a_start_from_serving_and_serving_from_a_drain"),
    ("health_names", "a name of health that does not follow", "serve/health.rs",
     "for name in NAMES {\n            reporter",
     'for name in NAMES.into_iter().filter(|name| !crate::off("health_names") || name.is_empty()) {\n            reporter',
     "it serve::health_is_serving_under_the_empty_name_and_every_service_s"),
    ("request_id", "identifiers that break a log line", "serve/request_id.rs",
     "stated.filter(fits)", 'stated.filter(|stated| crate::off("request_id") || fits(stated))',
     "lib serve::request_id::tests::a_callers_identifier_is_kept_where_it_can_do_no_harm"),
    ("span_queue", "spans that wait without end", "traces/queue.rs",
     "self.spans.try_send(span).is_err()", '(if crate::off("span_queue") { std::mem::forget(span); false } else { self.spans.try_send(span).is_err() })',
     "it traces::a_collector_that_hangs_costs_spans_and_no_call"),
    ("span_words", "what a caller writes beside its trace", "traces/span.rs",
     'self.0.get(key).filter(|_| key == "traceparent")?',
     'self.0.get(key).filter(|_| key == "traceparent" || crate::off("span_words"))?',
     "it traces::a_callers_trace_goes_on_with_the_call_and_tells_nothing_of_people_or_goods"),
    ("reload_time", "a policy's file that hangs", "cli/serve.rs",
     "tokio::time::timeout(RELOAD_LIMIT, reading)",
     'tokio::time::timeout(if crate::off("reload_time") { Duration::from_secs(9999) } else { RELOAD_LIMIT }, reading)',
     "it degraded::whatever_a_call_can_do_without_may_break_alone_and_together"),
    ("admin_verbs", "changes by the admin port", "admin/mod.rs",
     "if method != Method::GET && method != Method::HEAD {",
     'if method != Method::GET && method != Method::HEAD && !crate::off("admin_verbs") {',
     "it admin::only_what_is_there_is_answered_and_nothing_can_be_changed"),
]


def listed():
    print("| guard | against | held by |\n|---|---|---|")
    for name, against, _, _, _, test in GUARDS:
        print(f"| `{name}` | {against} | `{test.split(' ')[1]}` |")


def switched(copy):
    """Puts the switches into a copy of the sources."""
    for name, _, file, old, new, _ in GUARDS:
        path = copy / "src" / file
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            sys.exit(f"{name}: src/{file} holds this {text.count(old)} times and not once: {old}")
        path.write_text(text.replace(old, new), encoding="utf-8")
    with (copy / "src/lib.rs").open("a", encoding="utf-8") as lib:
        lib.write(SWITCH)


def binaries(copy):
    """The test binaries of the copy, by kind."""
    command = ["cargo", "test", "--release", "--locked", "--lib", "--test", "it", "--no-run", "--message-format", "short"]
    environment = {"CARGO_TARGET_DIR": str(ROOT / "target"), **os.environ}
    built = subprocess.run(command, cwd=copy, env=environment, stderr=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(built.stderr)
    paths = [line.split("(")[1].rstrip(")") for line in built.stderr.splitlines() if "Executable" in line]
    return {"it" if "/it-" in path else "lib": Path(copy / path) for path in paths}


def passes(copy, binary, test, guard):
    environment = {**os.environ, "GUARD_OFF": guard}
    command = [str(binary), "--exact", test, "--test-threads", "1"]
    try:
        ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return False
    if ran.returncode == 0 and "1 passed" not in ran.stdout:
        sys.exit(f"there is no test {test}")
    return ran.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--here", action="store_true")
    args = parser.parse_args()
    if args.list:
        return listed()
    if args.here:
        if subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=ROOT).returncode:
            sys.exit("this tree has changes that are not committed")
        try:
            held = tried(ROOT, args.only)
        finally:
            subprocess.run(["git", "checkout", "--quiet", "--", "src"], cwd=ROOT, check=True)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "parcel-risk"
            copy.mkdir()
            archive = subprocess.Popen(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE)
            subprocess.run(["tar", "-x", "-C", str(copy)], stdin=archive.stdout, check=True)
            held = tried(copy, args.only)
    sys.exit(0 if held else 1)


def tried(tree, only):
    """Takes the guards away in this tree; whether each is held."""
    switched(tree)
    built = binaries(tree)
    held = True
    for name, _, _, _, _, test in GUARDS:
        if only and name not in only:
            continue
        kind, test = test.split(" ")
        with_all = passes(tree, built[kind], test, "none")
        without = passes(tree, built[kind], test, name)
        good = with_all and not without
        held &= good
        said = "fails without it" if good else f"passes with all: {with_all}, without it: {without}"
        print(f"{'ok   ' if good else 'WRONG'} {name}: {test} {said}", flush=True)
    return held


if __name__ == "__main__":
    main()
