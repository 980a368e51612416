//! `parcel-risk`.

fn main() {}
