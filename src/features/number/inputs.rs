//! What number features are computed from.

use std::cell::{OnceCell, RefCell};

use super::super::ExchangeRates;
use crate::parcel::{ContentLine, Money, Parcel, Party};
use crate::text::{Characters, Generic, Name, Phone, Scratch, Words, normalized_email};

/// A parcel, and what several features share. What only some specs use is made when it is first asked for.
#[derive(Debug)]
pub(in crate::features) struct Inputs<'a> {
    pub(in crate::features) parcel: &'a Parcel,
    pub(super) rates: &'a ExchangeRates,
    /// The line that stands for the parcel.
    pub(in crate::features) line: Option<&'a ContentLine>,
    /// Declared value of all lines in the base currency.
    pub(in crate::features) value: Option<f64>,
    pub(in crate::features) net_mass_kg: Option<f64>,
    pub(in crate::features) gross_mass_kg: Option<f64>,
    pub(super) n_pieces: Option<f64>,
    words: OnceCell<Words>,
    generic: OnceCell<Option<Generic>>,
    characters: OnceCell<Characters>,
    names: OnceCell<[Option<Name>; 2]>,
    phones: OnceCell<[Option<Phone>; 2]>,
    emails: OnceCell<[Option<String>; 2]>,
}

thread_local! {
    /// Room that a thread reads texts in.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// With the room that this thread reads texts in.
pub(in crate::features) fn with_scratch<T>(read: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(read)
}

impl<'a> Inputs<'a> {
    /// Takes together what several features share.
    pub(in crate::features) fn new(parcel: &'a Parcel, rates: &'a ExchangeRates) -> Self {
        Self {
            parcel,
            rates,
            line: parcel.principal_line(),
            value: total_value(parcel, rates),
            net_mass_kg: parcel.net_mass_grams().map(|grams| grams as f64 / 1000.0),
            gross_mass_kg: parcel.gross_mass.map(|mass| mass.get() as f64 / 1000.0),
            n_pieces: parcel.n_pieces().map(|pieces| pieces as f64),
            words: OnceCell::new(),
            generic: OnceCell::new(),
            characters: OnceCell::new(),
            names: OnceCell::new(),
            phones: OnceCell::new(),
            emails: OnceCell::new(),
        }
    }

    pub(super) fn in_base(&self, amount: Option<Money>) -> Option<f64> {
        self.rates.to_base(amount?)
    }

    /// The principal line's description, where there is one.
    pub(super) fn description(&self) -> Option<&'a str> {
        self.line?.description.as_deref()
    }

    /// Its words.
    pub(in crate::features) fn words(&self) -> Option<&Words> {
        let description = self.description()?;
        Some(self.words.get_or_init(|| Words::new(description)))
    }

    /// How generic they are.
    pub(in crate::features) fn generic(&self) -> Option<Generic> {
        *self.generic.get_or_init(|| self.words()?.generic())
    }

    /// Its characters.
    pub(super) fn characters(&self) -> Option<&Characters> {
        let description = self.description()?;
        Some(self.characters.get_or_init(|| Characters::of(description)))
    }

    /// The names of sender and addressee.
    pub(in crate::features) fn names(&self) -> &[Option<Name>; 2] {
        self.names.get_or_init(|| {
            let read = |scratch: &mut Scratch| {
                self.parties().map(|party| Some(Name::read_in(party?.name.as_deref()?, scratch)))
            };
            with_scratch(read)
        })
    }

    /// The phone numbers of sender and addressee.
    pub(in crate::features) fn phones(&self) -> &[Option<Phone>; 2] {
        self.phones.get_or_init(|| self.parties().map(|party| Phone::read(party?.phone.as_deref()?)))
    }

    /// The mail addresses of sender and addressee, as they are compared.
    pub(in crate::features) fn emails(&self) -> &[Option<String>; 2] {
        self.emails.get_or_init(|| self.parties().map(|party| normalized_email(party?.email.as_deref()?)))
    }

    fn parties(&self) -> [Option<&'a Party>; 2] {
        [self.parcel.sender.as_ref(), self.parcel.addressee.as_ref()]
    }
}

/// Sum over the lines in the base currency; `None` where no line states a value, or where one
/// cannot be converted: part of a value would look like a low one.
fn total_value(parcel: &Parcel, rates: &ExchangeRates) -> Option<f64> {
    let mut stated = parcel.contents.iter().filter_map(|line| line.value);
    let first = rates.to_base(stated.next()?)?;
    stated.try_fold(first, |sum, value| Some(sum + rates.to_base(value)?))
}
