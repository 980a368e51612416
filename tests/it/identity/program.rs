//! The program itself: what its supervisor hears, what a hangup does, and our own client on the other side.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::issuer::{Issuer, config, write};
use crate::harness::listening_on;

const BIN: &str = env!("CARGO_BIN_EXE_parcel-risk");
const PARCEL: &str = r#"{"itemId":"RB123456785CN","advisedAt":"2026-09-21T00:00:00Z","originCountry":"CN","destinationCountry":"KZ","contents":[{"description":"phone case"}]}"#;

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_supervisor_hears_of_it_a_hangup_changes_certificates_and_our_own_client_is_known() {
    let (dir, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let config = config(dir.path(), &issuer);
    let settings = toml::Table::from_iter([("identity".to_owned(), toml::Value::try_from(&config).unwrap())]);
    let file = write(dir.path(), "parcel-risk.toml", &settings.to_string());
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = |wanted: &str| {
        let mut text = [0; 256];
        loop {
            let n = socket.recv(&mut text).unwrap();
            if std::str::from_utf8(&text[..n]).unwrap().contains(wanted) {
                return;
            }
        }
    };

    let mut child = Command::new(BIN)
        .args(["serve", "--listen", "127.0.0.1:0", "--config", &file])
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .env("WATCHDOG_USEC", "200000")
        .env("PARCEL_RISK_LOG_FORMAT", "json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let address = listening_on(&mut child).unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let endpoint = format!("https://localhost:{port}");
    heard("READY=1");
    heard("WATCHDOG=1");

    let client = issuer.client("spiffe://post.example/scores");
    let certificate = write(dir.path(), "client.pem", &client.certificate);
    let key = write(dir.path(), "client.key", &client.key);
    let lines = write(dir.path(), "parcels.jsonl", PARCEL);
    let score = |flags: &[&str]| -> Output {
        Command::new(BIN).args(["score", "--endpoint", &endpoint]).args(flags).arg(&lines).output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let known = ["--ca", &config.client_ca_file, "--certificate", &certificate, "--key", &key];
    let scored = score(&known);
    assert!(scored.status.success(), "{}", text(&scored.stderr));
    assert!(text(&scored.stdout).contains("\"riskScore\""), "{}", text(&scored.stdout));
    let unknown = score(&known[..2]);
    let said = text(&unknown.stderr);
    assert!(unknown.status.code() == Some(1) && said.contains("who calls is not known"), "{said}");
    assert!(text(&score(&[]).stderr).contains("needs --ca"));
    let models = Command::new(BIN).args(["model", "list", "--server", &endpoint]).args(known).output().unwrap();
    assert!(text(&models.stdout).contains("champion"), "{}", text(&models.stderr));

    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut until = |said: &str| log.find(|line| line.as_ref().unwrap().contains(said)).unwrap().unwrap();
    fs::write(&config.tls_certificate_file, "broken").unwrap();
    signal("-HUP", child.id());
    let said = until("certificates or keys are not changed");
    assert!(said.contains("identity.tls_certificate_file"), "{said}");
    assert!(score(&known).status.success());
    let server = issuer.server();
    write(dir.path(), "server.pem", &server.certificate);
    write(dir.path(), "server.key", &server.key);
    signal("-HUP", child.id());
    until("certificates and keys were read anew");
    assert!(score(&known).status.success());

    signal("-TERM", child.id());
    heard("STOPPING=1");
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_open_beyond_this_machine_is_refused_by_the_check_too() {
    let checked = |variables: &[(&str, &str)]| {
        let mut command = Command::new(BIN);
        command.args(["config", "check"]).env("PARCEL_RISK_SERVE_LISTEN", "0.0.0.0:50051");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = checked(&[]);
    assert!(code == Some(1) && said.contains("identity.insecure_plaintext"), "{said}");
    let plain = ("PARCEL_RISK_IDENTITY_INSECURE_PLAINTEXT", "true");
    let (code, said) = checked(&[plain]);
    assert!(code == Some(1) && said.contains("identity.insecure_anonymous"), "{said}");
    let anonymous = ("PARCEL_RISK_IDENTITY_INSECURE_ANONYMOUS", "true");
    assert_eq!(checked(&[plain, anonymous]).0, Some(0));
    // Nothing but the word itself is the word.
    let (code, said) = checked(&[plain, ("PARCEL_RISK_IDENTITY_INSECURE_ANONYMOUS", "yes")]);
    assert!(code == Some(1) && said.contains("must be of type boolean"), "{said}");
}
