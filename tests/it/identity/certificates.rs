//! Callers that are known by their certificates.

use std::time::Duration;

use parcel_risk::identity::{Identity, IdentityConfig};
use parcel_risk::serve::{Drained, ServeConfig, ServeError};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use rcgen::SanType;
use rcgen::string::Ia5String;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic_types::StatusExt as _;

use super::issuer::{Issuer, config, write};
use super::{is_healthy, refused, score, secured};
use crate::harness::{parcel, parts, request, within};

const SCORES: &str = "spiffe://post.example/scores";

async fn connect(endpoint: &Endpoint, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
    let address = endpoint.uri().to_string().replace("http:", "https:");
    within(Endpoint::from_shared(address).unwrap().tls_config(tls).unwrap().connect()).await
}

/// Whether this client is let into a connection. In TLS 1.3 a refused certificate shows with the first answer only.
async fn is_connected(endpoint: &Endpoint, tls: ClientTlsConfig) -> bool {
    match connect(endpoint, tls).await {
        Ok(channel) => is_healthy(&channel).await,
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_caller_may_what_its_roles_say_and_nothing_else() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let (endpoint, server, standing, _) = secured(config(dir.path(), &issuer)).await;
    let channel = connect(&endpoint, issuer.trusted_by(&issuer.client(SCORES))).await.unwrap();
    let denied = Some(Code::PermissionDenied);
    assert_eq!(refused(&channel).await, [None, denied, denied, denied]);
    let text = standing.metrics_text();
    assert!(text.contains("parcelrisk_denied_total{reason=\"role\"} 3"), "{text}");

    let stranger = connect(&endpoint, issuer.trusted_by(&issuer.client("spiffe://post.example/other"))).await.unwrap();
    assert_eq!(refused(&stranger).await, [denied; 4]);
    let status = score(&stranger).await.unwrap_err();
    assert_eq!(status.message(), "this method is for callers with the role `score`");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "ROLE_MISSING");
    drop((channel, stranger));
    server.stopped().await;
}

