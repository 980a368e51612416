//! Time cut into buckets: a parcel sees the events of closed buckets only.

use serde::{Deserialize, Serialize};

use crate::parcel::AdvisedAt;

/// Number of a bucket since 1970, at the width its history was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bucket(pub u32);

/// How long a bucket is. Part of a model's feature spec: another width is another history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BucketWidth {
    seconds: u32,
}

impl TryFrom<u32> for BucketWidth {
    type Error = &'static str;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        Self::from_seconds(seconds).ok_or("a bucket must be at least one second wide")
    }
}

impl From<BucketWidth> for u32 {
    fn from(width: BucketWidth) -> Self {
        width.seconds
    }
}

impl BucketWidth {
    /// A minute: data that has only dates falls into days by itself, since all of a day shares a bucket.
    pub const MINUTE: Self = Self { seconds: 60 };

    /// A width of whole seconds; `None` for zero.
    pub const fn from_seconds(seconds: u32) -> Option<Self> {
        if seconds > 0 { Some(Self { seconds }) } else { None }
    }

    /// The bucket that an instant falls into.
    pub fn bucket_of(self, at: AdvisedAt) -> Bucket {
        self.bucket_of_second(at.seconds())
    }

    /// The bucket of a second since 1970; before 1970 it is the first, past the last it is the last.
    pub fn bucket_of_second(self, second: i64) -> Bucket {
        let number = second.max(0).unsigned_abs() / u64::from(self.seconds);
        Bucket(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Days from one bucket's start to another's; zero where `to` is not later.
    pub fn days_between(self, from: Bucket, to: Bucket) -> f64 {
        f64::from(to.0.saturating_sub(from.0)) * f64::from(self.seconds) / 86_400.0
    }
}
