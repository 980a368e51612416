//! Every field of the contract's parcel, with what can be stated in it.

use std::collections::BTreeMap;

use parcel_risk::wire::v1;
use pbjson_types::Timestamp;

/// One field, by its path from the parcel.
pub(super) struct Field {
    pub(super) path: String,
    pub(super) cases: Vec<Case>,
    /// States anything at all in it.
    pub(super) noise: StateNoise,
}

type StateNoise = Box<dyn Fn(&mut v1::Parcel, &Noise)>;

/// One thing to state, labelled `kind` or `kind: what of it`. The kinds: `absent`, `zero`,
/// `absent or zero` where the contract cannot tell them apart, `extreme` (the largest accepted),
/// `odd` (a notice) and `malformed` (refused).
pub(super) struct Case {
    pub(super) label: &'static str,
    pub(super) state: Box<dyn Fn(&mut v1::Parcel)>,
}

#[derive(Clone, Debug)]
pub(super) struct Noise {
    pub(super) text: String,
    pub(super) number: i64,
    pub(super) float: f64,
}

/// A parcel that states every field, with nothing wrong or odd in it.
pub(super) fn full() -> v1::Parcel {
    let money = |units| Some(v1::Money { currency_code: "EUR".to_owned(), units, nanos: 500_000_000 });
    let party = |name: &str| {
        Some(v1::Party {
            party_id: format!("{name}-1"),
            name: name.to_owned(),
            street: "Street 1".to_owned(),
            locality: "Town".to_owned(),
            postcode: "010000".to_owned(),
            country: "KZ".to_owned(),
            phone: "+7 700 0000000".to_owned(),
            email: "a@example.org".to_owned(),
            kind: v1::PartyKind::Person.into(),
        })
    };
    v1::Parcel {
        item_id: "RB123456785CN".to_owned(),
        id_scheme: v1::ItemIdScheme::S10.into(),
        advised_at: Some(Timestamp { seconds: 1_790_000_000, nanos: 1 }),
        origin_country: "CN".to_owned(),
        destination_country: "KZ".to_owned(),
        origin_office: "CNBJSA".to_owned(),
        destination_office: "KZALAA".to_owned(),
        carrier: "CNA".to_owned(),
        declarant: "BROKER".to_owned(),
        mail_class: v1::MailClass::Parcels.into(),
        nature_of_transaction: v1::NatureOfTransaction::Gift.into(),
        transport_mode: v1::TransportMode::Air.into(),
        sender: party("sender"),
        addressee: party("addressee"),
        contents: vec![line()],
        gross_mass_grams: Some(700),
        postage_paid: money(3),
        insured_value: money(40),
        payment_method: v1::PaymentMethod::Card.into(),
        documents: vec![v1::Document { kind: v1::DocumentKind::Invoice.into(), number: "7".to_owned() }],
        national_codes: BTreeMap::from([("import_type".to_owned(), "11".to_owned())]),
        national_figures: BTreeMap::from([("tax_rate".to_owned(), 8.0)]),
    }
}

fn line() -> v1::ContentLine {
    v1::ContentLine {
        description: "phone case".to_owned(),
        hs_code: "392690".to_owned(),
        quantity: Some(2),
        net_mass_grams: Some(500),
        value: Some(v1::Money { currency_code: "EUR".to_owned(), units: 12, nanos: 500_000_000 }),
        origin_country: "CN".to_owned(),
    }
}

fn field<T: Clone + 'static>(
    path: &str,
    at: impl Fn(&mut v1::Parcel) -> &mut T + Copy + 'static,
    values: Vec<(&'static str, T)>,
    noise: impl Fn(&Noise) -> T + 'static,
) -> Field {
    let case = |(label, value): (&'static str, T)| {
        let state = move |parcel: &mut v1::Parcel| *at(parcel) = value.clone();
        Case { label, state: Box::new(state) }
    };
    let noise = move |parcel: &mut v1::Parcel, what: &Noise| *at(parcel) = noise(what);
    Field { path: path.to_owned(), cases: values.into_iter().map(case).collect(), noise: Box::new(noise) }
}

