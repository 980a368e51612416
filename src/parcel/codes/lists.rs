//! The closed code lists of the contract: mail class, nature of transaction and the like.
//!
//! Numbers are those of the contract's enums; a test holds both lists equal.

use serde::{Deserialize, Serialize};

/// Declares one closed list: its type, its numbers and the names they have in tables.
macro_rules! code_list {
    ($(#[$doc:meta])* $name:ident, $prefix:literal { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* $variant = $number,)+ }

        impl $name {
            /// Every value, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// What the contract puts before each name of this list.
            pub const PREFIX: &'static str = $prefix;

            /// The value with this number; `None` for 0 (not stated) and for numbers this list does not have.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The value's number in the contract.
            pub fn number(self) -> i32 { self as i32 }

            /// The value's name in tables, such as `PARCELS`; the contract's name is this after [`Self::PREFIX`].
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Reads a name with or without its prefix, in capital letters.
            pub fn from_name(name: &str) -> Option<Self> {
                match name.strip_prefix($prefix).unwrap_or(name) { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

code_list! {
    /// How an item is identified.
    ItemIdScheme, "ITEM_ID_SCHEME_" {
        /// UPU S10.
        S10 = 1, "S10";
        /// The carrier's own numbering.
        Carrier = 2, "CARRIER";
    }
}

code_list! {
    /// UPU code list 117.
    MailClass, "MAIL_CLASS_" {
        /// U.
        Letters = 1, "LETTERS";
        /// C.
        Parcels = 2, "PARCELS";
        /// E.
        Ems = 3, "EMS";
        /// T.
        EmptyReceptacles = 4, "EMPTY_RECEPTACLES";
    }
}

code_list! {
    /// UPU code list 136.
    NatureOfTransaction, "NATURE_OF_TRANSACTION_" {
        /// Gift.
        Gift = 1, "GIFT";
        /// Documents.
        Documents = 2, "DOCUMENTS";
        /// Sale of goods.
        SaleOfGoods = 3, "SALE_OF_GOODS";
        /// Commercial sample.
        CommercialSample = 4, "COMMERCIAL_SAMPLE";
        /// Returned goods.
        ReturnedGoods = 5, "RETURNED_GOODS";
        /// Anything else.
        Other = 6, "OTHER";
    }
}

code_list! {
    /// UN/ECE Recommendation 19.
    TransportMode, "TRANSPORT_MODE_" {
        /// By sea.
        Maritime = 1, "MARITIME";
        /// By rail.
        Rail = 2, "RAIL";
        /// By road.
        Road = 3, "ROAD";
        /// By air.
        Air = 4, "AIR";
        /// By mail.
        Mail = 5, "MAIL";
        /// By more than one.
        Multimodal = 6, "MULTIMODAL";
        /// Anything else.
        Other = 9, "OTHER";
    }
}

code_list! {
    /// How the goods were paid for.
    PaymentMethod, "PAYMENT_METHOD_" {
        /// Payment card.
        Card = 1, "CARD";
        /// Bank transfer.
        BankTransfer = 2, "BANK_TRANSFER";
        /// Cash on delivery.
        CashOnDelivery = 3, "CASH_ON_DELIVERY";
        /// Prepaid voucher.
        PrepaidVoucher = 4, "PREPAID_VOUCHER";
        /// Electronic money.
        Emoney = 5, "EMONEY";
        /// Crypto-asset.
        CryptoAsset = 6, "CRYPTO_ASSET";
        /// Anything else.
        Other = 7, "OTHER";
    }
}

code_list! {
    /// Person or business.
    PartyKind, "PARTY_KIND_" {
        /// A natural person.
        Person = 1, "PERSON";
        /// A business.
        Business = 2, "BUSINESS";
    }
}

code_list! {
    /// What a document is.
    DocumentKind, "DOCUMENT_KIND_" {
        /// Licence.
        Licence = 1, "LICENCE";
        /// Certificate.
        Certificate = 2, "CERTIFICATE";
        /// Invoice.
        Invoice = 3, "INVOICE";
    }
}

code_list! {
    /// What an infringement was of.
    InfringementKind, "INFRINGEMENT_KIND_" {
        /// Narcotics and psychotropic substances.
        Narcotics = 1, "NARCOTICS";
        /// Drug precursors.
        Precursors = 2, "PRECURSORS";
        /// Medicines.
        Medicines = 3, "MEDICINES";
        /// Weapons, their parts and ammunition.
        Weapons = 4, "WEAPONS";
        /// Goods that infringe intellectual property.
        Counterfeit = 5, "COUNTERFEIT";
        /// Declared below the real value.
        Undervaluation = 6, "UNDERVALUATION";
        /// Declared as other goods, or of another origin.
        Misdeclaration = 7, "MISDECLARATION";
        /// Species under CITES.
        ProtectedSpecies = 8, "PROTECTED_SPECIES";
        /// Any other.
        Other = 15, "OTHER";
    }
}
