//! A policy file as a whole: read, checked and compiled, or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::draw::DrawKey;
use super::facts::Facts;
use super::file::{Exploration, PolicyFile, StreamSpec, Toward};
use super::flow::{Closed, Flow};
use super::list::NamedList;
use super::rule::{Rule, Rules};
use super::seen::{Match, Seen};
use super::stream::{Cutoffs, Stream};
use super::{PolicyError, Route, RouteCause, Thresholds};
use crate::history::Bucket;
use crate::parcel::codes::MailClass;

/// What a policy is compiled of. Reading files is for others.
#[derive(Clone, Debug, Default)]
pub struct PolicySource {
    /// The policy file.
    pub text: String,
    /// The text of each list, by its name.
    pub lists: BTreeMap<String, String>,
    /// The key of all draws.
    pub key: Option<DrawKey>,
}

/// Files that a policy names, beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Name and file of each list.
    pub lists: Vec<(String, String)>,
    /// The key's.
    pub key_file: Option<String>,
}

/// A policy that was read from a file.
#[derive(Debug)]
pub struct FilePolicy {
    version: Arc<str>,
    text: Arc<str>,
    file: PolicyFile,
    thresholds: Option<Thresholds>,
    streams: Vec<Stream>,
    /// By name, with those that a ledger tells of.
    by_name: BTreeMap<String, Arc<Rule>>,
    /// `None` where the policy only routes again what was recorded.
    rules: Option<Rules>,
    key: Option<DrawKey>,
    /// Thresholds are the same for all of a bucket: they are computed once.
    memo: Mutex<Option<Memo>>,
}

#[derive(Debug)]
struct Memo {
    at: Bucket,
    closed: Arc<Closed>,
    cutoffs: Arc<[Cutoffs]>,
}

/// Where a parcel goes, by what, and how likely that was.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// The route.
    pub route: Route,
    /// What chose it.
    pub cause: RouteCause,
    /// The chance, before all draws, that the parcel is sent to inspection.
    pub selection_probability: f64,
    /// The rules that matched and drew the parcel, in the order of the policy.
    pub rules: Vec<Arc<Rule>>,
}

/// Files that a policy text names.
///
/// # Errors
/// [`PolicyError::Toml`].
pub fn named_files(text: &str) -> Result<Named, PolicyError> {
    let file = parse(text)?;
    let lists = file.lists.into_iter().map(|list| (list.name, list.file)).collect();
    Ok(Named { lists, key_file: Some(file.key_file).filter(|file| !file.is_empty()) })
}

fn parse(text: &str) -> Result<PolicyFile, PolicyError> {
    toml::from_str(text).map_err(|error| PolicyError::Toml(error.to_string().trim_end().to_owned()))
}

impl FilePolicy {
    /// Compiles a policy for a model that has these history keys.
    ///
    /// # Errors
    /// [`PolicyError`] for the first thing that is wrong.
    pub fn compile(source: &PolicySource, history_keys: &[String]) -> Result<Self, PolicyError> {
        let file = parse(&source.text)?;
        let mut lists = BTreeMap::new();
        for spec in &file.lists {
            let missing = || PolicyError::NoList { name: spec.name.clone() };
            let text = source.lists.get(&spec.name).ok_or_else(missing)?;
            if lists.insert(spec.name.clone(), NamedList::parse(spec, text)?).is_some() {
                return Err(PolicyError::Twice { what: "list", name: spec.name.clone() });
            }
        }
        let rules = Rules::compile(&file.rules, lists, history_keys)?;
        let mut policy = Self::checked(file, source)?;
        policy.needs_key()?;
        policy.rules = Some(rules);
        Ok(policy)
    }

    /// As it was recorded, to route again what it saw: rules are not evaluated and nothing is drawn.
    ///
    /// # Errors
    /// As [`FilePolicy::compile`].
    pub fn recorded(text: &str, version: &str) -> Result<Self, PolicyError> {
        let source = PolicySource { text: text.to_owned(), ..PolicySource::default() };
        let policy = Self::checked(parse(text)?, &source)?;
        Ok(Self { version: version.into(), ..policy })
    }

