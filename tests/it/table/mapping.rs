//! What is wrong in a mapping, said before any table is opened.

use std::path::Path;

use expect_test::{Expect, expect};
use parcel_risk::table::{Mapping, MappingError};

use super::chain;

#[track_caller]
fn check_mapping(text: &str, expect: Expect) {
    expect.assert_eq(&chain(&Mapping::parse(text).unwrap_err()));
}

#[test]
fn a_mapping_says_everything_that_is_wrong_in_it() {
    check_mapping(
        r#"
        [columns]
        "A" = "contents[0].hscode"
        "B" = "contents[0].value"
        "C" = { field = "carrier", unit = "kg" }
        "D" = { field = "transport_mode", codes = { "1" = "SHIP" }, otherwise = "OTHERS" }
        "E" = { field = "mail_class", otherwise = "EMS" }
        "F" = "outcome.infringement"
        "G" = { field = "postage_paid", currency = "won" }
        "H" = ["declarant", { field = "declarant" }]
        "I" = { field = "insured_value", currency = "KRW", currency_column = "J" }
        "K" = { field = "outcome.infringement", infringement = ["J", "N"], codes = { "J" = "1", "N" = "0" } }
        [constants]
        carrier = "X"
        id_scheme = "COURIER"
        origin_offices = "X"
        "#,
        expect![[r#"
            the mapping can't be used:
              columns."A": "contents[0].hscode" is no field of a parcel; did you mean "contents[0].hs_code"?
              columns."B": an amount needs its `currency`, or the `currency_column` that states it
              columns."C": `unit` is for a mass, and carrier is none
              columns."D": code "1" must be one of MARITIME, RAIL, ROAD, AIR, MAIL, MULTIMODAL, OTHER
              columns."D": `otherwise` must be one of MARITIME, RAIL, ROAD, AIR, MAIL, MULTIMODAL, OTHER
              columns."E": `otherwise` needs `codes` beside it
              columns."F": `infringement` must list the labels that mean one
              columns."G": `currency` must be an ISO 4217 code: three capital letters
              columns."I": `currency` and `currency_column` exclude each other
              columns."K": `infringement` and `codes` exclude each other: list the table's own labels by `infringement`, or let `codes` mean "1" and "0"
              constants."id_scheme": must be one of S10, CARRIER
              constants."origin_offices": "origin_offices" is no field of a parcel; did you mean "origin_office"?
              columns."H": fills declarant, as columns."H" does already
              columns."K": fills outcome.infringement, as columns."F" does already
              constants."carrier": fills carrier, as columns."C" does already
        "#]],
    );
}

#[test]
fn a_mapping_with_other_keys_or_types_says_where() {
    check_mapping(
        "[columns]\n\"A\" = { field = \"carrier\", units = \"kg\" }\n",
        expect![[r#"
        the mapping is not well formed
        TOML parse error at line 2, column 28
          |
        2 | "A" = { field = "carrier", units = "kg" }
          |                            ^^^^^
        unknown field `units`, expected one of `field`, `unit`, `currency`, `currency_column`, `codes`, `otherwise`, `infringement`

    "#]],
    );
    check_mapping(
        "[columns]\n\"A\" = 5\n",
        expect![[r#"
        the mapping is not well formed
        TOML parse error at line 2, column 7
          |
        2 | "A" = 5
          |       ^
        invalid type: integer `5`, expected a field's path, a table with `field`, or a list of these

    "#]],
    );
    check_mapping(
        "[columns]\n\"A\" = { field = \"gross_mass_grams\", unit = \"lb\" }\n",
        expect![[r#"
        the mapping is not well formed
        TOML parse error at line 2, column 44
          |
        2 | "A" = { field = "gross_mass_grams", unit = "lb" }
          |                                            ^^^^
        unknown variant `lb`, expected `g` or `kg`

    "#]],
    );
    check_mapping(
        "[column]\n",
        expect![[r#"
        the mapping is not well formed
        TOML parse error at line 1, column 2
          |
        1 | [column]
          |  ^^^^^^
        unknown field `column`, expected `columns` or `constants`

    "#]],
    );
    let missing = Mapping::read(Path::new("/nowhere/m.toml")).unwrap_err();
    assert!(matches!(missing, MappingError::Open { .. }));
}
