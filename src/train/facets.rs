//! What parcels are told apart by in reports.

use super::month::Month;
use crate::evaluation::Partition;
use crate::parcel::Parcel;

/// What a parcel that does not state it is counted under.
const NOT_STATED: &str = "not_stated";

/// Dimensions of parcels, one value a parcel in each.
#[derive(Clone, Debug, Default)]
pub(super) struct Facets {
    mail_class: Vec<String>,
    origin_country: Vec<String>,
    hs_chapter: Vec<String>,
    month: Vec<String>,
}

impl Facets {
    /// Adds a parcel.
    pub(super) fn push(&mut self, parcel: &Parcel) {
        let or_not = |stated: Option<&str>| stated.unwrap_or(NOT_STATED).to_owned();
        let hs_code = parcel.principal_line().and_then(|line| line.hs_code.as_ref());
        self.mail_class.push(or_not(parcel.mail_class.map(|class| class.name())));
        self.origin_country.push(or_not(parcel.origin_country.as_ref().map(|country| country.as_str())));
        self.hs_chapter.push(or_not(hs_code.map(|code| code.chapter())));
        self.month.push(Month::of(parcel.advised_at).to_string());
    }

    /// Adds the parcels of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        self.mail_class.extend_from_slice(&other.mail_class);
        self.origin_country.extend_from_slice(&other.origin_country);
        self.hs_chapter.extend_from_slice(&other.hs_chapter);
        self.month.extend_from_slice(&other.month);
    }

    /// Every dimension, in the order of a report.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let of =
            |dimension: &str, values: &[String]| Partition { dimension: dimension.to_owned(), values: values.to_vec() };
        vec![
            of("mail_class", &self.mail_class),
            self.origin_country(),
            of("hs_chapter", &self.hs_chapter),
            of("month", &self.month),
        ]
    }

    /// By the country that parcels were posted in.
    pub(super) fn origin_country(&self) -> Partition {
        Partition { dimension: "origin_country".to_owned(), values: self.origin_country.clone() }
    }
}
