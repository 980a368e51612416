//! Parcels of the contract and drafts of the domain: the one place where they meet.

use pbjson_types::Timestamp;

use super::v1;
use crate::parcel::{
    Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, DraftTime, Grams, InvalidParcel, Pieces, Problem,
    Violation,
};

/// What the contract's parcel states. Lossless, but that a number above `i64::MAX` becomes that:
/// the check refuses both.
pub fn to_draft(parcel: v1::Parcel) -> Draft {
    let v1::Parcel {
        item_id,
        id_scheme,
        advised_at,
        origin_country,
        destination_country,
        origin_office,
        destination_office,
        carrier,
        declarant,
        mail_class,
        nature_of_transaction,
        transport_mode,
        sender,
        addressee,
        contents,
        gross_mass_grams,
        postage_paid,
        insured_value,
        payment_method,
        documents,
        national_codes,
        national_figures,
    } = parcel;
    Draft {
        item_id,
        id_scheme,
        advised_at: advised_at.map(|at| DraftTime { seconds: at.seconds, nanos: at.nanos }),
        origin_country,
        destination_country,
        origin_office,
        destination_office,
        carrier,
        declarant,
        mail_class,
        nature_of_transaction,
        transport_mode,
        sender: sender.map(to_draft_party),
        addressee: addressee.map(to_draft_party),
        contents: contents.into_iter().map(to_draft_line).collect(),
        gross_mass_grams: gross_mass_grams.map(saturating),
        postage_paid: postage_paid.map(to_draft_money),
        insured_value: insured_value.map(to_draft_money),
        payment_method,
        documents: documents.into_iter().map(|v1::Document { kind, number }| DraftDocument { kind, number }).collect(),
        national_codes,
        national_figures,
    }
}

/// The contract's parcel that states the same.
///
/// # Errors
/// [`InvalidParcel`] with every number that the contract has no room for, such as a negative mass,
/// in the order of the contract's fields and with the problem that [`Draft::check`] gives it.
pub fn from_draft(draft: &Draft) -> Result<v1::Parcel, InvalidParcel> {
    let mut violations = Vec::new();
    let contents = draft.contents.iter().enumerate().map(|(idx, line)| from_draft_line(&mut violations, idx, line));
    let contents = contents.collect();
    let gross_mass_grams = draft.gross_mass_grams.and_then(|grams| {
        keep(&mut violations, || "gross_mass_grams".to_owned(), u64::try_from(grams).ok(), Grams::new(grams).err())
    });
    if !violations.is_empty() {
        return Err(InvalidParcel(violations));
    }
    Ok(v1::Parcel {
        item_id: draft.item_id.clone(),
        id_scheme: draft.id_scheme,
        advised_at: draft.advised_at.map(|at| Timestamp { seconds: at.seconds, nanos: at.nanos }),
        origin_country: draft.origin_country.clone(),
        destination_country: draft.destination_country.clone(),
        origin_office: draft.origin_office.clone(),
        destination_office: draft.destination_office.clone(),
        carrier: draft.carrier.clone(),
        declarant: draft.declarant.clone(),
        mail_class: draft.mail_class,
        nature_of_transaction: draft.nature_of_transaction,
        transport_mode: draft.transport_mode,
        sender: draft.sender.as_ref().map(from_draft_party),
        addressee: draft.addressee.as_ref().map(from_draft_party),
        contents,
        gross_mass_grams,
        postage_paid: draft.postage_paid.as_ref().map(from_draft_money),
        insured_value: draft.insured_value.as_ref().map(from_draft_money),
        payment_method: draft.payment_method,
        documents: draft
            .documents
            .iter()
            .map(|document| v1::Document { kind: document.kind, number: document.number.clone() })
            .collect(),
        national_codes: draft.national_codes.clone(),
        national_figures: draft.national_figures.clone(),
    })
}

/// The converted number, or a violation where there is none.
fn keep<T>(
    violations: &mut Vec<Violation>,
    field: impl FnOnce() -> String,
    converted: Option<T>,
    problem: Option<Problem>,
) -> Option<T> {
    if converted.is_none() {
        // What has no room in the contract is out of range for the check too.
        violations.extend(problem.map(|problem| Violation::new(field(), problem)));
    }
    converted
}