    fn checked(file: PolicyFile, source: &PolicySource) -> Result<Self, PolicyError> {
        check(&file)?;
        let thresholds = file.thresholds.map(|config| config.check()).transpose();
        let thresholds = thresholds.map_err(|_| PolicyError::Value {
            key: "thresholds".to_owned(),
            expected: "0 <= documents_from_risk_score <= open_from_risk_score <= 1",
        })?;
        let streams = file.streams.iter().map(stream).collect::<Result<_, _>>()?;
        let by_name = file.rules.iter().map(|spec| (spec.name.clone(), Arc::new(Rule::of(spec)))).collect();
        Ok(Self {
            version: version(source).into(),
            text: source.text.as_str().into(),
            thresholds,
            streams,
            by_name,
            rules: None,
            key: source.key.clone(),
            memo: Mutex::new(None),
            file,
        })
    }

    fn needs_key(&self) -> Result<(), PolicyError> {
        let drawn = self.file.rules.iter().find(|rule| rule.percent < 100.0);
        let drawn = drawn.map(|rule| format!("rule \"{}\"", rule.name));
        let control = self.file.random_control.as_ref().map(|_| "random_control".to_owned());
        let exploration = self.file.exploration.as_ref().map(|_| "exploration".to_owned());
        match control.or(exploration).or(drawn) {
            Some(what) if self.key.is_none() => Err(PolicyError::NoKey { what }),
            _ => Ok(()),
        }
    }

    /// A name that changes with every byte of the file, of its lists and of its key.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// The file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Minutes by which the day of its budgets runs ahead of UTC.
    pub fn utc_offset_minutes(&self) -> i32 {
        self.file.utc_offset_minutes
    }

