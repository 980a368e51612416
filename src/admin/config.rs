//! Where the admin port is.

use serde::{Deserialize, Serialize};

use crate::parcel::{Problem, Violation};

/// The admin port's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Address and port to listen on; empty for none.
    pub listen: String,
}

impl AdminConfig {
    /// # Errors
    /// [`Violation`] where it is no address with a port.
    pub fn check(&self) -> Result<(), Violation> {
        let has_port = |listen: &str| {
            listen.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if self.listen.is_empty() || has_port(&self.listen) {
            return Ok(());
        }
        let expected = "empty, or an address and a port, such as 127.0.0.1:9464";
        Err(Violation::new("admin.listen", Problem::Unreadable { expected }))
    }

    /// Where to listen, if anywhere.
    pub fn listen(&self) -> Option<&str> {
        Some(self.listen.as_str()).filter(|listen| !listen.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_unless_an_address_is_set() {
        assert_eq!(AdminConfig::default().listen(), None);
        let on = |listen: &str| AdminConfig { listen: listen.to_owned() };
        assert_eq!(on("127.0.0.1:9464").listen(), Some("127.0.0.1:9464"));
        assert!(on("127.0.0.1:9464").check().is_ok());
        assert!(on("9464").check().is_err());
    }
}
