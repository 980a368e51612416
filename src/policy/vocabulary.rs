//! What a rule may name: a misspelled field is found when a policy is read, and not by the parcels that it misses.

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue};

use crate::parcel::codes::{DocumentKind, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, TransportMode};

/// What an expression is, as far as fields go.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Parcel,
    Party,
    Money,
    Lines,
    Line,
    Documents,
    Document,
    History,
    Counts,
    /// A code of a list, which this tells whether it has.
    Code(fn(&str) -> bool),
    /// A number, a text or a truth: it has no fields.
    Plain,
    /// Fields that only the parcel knows, or what an operator makes.
    Any,
}

/// The names that there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vocabulary<'a> {
    /// Of the model's history keys.
    pub(super) history_keys: &'a [String],
    /// Of lists.
    pub(super) lists: &'a [&'a str],
}

/// Something that there is none of, and the expression that names it.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) expression: u64,
    pub(super) what: String,
}

/// Names of variables.
const VARIABLES: [(&str, Shape); 4] = [
    ("parcel", Shape::Parcel),
    ("history", Shape::History),
    ("risk_score", Shape::Plain),
    ("risk_percentile", Shape::Plain),
];

/// Functions of CEL's standard library that are at hand; operators have names that are no words.
const FUNCTIONS: [&str; 15] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "int",
    "listed",
    "matches",
    "max",
    "min",
    "size",
    "startsWith",
    "string",
    "uint",
];

impl Shape {
    fn fields(self) -> &'static [(&'static str, Shape)] {
        use Shape::{Any, Code, Documents, Lines, Money, Party, Plain};
        match self {
            Self::Parcel => &[
                ("item_id", Plain),
                ("advised_at_seconds", Plain),
                ("origin_country", Plain),
                ("destination_country", Plain),
                ("origin_office", Plain),
                ("destination_office", Plain),
                ("carrier", Plain),
                ("declarant", Plain),
                ("mail_class", Code(|it| MailClass::from_name(it).is_some())),
                ("nature_of_transaction", Code(|it| NatureOfTransaction::from_name(it).is_some())),
                ("transport_mode", Code(|it| TransportMode::from_name(it).is_some())),
                ("sender", Party),
                ("addressee", Party),
                ("contents", Lines),
                ("gross_mass_grams", Plain),
                ("postage_paid", Money),
                ("insured_value", Money),
                ("payment_method", Code(|it| PaymentMethod::from_name(it).is_some())),
                ("documents", Documents),
                ("national_codes", Any),
                ("national_figures", Any),
            ],
            Self::Party => &[
                ("party_id", Plain),
                ("name", Plain),
                ("street", Plain),
                ("locality", Plain),
                ("postcode", Plain),
                ("country", Plain),
                ("address", Plain),
                ("phone", Plain),
                ("email", Plain),
                ("kind", Code(|it| PartyKind::from_name(it).is_some())),
            ],
            Self::Money => &[("currency_code", Plain), ("amount", Plain)],
            Self::Line => &[
                ("description", Plain),
                ("hs_code", Plain),
                ("quantity", Plain),
                ("net_mass_grams", Plain),
                ("value", Money),
                ("origin_country", Plain),
            ],
            Self::Document => &[("kind", Code(|it| DocumentKind::from_name(it).is_some())), ("number", Plain)],
            Self::Counts => &[("seen", Plain), ("inspected", Plain), ("infringements", Plain)],
            Self::Lines | Self::Documents | Self::History | Self::Code(_) | Self::Plain | Self::Any => &[],
        }
    }

    /// What its elements are.
    fn element(self) -> Self {
        match self {
            Self::Lines => Self::Line,
            Self::Documents => Self::Document,
            Self::History => Self::Counts,
            _ => Self::Any,
        }
    }
}

