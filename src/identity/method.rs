//! Which method needs which role: the one place that says so. What is not listed is for nobody.

use super::role::{Role, Roles};

/// What a caller needs for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: whoever gets there is answered.
    Nothing,
    /// Any role.
    AnyRole,
    /// One of these.
    OneOf(&'static [Role]),
    /// Nobody may.
    Nobody,
}

const SCORE: Need = Need::OneOf(&[Role::Score]);
const OUTCOME: Need = Need::OneOf(&[Role::Outcome]);
const AUDIT: Need = Need::OneOf(&[Role::Audit]);
const ADMIN: Need = Need::OneOf(&[Role::Admin]);
/// To know which model decides is a part of each of these.
const MODEL: Need = Need::OneOf(&[Role::Score, Role::Audit, Role::Admin]);

const NEEDS: &[(&str, Need)] = &[
    ("/parcelrisk.v1.RiskScoringService/ScoreParcel", SCORE),
    ("/parcelrisk.v1.RiskScoringService/ScoreParcels", SCORE),
    ("/parcelrisk.v1.RiskScoringService/StreamParcels", SCORE),
    ("/parcelrisk.v1.OutcomeService/RecordOutcomes", OUTCOME),
    ("/parcelrisk.v1.AuditService/GetDecision", AUDIT),
    ("/parcelrisk.v1.AuditService/ListDecisions", AUDIT),
    ("/parcelrisk.v1.ModelService/ListModels", MODEL),
    ("/parcelrisk.v1.ModelService/GetModel", MODEL),
    ("/parcelrisk.v1.ModelService/StageModel", ADMIN),
    ("/parcelrisk.v1.ModelService/PromoteModel", ADMIN),
    ("/parcelrisk.v1.ModelService/SetCanaryShare", ADMIN),
    ("/parcelrisk.v1.ModelService/RollBackModel", ADMIN),
    ("/parcelrisk.v1.ModelService/CompareModels", ADMIN),
    // Whoever sends calls elsewhere when a server is ill has no certificate.
    ("/grpc.health.v1.Health/Check", Need::Nothing),
    ("/grpc.health.v1.Health/List", Need::Nothing),
    ("/grpc.health.v1.Health/Watch", Need::Nothing),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Need::AnyRole),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Need::AnyRole),
];

/// What a caller needs for the method at `path`.
pub fn need(path: &str) -> Need {
    NEEDS.iter().find(|(listed, _)| *listed == path).map_or(Need::Nobody, |(_, need)| *need)
}

impl Need {
    /// Whether one with these roles may.
    pub fn is_met_by(self, roles: Roles) -> bool {
        match self {
            Self::Nothing => true,
            Self::AnyRole => !roles.is_empty(),
            Self::OneOf(needed) => needed.iter().any(|role| roles.holds(*role)),
            Self::Nobody => false,
        }
    }

    /// What is said to whoever may not.
    pub(super) fn lacking(self) -> &'static str {
        match self {
            Self::OneOf([Role::Score]) => "this method is for callers with the role `score`",
            Self::OneOf([Role::Outcome]) => "this method is for callers with the role `outcome`",
            Self::OneOf([Role::Audit]) => "this method is for callers with the role `audit`",
            Self::OneOf([Role::Admin]) => "this method is for callers with the role `admin`",
            Self::OneOf(_) => "this method is for callers with one of the roles `score`, `audit` and `admin`",
            Self::Nothing | Self::AnyRole => "this method is for callers with any role",
            Self::Nobody => "no role is for this method",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_for_nobody() {
        let every_role: Roles = Role::ALL.into_iter().collect();
        for path in ["", "/", "/parcelrisk.v1.ModelService/stagemodel", "/grpc.health.v1.Health/Check/"] {
            assert_eq!(need(path), Need::Nobody, "{path}");
            assert!(!need(path).is_met_by(every_role));
        }
    }

    #[test]
    fn one_role_is_enough_and_no_other_will_do() {
        for (path, need) in NEEDS {
            let Need::OneOf(needed) = need else { continue };
            for role in Role::ALL {
                assert_eq!(need.is_met_by(Roles::default().and(role)), needed.contains(&role), "{path} {role:?}");
            }
            assert!(!need.is_met_by(Roles::default()), "{path}");
        }
    }
}