fn saturating(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn to_draft_party(party: v1::Party) -> DraftParty {
    let v1::Party { party_id, name, street, locality, postcode, country, phone, email, kind } = party;
    DraftParty { party_id, name, street, locality, postcode, country, phone, email, kind }
}

fn from_draft_party(party: &DraftParty) -> v1::Party {
    let DraftParty { party_id, name, street, locality, postcode, country, phone, email, kind } = party.clone();
    v1::Party { party_id, name, street, locality, postcode, country, phone, email, kind }
}

fn to_draft_money(money: v1::Money) -> DraftMoney {
    let v1::Money { currency_code, units, nanos } = money;
    DraftMoney { currency_code, units, nanos }
}

fn from_draft_money(money: &DraftMoney) -> v1::Money {
    let DraftMoney { currency_code, units, nanos } = money.clone();
    v1::Money { currency_code, units, nanos }
}

fn to_draft_line(line: v1::ContentLine) -> DraftLine {
    let v1::ContentLine { description, hs_code, quantity, net_mass_grams, value, origin_country } = line;
    DraftLine {
        description,
        hs_code,
        quantity: quantity.map(i64::from),
        net_mass_grams: net_mass_grams.map(saturating),
        value: value.map(to_draft_money),
        origin_country,
    }
}

fn from_draft_line(violations: &mut Vec<Violation>, idx: usize, line: &DraftLine) -> v1::ContentLine {
    let quantity = line.quantity.and_then(|pieces| {
        let field = || format!("contents[{idx}].quantity");
        keep(violations, field, u32::try_from(pieces).ok(), Pieces::new(pieces).err())
    });
    let net_mass_grams = line.net_mass_grams.and_then(|grams| {
        let field = || format!("contents[{idx}].net_mass_grams");
        keep(violations, field, u64::try_from(grams).ok(), Grams::new(grams).err())
    });
    v1::ContentLine {
        description: line.description.clone(),
        hs_code: line.hs_code.clone(),
        quantity,
        net_mass_grams,
        value: line.value.as_ref().map(from_draft_money),
        origin_country: line.origin_country.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::parcel::ParcelLimits;

    fn money() -> impl Strategy<Value = DraftMoney> {
        (".{0,4}", any::<i64>(), any::<i32>()).prop_map(|(currency_code, units, nanos)| DraftMoney {
            currency_code,
            units,
            nanos,
        })
    }

    fn party() -> impl Strategy<Value = DraftParty> {
        let texts = || (".{0,4}", ".{0,4}", ".{0,4}", ".{0,4}");
        (texts(), texts(), any::<i32>()).prop_map(|(a, b, kind)| DraftParty {
            party_id: a.0,
            name: a.1,
            street: a.2,
            locality: a.3,
            postcode: b.0,
            country: b.1,
            phone: b.2,
            email: b.3,
            kind,
        })
    }

    fn line() -> impl Strategy<Value = DraftLine> {
        let numbers = (option::of(any::<i64>()), option::of(any::<i64>()));
        (".{0,9}", ".{0,4}", numbers, option::of(money()), ".{0,2}").prop_map(
            |(description, hs_code, (quantity, net_mass_grams), value, origin_country)| DraftLine {
                description,
                hs_code,
                quantity,
                net_mass_grams,
                value,
                origin_country,
            },
        )
    }

    prop_compose! {
        pub(crate) fn draft()(
            texts in vec(".{0,4}", 7),
            numbers in vec(any::<i32>(), 5),
            at in option::of((any::<i64>(), any::<i32>())),
            parties in (option::of(party()), option::of(party())),
            contents in vec(line(), 0..4),
            gross_mass_grams in option::of(any::<i64>()),
            amounts in (option::of(money()), option::of(money())),
            documents in vec((any::<i32>(), ".{0,4}"), 0..3),
            national_codes in btree_map(".{0,4}", ".{0,4}", 0..3),
            national_figures in btree_map(".{0,4}", -1e9..1e9, 0..3),
        ) -> Draft {
            Draft {
                item_id: texts[0].clone(),
                id_scheme: numbers[0],
                advised_at: at.map(|(seconds, nanos)| DraftTime { seconds, nanos }),
                origin_country: texts[1].clone(),
                destination_country: texts[2].clone(),
                origin_office: texts[3].clone(),
                destination_office: texts[4].clone(),
                carrier: texts[5].clone(),
                declarant: texts[6].clone(),
                mail_class: numbers[1],
                nature_of_transaction: numbers[2],
                transport_mode: numbers[3],
                sender: parties.0,
                addressee: parties.1,
                contents,
                gross_mass_grams,
                postage_paid: amounts.0,
                insured_value: amounts.1,
                payment_method: numbers[4],
                documents: documents.into_iter().map(|(kind, number)| DraftDocument { kind, number }).collect(),
                national_codes,
                national_figures,
            }
        }
    }

    proptest! {
        #[test]
        fn a_draft_survives_the_wire_or_is_refused_as_the_check_refuses_it(draft in draft()) {
            match from_draft(&draft) {
                Ok(parcel) => {
                    prop_assert_eq!(&from_draft(&to_draft(parcel.clone())), &Ok(parcel.clone()));
                    prop_assert!(to_draft(parcel) == draft);
                }
                Err(InvalidParcel(refused)) => {
                    let InvalidParcel(checked) = draft.check(&ParcelLimits::default()).unwrap_err();
                    prop_assert!(!refused.is_empty());
                    for violation in refused {
                        prop_assert!(checked.contains(&violation), "{violation} is not of the check");
                    }
                }
            }
        }
    }

    #[test]
    fn a_number_above_the_domain_is_still_refused() {
        let draft = to_draft(v1::Parcel { gross_mass_grams: Some(u64::MAX), ..v1::Parcel::default() });
        let InvalidParcel(violations) = draft.check(&ParcelLimits::default()).unwrap_err();
        assert!(violations.iter().any(|violation| violation.field == "gross_mass_grams"));
    }
}
