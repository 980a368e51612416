//! Rules: an expression over a parcel, and the route of those it holds for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::{Context, Env, ExecutionError, Program, Value};

use super::facts::{self, Facts};
use super::file::{RuleSpec, Words};
use super::list::NamedList;
use super::vocabulary::Vocabulary;
use super::{PolicyError, Route};

/// A rule, as it is told of when it chose a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// The route it gives.
    pub route: Route,
    /// The chance that it takes a parcel that it matches, above 0, at most 1.
    pub chance: f64,
    /// Why, in words for an officer.
    pub reason: Words,
}

/// Rules, compiled.
pub(super) struct Rules {
    rules: Vec<Compiled>,
    env: Arc<Env>,
    lists: Arc<BTreeMap<String, NamedList>>,
}

struct Compiled {
    rule: Arc<Rule>,
    program: Program,
    matched: AtomicU64,
    failed: AtomicU64,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(|compiled| &compiled.rule.name)).finish()
    }
}

/// What a rule has done since its policy was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Parcels for which it held.
    pub matched: u64,
    /// Parcels on which it failed: a type that an operator does not take, a division by zero.
    pub failed: u64,
}

impl Rule {
    pub(super) fn of(spec: &RuleSpec) -> Self {
        let RuleSpec { name, route, percent, reason, .. } = spec;
        Self { name: name.as_str().into(), route: *route, chance: percent / 100.0, reason: reason.clone() }
    }
}

impl Rules {
    /// Compiles all, or names the first that does not.
    pub(super) fn compile(
        specs: &[RuleSpec],
        lists: BTreeMap<String, NamedList>,
        history_keys: &[String],
    ) -> Result<Self, PolicyError> {
        let env = Arc::new(Env::stdlib());
        let names: Vec<&str> = lists.keys().map(String::as_str).collect();
        let vocabulary = Vocabulary { history_keys, lists: &names };
        let rules = specs.iter().map(|spec| {
            let program = compile(&env, spec, &vocabulary)?;
            let rule = Arc::new(Rule::of(spec));
            Ok(Compiled { rule, program, matched: AtomicU64::new(0), failed: AtomicU64::new(0) })
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()?, env, lists: Arc::new(lists) })
    }

    /// The rules that hold for a parcel, in their order. One that fails is counted, and does not hold.
    pub(super) fn matching(&self, facts: &Facts<'_>) -> Vec<&Arc<Rule>> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_from_value("parcel", facts::parcel(facts.parcel));
        context.add_variable_from_value("history", facts::history(facts.history));
        context.add_variable_from_value("risk_score", Value::Float(facts.risk_score));
        context.add_variable_from_value("risk_percentile", Value::Float(facts.risk_percentile));
        let lists = Arc::clone(&self.lists);
        let listed = move |list: Arc<String>, value: Arc<String>| {
            lists.get(list.as_str()).is_some_and(|list| list.has(value.as_str()))
        };
        // It fails for a name of the standard library only.
        let _ = context.add_function("listed", listed);
        let holds = |compiled: &&Compiled| {
            let counter = match compiled.program.execute(&context) {
                Ok(Value::Bool(true)) => &compiled.matched,
                // What is not stated is no reason, and no failure.
                Ok(Value::Bool(false)) | Err(ExecutionError::NoSuchKey(_)) => return false,
                Ok(_) | Err(_) => &compiled.failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            std::ptr::eq(counter, &compiled.matched)
        };
        self.rules.iter().filter(holds).map(|compiled| &compiled.rule).collect()
    }

    pub(super) fn status(&self) -> Vec<RuleStatus> {
        let status = |compiled: &Compiled| RuleStatus {
            name: Arc::clone(&compiled.rule.name),
            matched: compiled.matched.load(Ordering::Relaxed),
            failed: compiled.failed.load(Ordering::Relaxed),
        };
        self.rules.iter().map(status).collect()
    }
}

fn compile(env: &Env, spec: &RuleSpec, vocabulary: &Vocabulary<'_>) -> Result<Program, PolicyError> {
    let error = |(line, column): (usize, usize), what: String| PolicyError::Rule {
        rule: spec.name.clone(),
        line,
        column,
        what,
    };
    let program = env.compile(&spec.when).map_err(|errors| match errors.errors.first() {
        Some(first) => {
            let position = |number: isize| usize::try_from(number).unwrap_or(0).max(1);
            let what = first.msg.lines().next().unwrap_or_default().to_owned();
            error((position(first.pos.0), position(first.pos.1)), what)
        }
        None => error((1, 1), "it does not compile".to_owned()),
    })?;
    vocabulary.check(program.expression()).map_err(|unknown| {
        let offset = program.source_info().offset_for(unknown.expression).map_or(0, |(start, _)| start as usize);
        error(line_and_column(&spec.when, offset), unknown.what)
    })?;
    Ok(program)
}

/// Line and column of a character, both from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut place = (1, 1);
    for c in text.chars().take(offset) {
        place = if c == '\n' { (place.0 + 1, 1) } else { (place.0, place.1 + 1) };
    }
    place
}
