//! The figures of those who offend, what they send, and what customs find.

use serde::Deserialize;

use super::figures::{Spread, Weighed};
use crate::simulate::kind::Kind;

table! {
    /// Offenses other than prohibited goods.
    OtherKinds {
        /// Undervalued, of all parcels.
        undervaluation: f64,
        /// Counterfeit, of all parcels.
        counterfeit: f64,
        /// Another nature or heading than the real one, of all parcels.
        misdeclaration: f64,
        /// Share of shops with the habit.
        habitual_share: f64,
        /// Duty-free threshold in euro.
        threshold: f64,
    }
}

table! {
    /// Who sends prohibited goods.
    Actors {
        /// Mean items of a campaign.
        items: f64,
        /// Deviation of the logarithm of activity.
        activity_sigma: f64,
        /// Mean life in days.
        life_days: f64,
        /// Share of items that copy ordinary parcels.
        mimic: f64,
        /// Identifiers of each kind in use at a time.
        pool: u64,
        /// Share of real people and shops among identities that are used once.
        borrowed: f64,
        /// Share of real people among addressees that are used again.
        goalkeepers: f64,
        /// Share of drop addresses that are homes.
        shared_homes: f64,
        /// What is repeated.
        repeat: Repeat,
        /// What changes after a seizure.
        when_caught: Adaptation,
    }
}

table! {
    /// Chances to use an identifier again.
    Repeat {
        /// The addressee's name.
        addressee_name: f64,
        /// The addressee's address.
        addressee_address: f64,
        /// The addressee's telephone.
        addressee_phone: f64,
        /// The sender's name.
        sender_name: f64,
        /// The sender's address.
        sender_address: f64,
        /// The sender's telephone.
        sender_phone: f64,
        /// What is declared, at which mass and value.
        goods: f64,
    }
}

table! {
    /// Chances of each answer to a seizure.
    Adaptation {
        /// Stops.
        stop: f64,
        /// Replaces identifiers, each kind by itself.
        replace: f64,
        /// Respells names.
        respell: f64,
        /// Goes by another country.
        switch_lane: f64,
        /// Splits in two.
        split: f64,
        /// Copies ordinary parcels from then on.
        mimic: f64,
    }
}

table! {
    /// Regular customers among the look-alikes.
    Regulars {
        /// Share of look-alikes that regulars get.
        share: f64,
        /// Mean parcels a year of a regular.
        parcels_per_year: f64,
    }
}

table! {
    /// What customs open, and what they find.
    Inspections {
        /// Share opened at random.
        random: f64,
        /// Share opened of parcels without a sign.
        open: f64,
        /// Share scanned of parcels without a sign.
        scan: f64,
        /// Share whose documents are examined, of parcels without a sign.
        documents: f64,
        /// Factor of each sign.
        lift: f64,
        /// Chance of an alarm where a scan meets nothing forbidden; what gives alarm is opened.
        scan_false_alarm: f64,
        /// Chance of finding by opening.
        sensitivity_open: f64,
        /// Chance of finding by scan.
        sensitivity_scan: f64,
        /// Chance of finding metal by scan.
        sensitivity_scan_metal: f64,
        /// Chance of finding goods by documents.
        sensitivity_documents: f64,
        /// Chance of finding a wrong value by documents.
        sensitivity_documents_value: f64,
        /// Days from advice to inspection.
        arrival_days: Spread,
        /// Days from inspection to record.
        recording_days: Spread,
        /// Most days from advice to record.
        latest_days: f64,
    }
}

table! {
    /// A kind of illicit parcel, with its look-alikes.
    Typology {
        /// What it is, in words.
        title: String,
        /// What it infringes.
        kind: Kind,
        /// Share of illicit parcels.
        share: f64,
        /// Look-alikes for each illicit parcel.
        lookalikes: f64,
        /// Part of the simulated time after which it appears.
        from: f64,
        /// Weights of what is declared.
        goods: Weighed,
        /// Weights of countries of posting.
        lanes: Weighed,
        /// Factors on the lanes' postal services.
        services: Weighed,
        /// Gross mass in grams.
        mass: Spread,
        /// Declared value in euro.
        value: Spread,
        /// Share of private senders.
        private: f64,
        /// Share declared as gift.
        gift: f64,
        /// Share declared as sample.
        sample: f64,
        /// Share declared as documents.
        documents: f64,
        /// Share that goes to one address of its actor whatever else is repeated.
        address_share: f64,
        /// Share of wrong check digits of the identifier.
        label_wrong: f64,
        /// Share of identifiers that an earlier parcel had.
        label_reused: f64,
        /// Parcels that one thing is split over, whose masses add up to its own; 1 where nothing is split.
        parts: u64,
        /// Share of declarations that state next to nothing.
        data_missing: f64,
    }
}