#[tokio::test]
async fn whoever_shows_no_certificate_may_ask_for_health_and_nothing_else() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let (endpoint, _server, _, _) = secured(config(dir.path(), &issuer)).await;
    let channel = connect(&endpoint, issuer.trusted()).await.unwrap();
    assert_eq!(refused(&channel).await, [Some(Code::Unauthenticated); 4]);
    assert!(is_healthy(&channel).await);
    let status = score(&channel).await.unwrap_err();
    assert_eq!(status.message(), "who calls is not known: show a client certificate with a name");
    let mut reflection = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel);
    let asked = reflection.server_reflection_info(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(asked.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_of_another_issuer_or_of_the_past_is_refused_and_so_is_plain_text() {
    let (dir, issuer, other) = (tempfile::tempdir().unwrap(), Issuer::new(), Issuer::new());
    let (endpoint, _server, standing, _) = secured(config(dir.path(), &issuer)).await;
    assert!(is_connected(&endpoint, issuer.trusted_by(&issuer.client(SCORES))).await);
    for refused in [other.client(SCORES), issuer.client_until(SCORES, 2020)] {
        assert!(!is_connected(&endpoint, issuer.trusted_by(&refused)).await);
    }
    // One that is for servers is not one for clients.
    assert!(!is_connected(&endpoint, issuer.trusted_by(&issuer.server())).await);
    let plain = endpoint.connect().await;
    let answered = match plain {
        Ok(channel) => is_healthy(&channel).await,
        Err(_) => false,
    };
    assert!(!answered);
    let text = standing.metrics_text();
    assert!(!text.contains("parcelrisk_tls_handshakes_failed_total{reason=\"refused\"} 0"), "{text}");
}

#[tokio::test]
async fn names_of_every_kind_are_known_and_two_lists_that_must_not_meet_give_nothing() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let config = IdentityConfig {
        may_score: names(&["dns:sorting.post.example"]),
        may_audit: names(&["email:audit@post.example"]),
        may_outcome: names(&["uri:spiffe://post.example/outcomes"]),
        may_admin: names(&["uri:spiffe://post.example/admin"]),
        ..config(dir.path(), &issuer)
    };
    let (endpoint, _server, _, _) = secured(config).await;
    let text = |text: &str| Ia5String::try_from(text).unwrap();
    let denied = Some(Code::PermissionDenied);
    let uri = |path: &str| SanType::URI(text(&format!("spiffe://post.example/{path}")));
    for (names, expected) in [
        (vec![SanType::DnsName(text("Sorting.post.example"))], [None, denied, denied, denied]),
        (vec![SanType::Rfc822Name(text("audit@post.example"))], [denied, denied, None, denied]),
        (
            vec![SanType::DnsName(text("sorting.post.example")), SanType::Rfc822Name(text("audit@post.example"))],
            [None, denied, None, denied],
        ),
        (vec![uri("outcomes"), uri("admin")], [denied; 4]),
        (vec![SanType::DnsName(text("a.sorting.post.example"))], [denied; 4]),
    ] {
        let channel = connect(&endpoint, issuer.trusted_by(&issuer.client_named(names.clone()))).await.unwrap();
        assert_eq!(refused(&channel).await, expected, "{names:?}");
    }
}

#[tokio::test]
async fn only_those_who_may_see_reasons() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let mut config = config(dir.path(), &issuer);
    config.may_score.push("uri:spiffe://post.example/explains".to_owned());
    let (endpoint, _server, _, _) = secured(config).await;
    let full = || v1::ScoreParcelRequest { explanation: v1::ExplanationLevel::Full.into(), ..request(parcel()) };
    let batch = || v1::ScoreParcelsRequest { requests: vec![request(parcel()), full()] };

    let channel = connect(&endpoint, issuer.trusted_by(&issuer.client(SCORES))).await.unwrap();
    let mut client = RiskScoringServiceClient::new(channel.clone());
    assert!(score(&channel).await.unwrap().reasons.is_empty());
    assert_eq!(client.score_parcel(full()).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(client.score_parcels(batch()).await.unwrap_err().code(), Code::PermissionDenied);
    let sent = [request(parcel()), full()].map(|request| v1::StreamParcelsRequest { request: Some(request) });
    let mut replies = client.stream_parcels(tokio_stream::iter(sent)).await.unwrap().into_inner();
    let mut codes = Vec::new();
    while let Some(reply) = replies.message().await.unwrap() {
        codes.push(match reply.result.unwrap().result.unwrap() {
            v1::score_result::Result::Decision(_) => Code::Ok,
            v1::score_result::Result::Error(error) => Code::from_i32(error.code),
        });
    }
    assert_eq!(codes, [Code::Ok, Code::PermissionDenied]);

    let explains = issuer.client("spiffe://post.example/explains");
    let channel = connect(&endpoint, issuer.trusted_by(&explains)).await.unwrap();
    let mut client = RiskScoringServiceClient::new(channel);
    let decision = client.score_parcel(full()).await.unwrap().into_inner().decision.unwrap();
    assert!(!decision.reasons.is_empty());
    assert_eq!(client.score_parcels(batch()).await.unwrap().into_inner().results.len(), 2);
}

#[tokio::test]
async fn certificates_change_without_a_restart_and_a_broken_file_changes_nothing() {
    let (dir, old, new) = (tempfile::tempdir().unwrap(), Issuer::new(), Issuer::new());
    let (endpoint, server, _, identity) = secured(config(dir.path(), &old)).await;
    let client = old.client(SCORES);
    let open = connect(&endpoint, old.trusted_by(&client)).await.unwrap();

    for broken in [
        "".to_owned(),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        old.server_until(2020).certificate,
        // Whole, but not of the key.
        old.server().certificate,
    ] {
        write(dir.path(), "server.pem", &broken);
        let refused = identity.reload();
        assert_eq!(refused.len(), 1);
        assert!(refused[0].to_string().contains("identity.tls_certificate_file"), "{}", refused[0]);
        assert!(is_connected(&endpoint, old.trusted_by(&client)).await);
    }

    config(dir.path(), &new);
    assert!(identity.reload().is_empty());
    assert!(!is_connected(&endpoint, old.trusted_by(&client)).await);
    let channel = connect(&endpoint, new.trusted_by(&new.client(SCORES))).await.unwrap();
    score(&channel).await.unwrap();
    // Whoever was connected stays so.
    score(&open).await.unwrap();
    drop((open, channel));
    assert_eq!(server.stopped().await, Drained { cut: false });
}

#[tokio::test]
async fn a_certificate_that_is_taken_back_is_refused_on_new_connections_and_open_ones() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let (kept, lost) = (issuer.client(SCORES), issuer.client(SCORES));
    let mut config = config(dir.path(), &issuer);
    config.client_crl_file = write(dir.path(), "revoked.pem", &issuer.revokes(&[]));
    let (endpoint, _server, standing, identity) = secured(config).await;
    let open = connect(&endpoint, issuer.trusted_by(&lost)).await.unwrap();
    let other = connect(&endpoint, issuer.trusted_by(&kept)).await.unwrap();
    score(&open).await.unwrap();

    write(dir.path(), "revoked.pem", &issuer.revokes(&[&lost]));
    assert!(identity.reload().is_empty());
    let status = score(&open).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CERTIFICATE_REVOKED");
    assert!(!is_connected(&endpoint, issuer.trusted_by(&lost)).await);
    score(&other).await.unwrap();
    assert!(is_connected(&endpoint, issuer.trusted_by(&kept)).await);
    let text = standing.metrics_text();
    assert!(text.contains("parcelrisk_denied_total{reason=\"revoked\"} 1"), "{text}");
    assert!(text.contains("parcelrisk_tls_revocation_lists_due_time_seconds 4102444800"), "{text}");

    // A list that is none, and one of somebody else: the first changes nothing, by the second nothing is known of ours.
    write(dir.path(), "revoked.pem", &issuer.pem());
    let refused = identity.reload();
    assert!(refused[0].to_string().contains("identity.client_crl_file"), "{refused:?}");
    assert!(!is_connected(&endpoint, issuer.trusted_by(&lost)).await);
    write(dir.path(), "revoked.pem", &Issuer::new().revokes(&[]));
    assert!(identity.reload().is_empty());
    assert!(!is_connected(&endpoint, issuer.trusted_by(&kept)).await);
}

