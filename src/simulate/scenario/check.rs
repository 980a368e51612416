//! The ranges of a scenario's figures, each refused by its key.

use std::collections::BTreeMap;

use super::load::ScenarioError;
use super::{Scenario, Sign};
use crate::parcel::codes::{Country, Currency, HsCode};
use crate::simulate::{money, names, style::SERVICES};

type Checked = Result<(), ScenarioError>;

impl Scenario {
    /// Refuses what makes no world.
    pub(super) fn check(&self) -> Checked {
        require(self.format == 1, "format", "1, the only one that this release reads")?;
        require(!self.name.is_empty(), "name", "a name")?;
        self.check_world()?;
        self.check_calendar()?;
        self.check_lanes_and_goods()?;
        self.check_shares()?;
        self.check_actors()?;
        self.check_typologies()
    }

    fn check_world(&self) -> Checked {
        let world = &self.world;
        let country = Country::parse(&world.destination).is_ok_and(|country| country.is_assigned());
        require(country, "world.destination", "a country by ISO 3166-1 alpha-2")?;
        let year = world.first_day.parse::<jiff::civil::Date>().map_or(0, |date| date.year());
        require((2000..2099).contains(&year), "world.first_day", "a date from 2000-01-01 to 2098-12-31")?;
        require((0.0..=0.2).contains(&world.base_rate), "world.base_rate", "from 0 to 0.2")?;
        for (key, value) in [
            ("world.parcels_per_addressee_year", world.parcels_per_addressee_year),
            ("world.parcels_per_shop_year", world.parcels_per_shop_year),
            ("world.addressee_life_days", world.addressee_life_days),
            ("world.shop_life_days", world.shop_life_days),
        ] {
            require((1.0..=1e6).contains(&value), key, "from 1 to 1,000,000")?;
        }
        require((1.0..=6.0).contains(&world.addressee_skew), "world.addressee_skew", "from 1 to 6")?;
        require((1.0..=6.0).contains(&world.shop_skew), "world.shop_skew", "from 1 to 6")
    }

    fn check_calendar(&self) -> Checked {
        let calendar = &self.calendar;
        weights("calendar.weekdays", &calendar.weekdays)?;
        weights("calendar.hours", &calendar.hours)?;
        share("calendar.late_share", calendar.late_share)?;
        require((0.0..=60.0).contains(&calendar.late_days), "calendar.late_days", "from 0 to 60")?;
        for (name, wave) in &calendar.waves {
            let key = |field: &str| format!("calendar.waves.{name}.{field}");
            require((1.0..=12.0).contains(&wave.month) && wave.month.fract() == 0.0, &key("month"), "1 to 12")?;
            require((1.0..=31.0).contains(&wave.day) && wave.day.fract() == 0.0, &key("day"), "1 to 31")?;
            require((0.5..=60.0).contains(&wave.width_days), &key("width_days"), "from 0.5 to 60")?;
            require((0.0..=20.0).contains(&wave.height), &key("height"), "from 0 to 20")?;
            require((0.0..=20.0).contains(&wave.gifts), &key("gifts"), "from 0 to 20")?;
        }
        Ok(())
    }

    fn check_lanes_and_goods(&self) -> Checked {
        weights("lanes.*.share", &self.lanes.values().map(|lane| lane.share).collect::<Vec<_>>())?;
        for (name, lane) in &self.lanes {
            let key = |field: &str| format!("lanes.{name}.{field}");
            let country = Country::parse(name).is_ok_and(|country| country.is_assigned());
            require(country, &format!("lanes.{name}"), "named by a country, ISO 3166-1 alpha-2")?;
            share(&key("share"), lane.share)?;
            share(&key("shops"), lane.shops)?;
            require(names::CULTURES.contains(&&*lane.culture), &key("culture"), &one_of(names::CULTURES))?;
            let currency = Currency::parse(&lane.currency).is_ok_and(|currency| currency.is_assigned());
            require(currency, &key("currency"), "a currency by ISO 4217")?;
            let rated = money::per_euro(&lane.currency).is_some();
            require(rated, &key("currency"), "a currency that the simulation has a rate for")?;
            weighed(&key("services"), &lane.services, |name| SERVICES.contains(&name), &one_of(&SERVICES))?;
            weighed(&key("languages"), &lane.languages, names::is_language, "a language of descriptions")?;
        }
        weights("goods.*.share", &self.goods.values().map(|goods| goods.share).collect::<Vec<_>>())?;
        for (name, goods) in &self.goods {
            let key = |field: &str| format!("goods.{name}.{field}");
            let has_words = names::has_goods(name);
            require(has_words, &format!("goods.{name}"), "a category that the simulation has words for")?;
            share(&key("share"), goods.share)?;
            let hs = !goods.hs.is_empty() && goods.hs.iter().all(|code| HsCode::parse(code).is_ok());
            require(hs, &key("hs"), "one HS code or more, of 2, 4, 6, 8 or 10 digits")?;
            spread(&key("unit_mass"), goods.unit_mass)?;
            spread(&key("unit_value"), goods.unit_value)?;
            require((1.0..=100.0).contains(&goods.units), &key("units"), "from 1 to 100")?;
        }
        Ok(())
    }

