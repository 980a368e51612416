//! Parcels that are kept from their reading to the end of a run.

use std::borrow::Cow;

use crate::parcel::{AdvisedAt, PackedParcel, Parcel};

/// A parcel as it is kept: whole, or where very many are kept, packed to a tenth of that.
#[derive(Clone, Debug)]
pub struct KeptParcel {
    /// When its advance data was received.
    pub advised_at: AdvisedAt,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Whole(Box<Parcel>),
    Packed(PackedParcel),
}

/// Parties and descriptions never reach a log.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Packed(_) => "Packed",
        })
    }
}

impl From<Parcel> for KeptParcel {
    fn from(parcel: Parcel) -> Self {
        Self { advised_at: parcel.advised_at, form: Form::Whole(Box::new(parcel)) }
    }
}

impl KeptParcel {
    /// All of it; unpacked where it is packed, which takes about a microsecond.
    pub fn get(&self) -> Cow<'_, Parcel> {
        match &self.form {
            Form::Whole(parcel) => Cow::Borrowed(parcel),
            Form::Packed(packed) => Cow::Owned(packed.parcel()),
        }
    }

    /// The item's identifier.
    pub fn item_id(&self) -> &str {
        match &self.form {
            Form::Whole(parcel) => parcel.item_id.as_str(),
            Form::Packed(packed) => packed.item_id(),
        }
    }

    /// Packs it.
    pub fn pack(&mut self) {
        if let Form::Whole(parcel) = &self.form {
            self.form = Form::Packed(PackedParcel::from(&**parcel));
        }
    }
}
