//! Code lists of post and customs, each in one place.

mod country;
mod currency;
mod hs;
mod lists;
mod s10;
mod text;

pub use country::Country;
pub use currency::Currency;
pub use hs::HsCode;
pub use lists::{
    DocumentKind, InfringementKind, ItemIdScheme, MailClass, NatureOfTransaction, PartyKind, PaymentMethod,
    TransportMode,
};
pub use s10::S10;
