//! The figures of a scenario, table by table. What each means stands in `config/scenarios/kazakhstan.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::offenders::{Actors, Inspections, OtherKinds, Regulars, Typology};

/// A number for each name, such as weights.
pub(in crate::simulate) type Weighed = BTreeMap<String, f64>;
/// Median, and deviation of the logarithm, of a lognormal distribution.
pub(in crate::simulate) type Spread = [f64; 2];
/// Factors at the start and at the end of the simulated time, by typology.
pub(in crate::simulate) type Drift = BTreeMap<String, [f64; 2]>;

table! {
    /// A whole scenario.
    Scenario {
        /// Version of the format; this release reads 1.
        format: i64,
        /// The scenario's name.
        name: String,
        /// The version of its figures.
        version: String,
        /// Size and pace.
        world: World,
        /// When parcels come.
        calendar: Calendar,
        /// Where they come from, by ISO 3166-1 alpha-2.
        lanes: BTreeMap<String, Lane>,
        /// What is in them.
        goods: BTreeMap<String, Goods>,
        /// Natures of transaction in ordinary parcels, by kind of sender.
        natures: Natures,
        /// Signs that are more frequent in illicit parcels.
        signs: Signs,
        /// What is wrong or missing anywhere.
        noise: Noise,
        /// Offenses other than prohibited goods.
        other_kinds: OtherKinds,
        /// Who sends prohibited goods, and how they act.
        actors: Actors,
        /// Regular customers among the look-alikes.
        regulars: Regulars,
        /// What customs open, and what they find.
        inspections: Inspections,
        /// Kinds of illicit parcel, with their look-alikes.
        typologies: BTreeMap<String, Typology>,
        /// How typologies move with time.
        drift: Drift,
    }
}

table! {
    /// Size and pace of the world.
    World {
        /// Country of destination, ISO 3166-1 alpha-2.
        destination: String,
        /// Date of the first day of advance data.
        first_day: String,
        /// Share of prohibited goods among all parcels.
        base_rate: f64,
        /// Mean parcels a year of an addressee.
        parcels_per_addressee_year: f64,
        /// Mean parcels a year of a shop.
        parcels_per_shop_year: f64,
        /// Inequality of addressees, 1 for none.
        addressee_skew: f64,
        /// Inequality of shops, 1 for none.
        shop_skew: f64,
        /// Mean days of an addressee's name, number and address.
        addressee_life_days: f64,
        /// Mean days of a shop.
        shop_life_days: f64,
    }
}

table! {
    /// When parcels come.
    Calendar {
        /// Relative traffic from Monday to Sunday.
        weekdays: [f64; 7],
        /// Relative traffic by hour in UTC.
        hours: [f64; 24],
        /// Share of late advance data.
        late_share: f64,
        /// Most days it is late by.
        late_days: f64,
        /// Seasons.
        waves: BTreeMap<String, Wave>,
    }
}

table! {
    /// A season of more traffic.
    Wave {
        /// Month of the peak.
        month: f64,
        /// Day of the peak.
        day: f64,
        /// Standard deviation in days.
        width_days: f64,
        /// Added to 1 at the peak.
        height: f64,
        /// Added to the factor on declared gifts at the peak.
        gifts: f64,
    }
}

table! {
    /// A country of posting.
    Lane {
        /// Share of ordinary parcels.
        share: f64,
        /// Share of business senders.
        shops: f64,
        /// List of names its senders have.
        culture: String,
        /// Currency of declared values, ISO 4217.
        currency: String,
        /// Weights of postal services, by the first letter of S10.
        services: Weighed,
        /// Weights of languages of descriptions.
        languages: Weighed,
    }
}

table! {
    /// A category of goods.
    Goods {
        /// Share of ordinary parcels.
        share: f64,
        /// HS codes it is declared under.
        hs: Vec<String>,
        /// Grams of one piece.
        unit_mass: Spread,
        /// Euro for one piece.
        unit_value: Spread,
        /// Mean number of pieces.
        units: f64,
    }
}

table! {
    /// Natures of transaction in ordinary parcels.
    Natures {
        /// From shops.
        shop: NatureShares,
        /// From private senders.
        private: NatureShares,
    }
}

table! {
    /// Shares of natures; what is left is a sale of goods.
    NatureShares {
        /// Gift.
        gift: f64,
        /// Commercial sample.
        sample: f64,
        /// Documents.
        documents: f64,
        /// Returned goods.
        returned: f64,
        /// Anything else.
        other: f64,
    }
}

/// How often one sign shows.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// In parcels that are like no typology.
    pub ordinary: f64,
    /// In look-alikes.
    pub lookalike: f64,
    /// In illicit parcels.
    pub illicit: f64,
}

/// Declares the signs, each with its place in lists.
macro_rules! signs {
    ($($(#[$doc:meta])* $field:ident,)+) => {
        table! {
            /// The signs.
            Signs { $($(#[$doc])* $field: Sign,)+ }
        }

        impl Signs {
            /// Each sign with its key, always in the same order.
            pub fn named(&self) -> Vec<(&'static str, Sign)> {
                vec![$((stringify!($field), self.$field)),+]
            }
        }
    };
}

signs! {
    /// No street or postcode of the sender.
    sender_incomplete,
    /// No telephone of the sender.
    sender_phone_missing,
    /// No telephone of the addressee.
    addressee_phone_missing,
    /// No HS code.
    hs_missing,
    /// A term that says nothing of the goods.
    generic_description,
    /// More postage than value.
    postage_above_value,
    /// A third of the value or less.
    value_low_for_mass,
    /// Twice the mass, or more.
    mass_odd_for_goods,
    /// Locker, dormitory or office.
    drop_delivery,
    /// A sender's address in a third country.
    sender_abroad,
    /// A value without cents, a multiple of five.
    round_value,
}

table! {
    /// What is wrong or missing in any parcel.
    Noise {
        /// No postage.
        postage_missing: f64,
        /// An insured value.
        insured: f64,
        /// A payment method.
        payment_stated: f64,
        /// A document.
        documents: f64,
        /// No value.
        amount_missing: f64,
        /// No net mass.
        net_mass_missing: f64,
        /// No quantity.
        quantity_missing: f64,
        /// No country of origin of the goods.
        goods_origin_missing: f64,
        /// An e-mail address.
        email_stated: f64,
        /// No postcode of the addressee.
        postcode_missing: f64,
        /// No offices of exchange.
        office_missing: f64,
        /// A brand in the description, of shops' parcels.
        brand_named: f64,
        /// Another currency.
        currency_wrong: f64,
        /// A hundredfold value.
        decimals_lost: f64,
        /// A wrong check digit of the identifier.
        check_digit_wrong: f64,
        /// A name or street in another spelling.
        respelled: f64,
        /// A further line of contents.
        more_lines: f64,
    }
}
