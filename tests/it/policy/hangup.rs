//! SIGHUP reads the policy anew: as a whole, or not at all, and the log says which. It ends no server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;

use crate::harness::{Running, listening_on, parcel, request, within};

fn rule(route: &str) -> String {
    format!("[[rule]]\nname = \"all\"\nwhen = \"true\"\nroute = \"{route}\"\nreason = \"all\"\n")
}

#[tokio::test]
async fn a_hangup_reads_the_policy_anew_or_leaves_the_one_that_serves() {
    let dir = tempfile::tempdir().unwrap();
    let policy = dir.path().join("policy.toml");
    fs::write(&policy, rule("scan")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("PARCEL_RISK_POLICY_FILE", &policy)
        .env("PARCEL_RISK_LOG_FORMAT", "json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let address = listening_on(&mut child).unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut until = move |said: &str| log.find(|line| line.as_ref().unwrap().contains(said)).unwrap().unwrap();
    let mut client = RiskScoringServiceClient::connect(format!("http://{address}")).await.unwrap();
    let mut route = async || {
        let reply = within(client.score_parcel(request(parcel()))).await.unwrap().into_inner().decision.unwrap();
        (reply.route().as_str_name().to_owned(), reply.policy_version)
    };
    let hang_up = |text: &str| {
        fs::write(&policy, text).unwrap();
        assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    };
    let (first, first_version) = route().await;
    assert_eq!(first, "ROUTE_SCAN");

    hang_up(&rule("open"));
    let said = until("the policy was read anew");
    let (second, version) = route().await;
    assert_eq!(second, "ROUTE_OPEN");
    assert!(version != first_version && said.contains(&version), "{said}");

    hang_up(
        &(rule("documents") + "[[rule]]\nname = \"bad\"\nwhen = \"risk_skore > 1\"\nroute = \"open\"\nreason = \"\"\n"),
    );
    let said = until("the policy is not changed");
    assert!(said.contains("bad") && said.contains("there is no `risk_skore`"), "{said}");
    assert_eq!(route().await, (second, version));

    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_hangup_ends_no_server_that_has_nothing_to_read_anew() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let (child, channel, _) = Running::start(&mut command).await;
    assert!(Command::new("kill").args(["-HUP", &child.0.id().to_string()]).status().unwrap().success());
    let mut client = RiskScoringServiceClient::new(channel);
    for _ in 0..50 {
        within(client.score_parcel(request(parcel()))).await.unwrap();
    }
    drop(client);
    assert!(child.stop().await.success());
}
