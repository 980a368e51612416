//! Callers that are known by their tokens.

use std::fs;
use std::path::Path;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use parcel_risk::identity::IdentityConfig;
use parcel_risk::telemetry::unix_seconds;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::issuer::write;
use super::{is_healthy, secured};
use crate::harness::{parcel, request};

/// Whoever signs tokens.
struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    public: Jwk,
    id: String,
}

impl Signer {
    fn new(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let (key, algorithm) = (EncodingKey::from_ed_der(&pair.serialize_der()), Algorithm::EdDSA);
        let public = DecodingKey::from_ed_der(pair.public_key_raw());
        let public = Jwk::from_decoding_key(&public, Some(algorithm)).unwrap();
        Self { key, algorithm, public, id: id.to_owned() }
    }

    fn ecdsa(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let (key, algorithm) = (EncodingKey::from_ec_der(&pair.serialize_der()), Algorithm::ES256);
        let public = Jwk::from_encoding_key(&key, algorithm).unwrap();
        Self { key, algorithm, public, id: id.to_owned() }
    }

    fn public(&self) -> Jwk {
        let mut public = self.public.clone();
        public.common.key_id = Some(self.id.clone());
        public
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) }
    }

    fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

fn keys(dir: &Path, signers: &[&Signer]) -> String {
    let keys = signers.iter().map(|signer| signer.public()).collect();
    write(dir, "keys.json", &serde_json::to_string(&JwkSet { keys }).unwrap())
}

fn config(dir: &Path, signers: &[&Signer]) -> IdentityConfig {
    IdentityConfig {
        jwks_file: keys(dir, signers),
        jwt_issuer: "https://login.post.example".to_owned(),
        jwt_audience: "parcel-risk".to_owned(),
        ..IdentityConfig::default()
    }
}

fn claims() -> Value {
    let now = unix_seconds();
    json!({
        "iss": "https://login.post.example",
        "aud": "parcel-risk",
        "sub": "sorting",
        "exp": now + 600,
        "nbf": now - 10,
        "roles": ["score", "unheard-of"],
    })
}

fn but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

async fn score(channel: &Channel, authorization: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(request(parcel()));
    if let Some(authorization) = authorization {
        request.metadata_mut().insert("authorization", authorization.parse().unwrap());
    }
    RiskScoringServiceClient::new(channel.clone()).score_parcel(request).await.map(drop)
}

async fn said(channel: &Channel, authorization: &str) -> String {
    let status = score(channel, Some(authorization)).await.unwrap_err();
    format!("{:?}: {}", status.code(), status.message())
}