#[tokio::test]
async fn a_handshake_that_hangs_is_cut_off_and_holds_up_no_more_than_its_place() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let config =
        IdentityConfig { handshake_timeout_seconds: 5, max_pending_handshakes: 2, ..config(dir.path(), &issuer) };
    let (endpoint, server, standing, _) = secured(config).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    within(async {
        while standing.observe().handshakes < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    // The third waits in the system's queue; without the limit it would be in by now.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((standing.observe().handshakes, standing.observe().connections), (2, 2));
    // Behind all three, and in when they are cut off.
    let channel = connect(&endpoint, issuer.trusted_by(&issuer.client(SCORES))).await.unwrap();
    score(&channel).await.unwrap();
    for mut connection in silent {
        let _ = within(connection.read_to_end(&mut Vec::new())).await;
    }
    let text = standing.metrics_text();
    assert!(text.contains("parcelrisk_tls_handshakes_failed_total{reason=\"timeout\"} 3"), "{text}");
}

#[tokio::test]
async fn a_client_that_only_shakes_hands_is_hung_up_on() {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let identity = Identity::load(config(dir.path(), &issuer).check().unwrap()).unwrap();
    let serve = ServeConfig { preface_timeout_seconds: 1, ..ServeConfig::default() };
    let (_, server) = crate::harness::start(parts(serve).with_identity(identity.into())).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(issuer.pem().as_bytes()).unwrap()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
    let _ = within(stream.read_to_end(&mut Vec::new())).await;
    assert_eq!(server.stopped().await, Drained { cut: false });
}

#[tokio::test]
async fn what_is_open_beyond_this_machine_is_said_outright_or_not_served() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let secured = config(dir.path(), &issuer);
    let open = IdentityConfig::default();
    let anonymous =
        IdentityConfig { client_ca_file: String::new(), may_score: vec![], may_explain: vec![], ..secured.clone() };
    for (config, is_served) in [
        (open.clone(), false),
        (IdentityConfig { insecure_plaintext: true, ..open.clone() }, false),
        (IdentityConfig { insecure_anonymous: true, ..open.clone() }, false),
        (anonymous, false),
        (secured, true),
        (IdentityConfig { insecure_plaintext: true, insecure_anonymous: true, ..open }, true),
    ] {
        let identity = Identity::load(config.clone().check().unwrap()).unwrap();
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let parts = parts(ServeConfig::default()).with_identity(identity.into());
        let served = within(parcel_risk::serve::serve(listener, parts, async {})).await;
        assert_eq!(served.is_ok(), is_served, "{config:?}");
        assert!(is_served || matches!(served, Err(ServeError::Exposed(_))));
    }
}

#[test]
fn a_key_that_everybody_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let config = config(dir.path(), &issuer);
    std::fs::set_permissions(&config.tls_key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Identity::load(config.check().unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("identity.tls_key_file: ") && error.contains("0600"), "{error}");
}
