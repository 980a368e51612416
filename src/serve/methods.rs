//! The methods that are served: the only paths that a log line or a metric may name.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;

use super::routes::DESCRIPTORS;
use crate::telemetry::UNKNOWN_METHOD;

/// Paths as `/package.Service/Method`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Methods(&'static BTreeSet<String>);

impl Methods {
    pub(super) fn served() -> Result<Self, DecodeError> {
        // Read once: what is compiled in does not change, and its names then last as long as the process.
        static SERVED: OnceLock<BTreeSet<String>> = OnceLock::new();
        if let Some(paths) = SERVED.get() {
            return Ok(Self(paths));
        }
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
        Ok(Self(SERVED.get_or_init(|| paths)))
    }

    /// The path, where it is served: any other is a stranger's text of any length.
    pub(super) fn name(self, path: &str) -> &'static str {
        self.0.get(path).map_or(UNKNOWN_METHOD, String::as_str)
    }

    /// All of them.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(String::as_str)
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
