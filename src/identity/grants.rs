//! Which name has which roles.

use std::collections::HashMap;

use super::config::ValidIdentity;
use super::role::Roles;

/// Names as the configuration has them, with their kind before them.
#[derive(Debug, Default)]
pub(super) struct Grants(HashMap<String, Roles>);

impl Grants {
    pub(super) fn of(config: &ValidIdentity) -> Self {
        let mut grants: HashMap<String, Roles> = HashMap::new();
        for (role, names) in config.lists() {
            for name in names {
                let roles = grants.entry(name.clone()).or_default();
                *roles = roles.and(role);
            }
        }
        Self(grants)
    }

    /// No name, no role.
    pub(super) fn roles(&self, name: &str) -> Roles {
        self.0.get(name).copied().unwrap_or_default()
    }
}
