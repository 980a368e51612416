//! What a simulated world is like: every figure of it, read from a scenario file.

/// Declares a table of a scenario: each key is required, and no other is known.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }
    };
}

mod check;
mod figures;
mod load;
mod offenders;

pub use figures::Scenario;
pub(super) use figures::{Calendar, Goods, Lane, NatureShares, Sign, Spread, Wave, Weighed, World};
pub use load::{SHIPPED, ScenarioError};
pub(super) use offenders::{Inspections, Typology};