    /// Whether it has budgets, which need to know what passed.
    pub fn has_budgets(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Names of its streams, and its thresholds as they stand in bucket `at`.
    pub(super) fn standing(&self, at: Bucket, flow: &Flow) -> Vec<(&str, Cutoffs)> {
        let cutoffs = self.cutoffs(at, flow);
        self.streams.iter().map(|stream| stream.spec.name.as_str()).zip(cutoffs.iter().cloned()).collect()
    }

    pub(super) fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    pub(super) fn rule(&self, name: &str) -> Option<&Arc<Rule>> {
        self.by_name.get(name)
    }

    /// What it sees of a parcel on a local day: rules are evaluated, and numbers drawn.
    pub(super) fn look(&self, facts: &Facts<'_>, day: i64) -> Seen {
        let item_id = facts.parcel.item_id.as_str();
        let draw = |purpose: &str| self.key.as_ref().map(|key| key.draw(purpose, day, item_id));
        let matched = self.rules.as_ref().map(|rules| rules.matching(facts)).unwrap_or_default();
        let matched = matched.into_iter().map(|rule| {
            // Without a key every rule takes all that it matches.
            let drawn = rule.chance >= 1.0 || draw(&format!("rule {}", rule.name)).is_none_or(|it| it < rule.chance);
            Match { rule: rule.name.to_string(), drawn }
        });
        Seen {
            cell: facts.cell(),
            raw_score: facts.raw_score,
            risk_score: facts.risk_score,
            novelty: facts.novelty(),
            matched: matched.collect(),
            control_draw: self.file.random_control.as_ref().and_then(|_| draw("random_control")),
            exploration_draw: self.file.exploration.as_ref().and_then(|_| draw("exploration")),
        }
    }

    /// Rules, then the random control, then exploration, then the score.
    pub(super) fn route(&self, seen: &Seen, at: Bucket, flow: Option<&Flow>) -> Routing {
        let stream = self.streams.iter().position(|stream| stream.takes(&seen.cell));
        let stream = stream.zip(flow).and_then(|(idx, flow)| {
            let cutoffs = self.cutoffs(at, flow);
            Some((self.streams.get(idx)?, cutoffs.get(idx)?.clone()))
        });
        let by_score = self.audited(
            seen,
            match (&stream, &self.thresholds) {
                (Some((stream, cutoffs)), _) => stream.route(seen, cutoffs),
                (None, Some(thresholds)) => thresholds.route(seen.risk_score).0,
                (None, None) => Route::Release,
            },
        );
        let control = self.file.random_control.as_ref().map(|control| {
            let chance = stream.as_ref().map_or(control.share, |(_, cutoffs)| cutoffs.control);
            (control.route, chance)
        });
        let exploration = self.file.exploration.as_ref().zip(stream.as_ref()).filter(|_| by_score.is_release());
        let exploration =
            exploration.map(|(exploration, (_, cutoffs))| (exploration.route, chance_of(exploration, seen, cutoffs)));
        let drawn = |chance: Option<(Route, f64)>, draw: Option<f64>| {
            chance.zip(draw).filter(|((_, chance), draw)| draw < chance).map(|((route, _), _)| route)
        };
        let controlled = drawn(control, seen.control_draw);
        let explored = drawn(exploration, seen.exploration_draw);
        let matched = || seen.matched.iter().filter_map(|it| Some((self.rule(&it.rule)?, it.drawn)));
        let rules: Vec<Arc<Rule>> = matched().filter(|(_, drawn)| *drawn).map(|(rule, _)| Arc::clone(rule)).collect();
        let chances = Chances {
            control: control.map_or(0.0, |(route, chance)| if route.is_release() { 0.0 } else { chance }),
            exploration: exploration.map_or(0.0, |(route, chance)| if route.is_release() { 0.0 } else { chance }),
            is_chosen_by_score: !by_score.is_release(),
        };
        let selection_probability = chances.of_inspection(matched().map(|(rule, _)| rule.as_ref()));
        // A parcel that was drawn is never let off more lightly than its score asks for.
        let (route, cause) = match (rules.first(), controlled, explored) {
            (Some(rule), None, _) => (rule.route, RouteCause::Rule),
            (Some(rule), Some(_), _) if !rule.route.is_release() => (rule.route, RouteCause::Rule),
            (_, Some(route), _) => (route.max(by_score), RouteCause::RandomControl),
            (None, None, Some(route)) => (route.max(by_score), RouteCause::Exploration),
            (None, None, None) => (by_score, RouteCause::Score),
        };
        Routing { route, cause, selection_probability, rules }
    }

    fn audited(&self, seen: &Seen, route: Route) -> Route {
        let is_audited = self.file.release_audit.as_ref().is_some_and(|it| seen.risk_score >= it.from_risk_score);
        if route == Route::Release && is_audited { Route::ReleaseAudit } else { route }
    }

    fn cutoffs(&self, at: Bucket, flow: &Flow) -> Arc<[Cutoffs]> {
        let closed = flow.as_of(at);
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = memo.as_ref().filter(|known| known.at == at && Arc::ptr_eq(&known.closed, &closed)) {
            return Arc::clone(&known.cutoffs);
        }
        let of = |(idx, stream): (usize, &Stream)| {
            let is_first = |cell: &_| self.streams.iter().position(|stream| stream.takes(cell)) == Some(idx);
            let (control, exploration) = (self.file.random_control.as_ref(), self.file.exploration.as_ref());
            stream.cutoffs(&closed, at, flow.clock(), is_first, control, exploration)
        };
        let cutoffs: Arc<[Cutoffs]> = self.streams.iter().enumerate().map(of).collect();
        *memo = Some(Memo { at, closed, cutoffs: Arc::clone(&cutoffs) });
        cutoffs
    }
}

/// What may send a parcel to inspection beside rules.
struct Chances {
    control: f64,
    exploration: f64,
    is_chosen_by_score: bool,
}

impl Chances {
    /// The chance that a parcel is inspected that matches these rules.
    ///
    /// Draws are independent. The first rule that takes the parcel decides; one that releases it leaves it to the random
    /// control alone.
    fn of_inspection<'a>(&self, rules: impl Iterator<Item = &'a Rule>) -> f64 {
        let (mut inspected, mut left) = (0.0, 1.0);
        for rule in rules {
            inspected += left * rule.chance * if rule.route.is_release() { self.control } else { 1.0 };
            left *= 1.0 - rule.chance;
        }
        let without_rules = match self.is_chosen_by_score {
            true => 1.0,
            false => 1.0 - (1.0 - self.control) * (1.0 - self.exploration),
        };
        (inspected + left * without_rules).clamp(0.0, 1.0)
    }
}