    fn check_shares(&self) -> Checked {
        let (n, o) = (&self.noise, &self.other_kinds);
        for (key, value) in [
            ("noise.postage_missing", n.postage_missing),
            ("noise.insured", n.insured),
            ("noise.payment_stated", n.payment_stated),
            ("noise.documents", n.documents),
            ("noise.amount_missing", n.amount_missing),
            ("noise.net_mass_missing", n.net_mass_missing),
            ("noise.quantity_missing", n.quantity_missing),
            ("noise.goods_origin_missing", n.goods_origin_missing),
            ("noise.email_stated", n.email_stated),
            ("noise.postcode_missing", n.postcode_missing),
            ("noise.office_missing", n.office_missing),
            ("noise.brand_named", n.brand_named),
            ("noise.currency_wrong", n.currency_wrong),
            ("noise.decimals_lost", n.decimals_lost),
            ("noise.check_digit_wrong", n.check_digit_wrong),
            ("noise.respelled", n.respelled),
            ("noise.more_lines", n.more_lines),
            ("other_kinds.undervaluation", o.undervaluation),
            ("other_kinds.counterfeit", o.counterfeit),
            ("other_kinds.misdeclaration", o.misdeclaration),
            ("regulars.share", self.regulars.share),
        ] {
            share(key, value)?;
        }
        require((0.001..=1.0).contains(&o.habitual_share), "other_kinds.habitual_share", "from 0.001 to 1")?;
        require((1.0..=1e6).contains(&o.threshold), "other_kinds.threshold", "from 1 to 1,000,000")?;
        let pace = self.regulars.parcels_per_year;
        require((1.0..=1e4).contains(&pace), "regulars.parcels_per_year", "from 1 to 10,000")?;
        for (name, natures) in [("shop", &self.natures.shop), ("private", &self.natures.private)] {
            let shares = [natures.gift, natures.sample, natures.documents, natures.returned, natures.other];
            let fine = shares.iter().all(|share| (0.0..=1.0).contains(share)) && shares.iter().sum::<f64>() <= 1.0;
            require(fine, &format!("natures.{name}"), "shares from 0 to 1 that sum to 1 or less")?;
        }
        for (name, Sign { ordinary, lookalike, illicit }) in self.signs.named() {
            for (class, value) in [("ordinary", ordinary), ("lookalike", lookalike), ("illicit", illicit)] {
                let inside = (0.001..=0.999).contains(&value);
                require(inside, &format!("signs.{name}.{class}"), "from 0.001 to 0.999: no sign may be certain")?;
            }
        }
        Ok(())
    }

    fn check_actors(&self) -> Checked {
        let (a, i) = (&self.actors, &self.inspections);
        for (key, value) in [
            ("actors.mimic", a.mimic),
            ("actors.borrowed", a.borrowed),
            ("actors.goalkeepers", a.goalkeepers),
            ("actors.shared_homes", a.shared_homes),
            ("actors.repeat.addressee_name", a.repeat.addressee_name),
            ("actors.repeat.addressee_address", a.repeat.addressee_address),
            ("actors.repeat.addressee_phone", a.repeat.addressee_phone),
            ("actors.repeat.sender_name", a.repeat.sender_name),
            ("actors.repeat.sender_address", a.repeat.sender_address),
            ("actors.repeat.sender_phone", a.repeat.sender_phone),
            ("actors.repeat.goods", a.repeat.goods),
            ("actors.when_caught.stop", a.when_caught.stop),
            ("actors.when_caught.replace", a.when_caught.replace),
            ("actors.when_caught.respell", a.when_caught.respell),
            ("actors.when_caught.switch_lane", a.when_caught.switch_lane),
            ("actors.when_caught.split", a.when_caught.split),
            ("actors.when_caught.mimic", a.when_caught.mimic),
            ("inspections.random", i.random),
            ("inspections.open", i.open),
            ("inspections.scan", i.scan),
            ("inspections.documents", i.documents),
            ("inspections.scan_false_alarm", i.scan_false_alarm),
            ("inspections.sensitivity_open", i.sensitivity_open),
            ("inspections.sensitivity_scan", i.sensitivity_scan),
            ("inspections.sensitivity_scan_metal", i.sensitivity_scan_metal),
            ("inspections.sensitivity_documents", i.sensitivity_documents),
            ("inspections.sensitivity_documents_value", i.sensitivity_documents_value),
        ] {
            share(key, value)?;
        }
        require((1.0..=1e5).contains(&a.items), "actors.items", "from 1 to 100,000")?;
        require((0.0..=3.0).contains(&a.activity_sigma), "actors.activity_sigma", "from 0 to 3")?;
        require((1.0..=1e5).contains(&a.life_days), "actors.life_days", "from 1 to 100,000")?;
        require((1..=1000).contains(&a.pool), "actors.pool", "from 1 to 1,000")?;
        require((1.0..=10.0).contains(&i.lift), "inspections.lift", "from 1 to 10")?;
        spread("inspections.arrival_days", i.arrival_days)?;
        spread("inspections.recording_days", i.recording_days)?;
        require((1.0..=1000.0).contains(&i.latest_days), "inspections.latest_days", "from 1 to 1,000")
    }