#[tokio::test]
async fn a_good_token_lets_in_for_the_roles_it_names() {
    let (dir, signer, other) = (tempfile::tempdir().unwrap(), Signer::new("a"), Signer::ecdsa("b"));
    let (endpoint, _server, _, _) = secured(config(dir.path(), &[&signer, &other])).await;
    let channel = endpoint.connect().await.unwrap();
    for token in [
        signer.sign(&claims()),
        other.sign(&claims()),
        signer.sign(&but("aud", json!(["others", "parcel-risk"]))),
        signer.sign(&but("roles", json!("openid score"))),
        signer.sign(&but("nbf", Value::Null)),
    ] {
        // Twice, since the second time it is remembered.
        for scheme in ["Bearer", "bearer"] {
            score(&channel, Some(&format!("{scheme} {token}"))).await.unwrap();
        }
    }
    for roles in [json!(null), json!([]), json!(["audit"]), json!("scored"), json!({"score": true}), json!(["*"])] {
        let token = signer.sign(&but("roles", roles.clone()));
        let status = score(&channel, Some(&format!("Bearer {token}"))).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{roles}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_lets_nobody_in_and_says_why() {
    let (dir, signer, stranger) = (tempfile::tempdir().unwrap(), Signer::new("a"), Signer::new("b"));
    let (endpoint, _server, standing, _) = secured(config(dir.path(), &[&signer])).await;
    let channel = endpoint.connect().await.unwrap();
    let now = unix_seconds();

    assert_eq!(score(&channel, None).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(is_healthy(&channel).await);
    let pretender = Signer { id: "a".to_owned(), ..Signer::new("") };
    let nameless = encode(&Header::new(Algorithm::EdDSA), &claims(), &signer.key).unwrap();
    // What a library that trusts the token's own header would check by the public key as if it were a secret.
    let public = serde_json::to_vec(&signer.public()).unwrap();
    let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::HS256) };
    let confused = encode(&header, &claims(), &EncodingKey::from_secret(&public).unwrap()).unwrap();
    let (good, other) = (signer.sign(&claims()), signer.sign(&but("sub", json!("other"))));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let swapped = format!("{}.{}.{}", parts(&good)[0], parts(&other)[1], parts(&good)[2]);
    // {"alg":"none","kid":"a"}
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.{}.", parts(&good)[1]);
    let all = vec![
        ("expired", signer.sign(&but("exp", json!(now - 60)))),
        ("without end", signer.sign(&but("exp", Value::Null))),
        ("not yet", signer.sign(&but("nbf", json!(now + 60)))),
        ("other issuer", signer.sign(&but("iss", json!("https://login.other.example")))),
        ("no issuer", signer.sign(&but("iss", Value::Null))),
        ("other audience", signer.sign(&but("aud", json!("others")))),
        ("no audience", signer.sign(&but("aud", Value::Null))),
        ("no subject", signer.sign(&but("sub", Value::Null))),
        ("empty subject", signer.sign(&but("sub", json!("")))),
        ("both", signer.sign(&but("roles", json!(["outcome", "admin"])))),
        ("unknown key", stranger.sign(&claims())),
        ("no key", nameless),
        ("other key", pretender.sign(&claims())),
        ("swapped", swapped),
        ("wrong algorithm", confused),
        ("none", unsigned),
        ("no token", "a.b.c".to_owned()),
    ];
    let n = all.len();
    let mut text = String::new();
    for (name, token) in all {
        text += &format!("{name}: {}\n", said(&channel, &format!("Bearer {token}")).await);
    }
    text += &format!("other scheme: {}\n", said(&channel, &format!("Basic {good}")).await);
    expect_test::expect![[r#"
        expired: Unauthenticated: the token is not accepted: it has expired
        without end: Unauthenticated: the token is not accepted: it lacks one of exp, iss, aud and sub
        not yet: Unauthenticated: the token is not accepted: it is not valid yet
        other issuer: Unauthenticated: the token is not accepted: its issuer is not identity.jwt_issuer
        no issuer: Unauthenticated: the token is not accepted: it lacks one of exp, iss, aud and sub
        other audience: Unauthenticated: the token is not accepted: it is for another audience than identity.jwt_audience
        no audience: Unauthenticated: the token is not accepted: it lacks one of exp, iss, aud and sub
        no subject: Unauthenticated: the token is not accepted: it lacks one of exp, iss, aud and sub
        empty subject: Unauthenticated: the token is not accepted: it has no subject (sub)
        both: Unauthenticated: the token is not accepted: it holds both `outcome` and `admin`, which no caller may
        unknown key: Unauthenticated: the token is not accepted: its key (kid) is not known here
        no key: Unauthenticated: the token is not accepted: it names no key (kid)
        other key: Unauthenticated: the token is not accepted: its signature is not that of its key
        swapped: Unauthenticated: the token is not accepted: its signature is not that of its key
        wrong algorithm: Unauthenticated: the token is not accepted: its algorithm is not one of identity.jwt_algorithms
        none: Unauthenticated: the token is not accepted: it is malformed, or its algorithm is none of JWA's
        no token: Unauthenticated: the token is not accepted: it is malformed, or its algorithm is none of JWA's
        other scheme: Unauthenticated: the token is not accepted: `authorization` is not `Bearer` and a token
    "#]].assert_eq(&text);
    let metrics = standing.metrics_text();
    assert!(metrics.contains(&format!("parcelrisk_denied_total{{reason=\"token\"}} {}\n", n + 1)), "{metrics}");
}

#[tokio::test]
async fn keys_change_without_a_restart_and_a_broken_file_changes_nothing() {
    let (dir, old, new) = (tempfile::tempdir().unwrap(), Signer::new("a"), Signer::new("b"));
    let (endpoint, _server, _, identity) = secured(config(dir.path(), &[&old])).await;
    let channel = endpoint.connect().await.unwrap();
    let token = |signer: &Signer| format!("Bearer {}", signer.sign(&claims()));
    let remembered = token(&old);
    score(&channel, Some(&remembered)).await.unwrap();

    let secret = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}).to_string();
    let twice = json!({"keys": [old.public(), old.public()]}).to_string();
    for broken in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"OKP"}]}"#, &secret, &twice] {
        fs::write(dir.path().join("keys.json"), broken).unwrap();
        assert_eq!(identity.reload().len(), 1, "{broken}");
        score(&channel, Some(&remembered)).await.unwrap();
    }

    keys(dir.path(), &[&new]);
    assert!(identity.reload().is_empty());
    score(&channel, Some(&token(&new))).await.unwrap();
    // Also where it was good before.
    assert_eq!(score(&channel, Some(&remembered)).await.unwrap_err().code(), Code::Unauthenticated);
}