fn chance_of(exploration: &Exploration, seen: &Seen, cutoffs: &Cutoffs) -> f64 {
    let weight = match exploration.toward {
        Toward::Uncertain => seen.uncertainty(),
        Toward::New => seen.novelty,
    };
    (cutoffs.exploration * weight / cutoffs.mean_weight).clamp(0.0, 1.0)
}

fn stream(spec: &StreamSpec) -> Result<Stream, PolicyError> {
    let class = |name: &String| {
        MailClass::from_name(name).map(MailClass::number).ok_or_else(|| PolicyError::Value {
            key: format!("stream \"{}\".mail_class", spec.name),
            expected: "names of mail classes, such as \"EMS\" or \"PARCELS\"",
        })
    };
    let mail_classes: BTreeSet<i32> = spec.mail_class.iter().map(class).collect::<Result<_, _>>()?;
    Ok(Stream { spec: spec.clone(), mail_classes })
}

fn check(file: &PolicyFile) -> Result<(), PolicyError> {
    let value = |fits: bool, key: String, expected: &'static str| match fits {
        true => Ok(()),
        false => Err(PolicyError::Value { key, expected }),
    };
    let share = |share: f64, key: String| value((0.0..=1.0).contains(&share), key, "from 0 to 1");
    let unique = |what: &'static str, names: Vec<&String>| {
        let mut known = BTreeSet::new();
        match names.into_iter().find(|name| !known.insert(*name)) {
            None => Ok(()),
            Some(name) => Err(PolicyError::Twice { what, name: name.clone() }),
        }
    };
    let offset = file.utc_offset_minutes;
    value((-720..=840).contains(&offset), "utc_offset_minutes".to_owned(), "from -720 to 840")?;
    if let Some(audit) = &file.release_audit {
        share(audit.from_risk_score, "release_audit.from_risk_score".to_owned())?;
    }
    if let Some(control) = &file.random_control {
        share(control.share, "random_control.share".to_owned())?;
        share(control.share_of_budget, "random_control.share_of_budget".to_owned())?;
        let inspects = !control.route.is_release();
        value(inspects, "random_control.route".to_owned(), "\"open\", \"scan\" or \"documents\"")?;
    }
    if let Some(exploration) = &file.exploration {
        share(exploration.share_of_budget, "exploration.share_of_budget".to_owned())?;
        let inspects = !exploration.route.is_release();
        value(inspects, "exploration.route".to_owned(), "\"open\", \"scan\" or \"documents\"")?;
    }
    unique("stream", file.streams.iter().map(|stream| &stream.name).collect())?;
    unique("rule", file.rules.iter().map(|rule| &rule.name).collect())?;
    for stream in &file.streams {
        let key = |key: &str| format!("stream \"{}\".{key}", stream.name);
        share(stream.from_risk_score, key("from_risk_score"))?;
        let parcels = stream.parcels_per_day;
        value(parcels.is_finite() && parcels > 0.0, key("parcels_per_day"), "above 0")?;
    }
    for rule in &file.rules {
        let fits = rule.percent > 0.0 && rule.percent <= 100.0;
        value(fits, format!("rule \"{}\".percent", rule.name), "above 0 and at most 100")?;
    }
    Ok(())
}

fn version(source: &PolicySource) -> String {
    let mut hasher = Sha256::new_with_prefix(b"policy/1");
    let mut add = |part: &[u8]| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(source.text.as_bytes());
    for (name, text) in &source.lists {
        add(name.as_bytes());
        add(text.as_bytes());
    }
    // Not the key itself: what it draws tells that it is another, and tells nothing of it.
    add(&source.key.as_ref().map_or(0.0, |key| key.draw("version", 0, "")).to_bits().to_le_bytes());
    let digest = hasher.finalize();
    format!("policy-{}", digest[..6].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