    fn check_typologies(&self) -> Checked {
        let shares: Vec<f64> = self.typologies.values().map(|typology| typology.share).collect();
        weights("typologies.*.share", &shares)?;
        let always = self.typologies.values().any(|typology| typology.from == 0.0 && typology.share > 0.0);
        require(always, "typologies.*.from", "0 for one typology at least")?;
        for (name, typology) in &self.typologies {
            let key = |field: &str| format!("typologies.{name}.{field}");
            require((0.0..=1000.0).contains(&typology.lookalikes), &key("lookalikes"), "from 0 to 1,000")?;
            for (field, value) in [
                ("share", typology.share),
                ("from", typology.from),
                ("private", typology.private),
                ("gift", typology.gift),
                ("sample", typology.sample),
                ("documents", typology.documents),
                ("address_share", typology.address_share),
                ("label_wrong", typology.label_wrong),
                ("label_reused", typology.label_reused),
                ("data_missing", typology.data_missing),
            ] {
                share(&key(field), value)?;
            }
            let natures = typology.gift + typology.sample + typology.documents;
            require(natures <= 1.0, &key("gift"), "1 or less together with sample and documents")?;
            weighed(&key("goods"), &typology.goods, |name| self.goods.contains_key(name), "a key of `goods`")?;
            weighed(&key("lanes"), &typology.lanes, |name| self.lanes.contains_key(name), "a key of `lanes`")?;
            weighed(&key("services"), &typology.services, |name| SERVICES.contains(&name), &one_of(&SERVICES))?;
            require((1..=20).contains(&typology.parts), &key("parts"), "from 1 to 20")?;
            spread(&key("mass"), typology.mass)?;
            spread(&key("value"), typology.value)?;
        }
        for (name, [first, last]) in &self.drift {
            let key = format!("drift.{name}");
            require(self.typologies.contains_key(name), &key, "named by a key of `typologies`")?;
            require((0.0..=100.0).contains(first) && (0.0..=100.0).contains(last), &key, "two factors from 0 to 100")?;
        }
        Ok(())
    }
}

fn require(holds: bool, key: &str, expected: &str) -> Checked {
    if holds { Ok(()) } else { Err(ScenarioError::Range { key: key.to_owned(), expected: expected.to_owned() }) }
}

fn share(key: &str, value: f64) -> Checked {
    require((0.0..=1.0).contains(&value), key, "from 0 to 1")
}

fn spread(key: &str, [median, sigma]: [f64; 2]) -> Checked {
    let inside = (0.01..=1e6).contains(&median) && (0.0..=3.0).contains(&sigma);
    require(inside, key, "a median from 0.01 to 1,000,000 and a deviation from 0 to 3")
}

fn weights(key: &str, weights: &[f64]) -> Checked {
    let fine = weights.iter().all(|weight| (0.0..=1e6).contains(weight)) && weights.iter().sum::<f64>() > 0.0;
    require(fine, key, "0 or more, and not all 0")
}

fn weighed(key: &str, named: &BTreeMap<String, f64>, known: impl Fn(&str) -> bool, expected: &str) -> Checked {
    for name in named.keys() {
        require(known(name), &format!("{key}.{name}"), expected)?;
    }
    weights(key, &named.values().copied().collect::<Vec<_>>())
}

fn one_of(names: &[&str]) -> String {
    format!("one of {}", names.join(", "))
}
