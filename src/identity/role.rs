//! What a caller may do.

/// A thing that one may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Have parcels scored.
    Score,
    /// See the reasons of a score as it is made.
    Explain,
    /// Say what was found.
    Outcome,
    /// Look decisions up.
    Audit,
    /// Change what decides.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Score, Self::Explain, Self::Outcome, Self::Audit, Self::Admin];

    /// As settings and tokens call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Explain => "explain",
            Self::Outcome => "outcome",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// By its name, in lower case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Several roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// With one more.
    #[must_use]
    pub const fn and(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Those of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is among them.
    pub const fn holds(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one caller could both say what models learn from and say which model serves.
    pub const fn conflict(self) -> bool {
        self.holds(Role::Outcome) && self.holds(Role::Admin)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::default(), Self::and)
    }
}
