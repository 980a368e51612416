//! The methods that are served: the only paths that a log line may name.

use std::collections::BTreeSet;

use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;

use super::DESCRIPTORS;

/// Paths as `/package.Service/Method`.
#[derive(Debug)]
pub(super) struct Methods(BTreeSet<String>);

impl Methods {
    pub(super) fn served() -> Result<Self, DecodeError> {
        let mut paths = BTreeSet::new();
        for descriptor in DESCRIPTORS {
            for file in FileDescriptorSet::decode(descriptor)?.file {
                for service in &file.service {
                    paths.extend(
                        service
                            .method
                            .iter()
                            .map(|method| format!("/{}.{}/{}", file.package(), service.name(), method.name())),
                    );
                }
            }
        }
        Ok(Self(paths))
    }

    /// The path, where it is served: any other is a stranger's text of any length.
    pub(super) fn name<'a>(&self, path: &'a str) -> &'a str {
        if self.0.contains(path) { path } else { "unknown" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_served_is_not_named() {
        let methods = Methods::served().unwrap();
        for path in [
            "/parcelrisk.v1.RiskScoringService/ScoreParcel",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert_eq!(methods.name(path), path);
        }
        assert_eq!(methods.name("/parcelrisk.v1.RiskScoringService/\x1b[31m"), "unknown");
    }
}