fn text(path: &str, at: impl Fn(&mut v1::Parcel) -> &mut String + Copy + 'static) -> Field {
    let values =
        [("absent or zero", String::new()), ("extreme", "ж".repeat(32_768)), ("malformed", "x".repeat(65_537))];
    field(path, at, values.into(), |noise| noise.text.clone())
}

fn code(
    path: &str,
    at: impl Fn(&mut v1::Parcel) -> &mut String + Copy + 'static,
    values: &[(&'static str, &str)],
) -> Field {
    let values = values.iter().map(|(label, value)| (*label, (*value).to_owned())).collect();
    field(path, at, values, |noise| noise.text.clone())
}

fn country(path: &str, at: impl Fn(&mut v1::Parcel) -> &mut String + Copy + 'static) -> Field {
    let values = [
        ("absent or zero", ""),
        ("extreme: used by post, unknown to ISO", "XK"),
        ("odd: nobody's", "ZZ"),
        ("malformed: small letters", "kz"),
        ("malformed: three letters", "KAZ"),
        ("malformed: two bytes, one letter", "Ж"),
    ];
    code(path, at, &values)
}

fn listed(path: &str, at: impl Fn(&mut v1::Parcel) -> &mut i32 + Copy + 'static, last: i32) -> Field {
    let values = [("absent or zero", 0), ("extreme", last), ("odd: of a later release", last + 1), ("odd", i32::MIN)];
    field(path, at, values.into(), |noise| noise.number as i32)
}

fn mass(path: &str, at: impl Fn(&mut v1::Parcel) -> &mut Option<u64> + Copy + 'static) -> Field {
    let values = vec![
        ("absent", None),
        ("zero", Some(0)),
        ("extreme", Some(100_000_000_000)),
        ("malformed", Some(100_000_000_001)),
        ("malformed: more than 63 bits", Some(u64::MAX)),
    ];
    field(path, at, values, |noise| Some(noise.number.unsigned_abs()))
}

fn money(path: &str, at: impl Fn(&mut v1::Parcel) -> &mut Option<v1::Money> + Copy + 'static) -> Vec<Field> {
    let currencies = [
        ("absent or zero", ""),
        ("extreme: a unit of account", "XDR"),
        ("odd: nobody's", "QQQ"),
        ("malformed: small letters", "eur"),
        ("malformed: two letters", "EU"),
    ];
    let units = vec![
        ("absent or zero", 0),
        ("extreme", 1_000_000_000_000_000),
        ("malformed", 1_000_000_000_000_001),
        ("malformed: another sign than nanos", -1),
        ("malformed: least", i64::MIN),
    ];
    let nanos = vec![
        ("absent or zero", 0),
        ("extreme", 999_999_999),
        ("malformed", 1_000_000_000),
        ("malformed: another sign than units", -1),
        ("malformed: least", i32::MIN),
    ];
    vec![
        field(path, at, vec![("absent", None), ("zero", Some(v1::Money::default()))], |_| None),
        code(&format!("{path}.currency_code"), move |p| &mut at(p).get_or_insert_default().currency_code, &currencies),
        field(&format!("{path}.units"), move |p| &mut at(p).get_or_insert_default().units, units, |noise| noise.number),
        field(
            &format!("{path}.nanos"),
            move |p| &mut at(p).get_or_insert_default().nanos,
            nanos,
            |noise| noise.number as i32,
        ),
    ]
}

fn party(path: &str, at: impl Fn(&mut v1::Parcel) -> &mut Option<v1::Party> + Copy + 'static) -> Vec<Field> {
    vec![
        field(path, at, vec![("absent", None), ("zero", Some(v1::Party::default()))], |_| None),
        text(&format!("{path}.party_id"), move |p| &mut at(p).get_or_insert_default().party_id),
        text(&format!("{path}.name"), move |p| &mut at(p).get_or_insert_default().name),
        text(&format!("{path}.street"), move |p| &mut at(p).get_or_insert_default().street),
        text(&format!("{path}.locality"), move |p| &mut at(p).get_or_insert_default().locality),
        text(&format!("{path}.postcode"), move |p| &mut at(p).get_or_insert_default().postcode),
        country(&format!("{path}.country"), move |p| &mut at(p).get_or_insert_default().country),
        text(&format!("{path}.phone"), move |p| &mut at(p).get_or_insert_default().phone),
        text(&format!("{path}.email"), move |p| &mut at(p).get_or_insert_default().email),
        listed(&format!("{path}.kind"), move |p| &mut at(p).get_or_insert_default().kind, 2),
    ]
}

/// The last element, or a new one where there is none.
fn last<T: Default>(list: &mut Vec<T>) -> &mut T {
    if list.is_empty() {
        list.push(T::default());
    }
    list.last_mut().unwrap()
}

fn contents() -> Vec<Field> {
    fn at(parcel: &mut v1::Parcel) -> &mut v1::ContentLine {
        last(&mut parcel.contents)
    }
    let descriptions = vec![
        ("absent or zero", String::new()),
        ("extreme: read whole", "x".repeat(512)),
        ("extreme: read in part, and no character cut in two", format!("x{}", "ж".repeat(32_767))),
        ("malformed", "x".repeat(65_537)),
    ];
    let hs_codes = [
        ("absent or zero", ""),
        ("extreme", "9999999999"),
        ("odd: reserved", "77"),
        ("malformed: dots", "85.17"),
        ("malformed: odd length", "85171"),
        ("malformed: digits of another script", "٨٥"),
    ];
    let quantities = vec![("absent", None), ("zero", Some(0)), ("extreme", Some(u32::MAX))];
    let lists = vec![("absent", vec![]), ("extreme", vec![line(); 99]), ("malformed", vec![line(); 100])];
    let mut fields = vec![
        field("contents", |p| &mut p.contents, lists, |noise| vec![line(); noise.number as usize % 5]),
        field("contents[0].description", move |p| &mut at(p).description, descriptions, |noise| noise.text.clone()),
        code("contents[0].hs_code", move |p| &mut at(p).hs_code, &hs_codes),
        field("contents[0].quantity", move |p| &mut at(p).quantity, quantities, |noise| Some(noise.number as u32)),
        mass("contents[0].net_mass_grams", move |p| &mut at(p).net_mass_grams),
    ];
    fields.extend(money("contents[0].value", move |p| &mut at(p).value));
    fields.push(country("contents[0].origin_country", move |p| &mut at(p).origin_country));
    fields
}

fn identity() -> Vec<Field> {
    let ids = [
        ("absent or zero", ""),
        ("extreme", "ZZ999999995ZW"),
        ("odd: check digit", "RB123456784CN"),
        ("odd: issuer", "RB123456785ZZ"),
        ("malformed: short", "RB12345678CN"),
        ("malformed: small letters", "rb123456785cn"),
    ];
    let seconds = vec![
        ("absent or zero", 0),
        ("extreme: first", 946_684_800),
        ("extreme: last", 4_102_444_799),
        ("malformed: a second early", 946_684_799),
        ("malformed: a second late", 4_102_444_800),
        ("malformed: the year 1", -62_135_596_800),
        ("malformed: the year 9999", 253_402_300_799),
        ("malformed: least", i64::MIN),
    ];
    let nanos = vec![
        ("absent or zero", 0),
        ("extreme", 999_999_999),
        ("malformed", 1_000_000_000),
        ("malformed: negative", -1),
    ];
    let no_time = vec![("absent", None), ("zero", Some(Timestamp::default()))];
    vec![
        code("item_id", |p| &mut p.item_id, &ids),
        listed("id_scheme", |p| &mut p.id_scheme, 2),
        field("advised_at", |p| &mut p.advised_at, no_time, |_| None),
        field(
            "advised_at.seconds",
            |p| &mut p.advised_at.get_or_insert_default().seconds,
            seconds,
            |noise| noise.number,
        ),
        field(
            "advised_at.nanos",
            |p| &mut p.advised_at.get_or_insert_default().nanos,
            nanos,
            |noise| noise.number as i32,
        ),
    ]
}

fn national() -> Vec<Field> {
    fn named<T: Clone>(n: usize, value: T) -> BTreeMap<String, T> {
        (0..n).map(|idx| (format!("{idx:0>64}"), value.clone())).collect()
    }
    fn one<T>(key: &str, value: T) -> BTreeMap<String, T> {
        BTreeMap::from([(key.to_owned(), value)])
    }
    let codes = vec![
        ("absent", BTreeMap::new()),
        ("zero", one("import_type", String::new())),
        ("extreme", named(64, "x".to_owned())),
        ("malformed: 65 entries", named(65, "x".to_owned())),
        ("malformed: no key", one("", "x".to_owned())),
        ("malformed: key", one(&"k".repeat(65), "x".to_owned())),
        ("malformed: value", one("import_type", "x".repeat(65_537))),
    ];
    let figures = vec![
        ("absent", BTreeMap::new()),
        ("zero", one("tax_rate", 0.0)),
        ("extreme: 64 entries", named(64, 1.0)),
        ("extreme: largest", one("tax_rate", f64::MAX)),
        ("malformed: 65 entries", named(65, 1.0)),
        ("malformed: no key", one("", 1.0)),
        ("malformed: key", one(&"k".repeat(65), 1.0)),
        ("malformed: not a number", one("tax_rate", f64::NAN)),
        ("malformed: infinity", one("tax_rate", f64::INFINITY)),
        ("malformed: below all numbers", one("tax\n\"rate", f64::NEG_INFINITY)),
    ];
    vec![
        field("national_codes", |p| &mut p.national_codes, codes, |noise| one(&noise.text, noise.text.clone())),
        field(
            "national_figures",
            |p| &mut p.national_figures,
            figures,
            |noise| BTreeMap::from([("tax_rate".to_owned(), noise.float), (noise.text.clone(), noise.float)]),
        ),
    ]
}

/// All of them, in the order of the contract.
pub(super) fn fields() -> Vec<Field> {
    let papers = vec![v1::Document::default(); 100];
    let documents = vec![("absent", vec![]), ("extreme", papers[..99].to_vec()), ("malformed", papers)];
    let mut all = identity();
    all.extend([
        country("origin_country", |p| &mut p.origin_country),
        country("destination_country", |p| &mut p.destination_country),
        text("origin_office", |p| &mut p.origin_office),
        text("destination_office", |p| &mut p.destination_office),
        text("carrier", |p| &mut p.carrier),
        text("declarant", |p| &mut p.declarant),
        listed("mail_class", |p| &mut p.mail_class, 4),
        listed("nature_of_transaction", |p| &mut p.nature_of_transaction, 6),
        listed("transport_mode", |p| &mut p.transport_mode, 9),
    ]);
    all.extend(party("sender", |p| &mut p.sender));
    all.extend(party("addressee", |p| &mut p.addressee));
    all.extend(contents());
    all.push(mass("gross_mass_grams", |p| &mut p.gross_mass_grams));
    all.extend(money("postage_paid", |p| &mut p.postage_paid));
    all.extend(money("insured_value", |p| &mut p.insured_value));
    all.push(listed("payment_method", |p| &mut p.payment_method, 7));
    all.extend([
        field("documents", |p| &mut p.documents, documents, |_| vec![]),
        listed("documents[0].kind", |p| &mut last(&mut p.documents).kind, 3),
        text("documents[0].number", |p| &mut last(&mut p.documents).number),
    ]);
    all.extend(national());
    all
}