impl Vocabulary<'_> {
    /// Checks every name of an expression.
    pub(super) fn check(&self, expression: &IdedExpr) -> Result<(), Unknown> {
        self.shape(expression, &BTreeMap::new()).map(|_| ())
    }

    fn shape(&self, at: &IdedExpr, scope: &BTreeMap<String, Shape>) -> Result<Shape, Unknown> {
        let unknown = |what| Err(Unknown { expression: at.id, what });
        match &at.expr {
            Expr::Ident(name) => {
                let global = || VARIABLES.iter().find(|(known, _)| known == name).map(|(_, shape)| *shape);
                match scope.get(name).copied().or_else(global) {
                    Some(shape) => Ok(shape),
                    None => unknown(format!("there is no `{name}`")),
                }
            }
            Expr::Select(select) => {
                let of = self.shape(&select.operand, scope)?;
                match self.field(of, &select.field) {
                    Some(shape) => Ok(shape),
                    None => unknown(format!("there is no field `{}` here", select.field)),
                }
            }
            Expr::Call(call) => {
                let of = call.target.iter().map(Box::as_ref).chain(&call.args);
                let shapes = of.map(|part| self.shape(part, scope)).collect::<Result<Vec<_>, _>>()?;
                let name = call.func_name.as_str();
                if name.bytes().all(|byte| byte.is_ascii_alphabetic()) && !FUNCTIONS.contains(&name) {
                    return unknown(format!("there is no function `{name}`"));
                }
                if name == "listed" {
                    match call.args.first().map(|list| &list.expr) {
                        Some(Expr::Literal(LiteralValue::String(list))) if self.lists.contains(&list.inner()) => {}
                        Some(Expr::Literal(LiteralValue::String(list))) => {
                            return unknown(format!("there is no list \"{}\"", list.inner()));
                        }
                        _ => return unknown("`listed` takes the name of a list, in quotes, then a text".to_owned()),
                    }
                }
                if let Some(what) = unknown_code(call, &shapes) {
                    return unknown(what);
                }
                Ok(if name == "_[_]" { shapes.first().map_or(Shape::Any, |it| it.element()) } else { Shape::Any })
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, scope),
            Expr::List(list) => {
                list.elements.iter().try_for_each(|element| self.shape(element, scope).map(|_| ()))?;
                Ok(Shape::Any)
            }
            Expr::Map(_) | Expr::Struct(_) => {
                unknown("rules have no use for maps and messages of their own".to_owned())
            }
            Expr::Literal(_) | Expr::Unspecified => Ok(Shape::Plain),
        }
    }

    fn field(&self, of: Shape, name: &str) -> Option<Shape> {
        match of {
            Shape::Any => Some(Shape::Any),
            Shape::History => self.history_keys.iter().any(|key| key == name).then_some(Shape::Counts),
            _ => of.fields().iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape),
        }
    }

    fn comprehension(&self, it: &ComprehensionExpr, scope: &BTreeMap<String, Shape>) -> Result<Shape, Unknown> {
        let range = self.shape(&it.iter_range, scope)?;
        self.shape(&it.accu_init, scope)?;
        let mut inner = scope.clone();
        inner.insert(it.iter_var.clone(), range.element());
        inner.extend(it.iter_var2.clone().map(|name| (name, Shape::Any)));
        inner.insert(it.accu_var.clone(), Shape::Any);
        for part in [&it.loop_cond, &it.loop_step, &it.result] {
            self.shape(part, &inner)?;
        }
        Ok(Shape::Any)
    }
}

/// A code that is compared with, or looked for among texts, and that its list does not have.
fn unknown_code(call: &CallExpr, shapes: &[Shape]) -> Option<String> {
    if !["_==_", "_!=_", "@in"].contains(&call.func_name.as_str()) {
        return None;
    }
    let is_known =
        shapes.iter().find_map(|shape| if let Shape::Code(is_known) = shape { Some(is_known) } else { None })?;
    let texts = call.args.iter().flat_map(|part| match &part.expr {
        Expr::List(list) => list.elements.iter().collect::<Vec<_>>(),
        _ => vec![part],
    });
    texts.into_iter().find_map(|part| match &part.expr {
        Expr::Literal(LiteralValue::String(text)) if !is_known(text.inner()) => {
            Some(format!("there is no code \"{}\" here", text.inner()))
        }
        _ => None,
    })
}
