//! The command line: one file a command. What is asked for goes to stdout, everything else to stderr.
//!
//! Exit codes: 0 done, 1 failed with the chain of causes, 2 usage; of `retrain` also 3 too little to learn from, 4 the
//! new model did not pass the gate.

mod aging;
mod audit;
mod bench;
mod client;
mod config;
mod connection;
mod demo;
mod evaluate;
mod features;
mod gate;
mod ledger;
mod ledger_import;
mod model;
mod model_admin;
mod models;
mod output;
mod policy;
mod progress;
mod retrain;
mod rolling;
mod score;
mod serve;
mod settings;
mod sign;
mod simulate;
mod supervisor;
mod table;
mod text;
mod train;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Scores postal parcels for customs before they arrive.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it at work: a server on the built-in model, a client, and decisions for a sample of declarations.
    Demo(demo::Args),
    /// Serve scores over gRPC.
    Serve(serve::Args),
    /// Score a table or JSON lines, by a server or in this process.
    Score(score::Args),
    /// Train a model on a labeled table.
    Train(train::Args),
    /// Train on what a ledger holds, hold the model beside the one that decides, and put it into the registry.
    Retrain(retrain::Args),
    /// Judge a model on a labeled table, in order of time, outcomes arriving late.
    Evaluate(evaluate::Args),
    /// Make labeled traffic that behaves like post, to evaluate, demonstrate and teach with.
    Simulate(simulate::Args),
    /// Write the features of a labeled table, each row as of its own time: a matrix for any other tool.
    Features(features::Args),
    /// Look into a table once mapped, or write it in another format.
    #[command(subcommand)]
    Table(table::Command),
    /// Look into a model's artifact.
    #[command(subcommand)]
    Model(model::Command),
    /// Put a load on a server and measure: latency, calls by status, CPU a call.
    Bench(Box<bench::Args>),
    /// Estimate from a ledger what passes unseen: prevalence, recall, precision, by what the random control found.
    Audit(audit::Args),
    /// Check a policy, or see what it would have changed.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Check a ledger, or write it as a table.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(config::Command),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Score(args) => score::run(args),
        Command::Train(args) => train::run(args),
        Command::Retrain(args) => retrain::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Features(args) => features::run(args),
        Command::Table(command) => table::run(command),
        Command::Model(command) => model::run(command),
        Command::Bench(args) => bench::run(*args),
        Command::Audit(args) => audit::run(args),
        Command::Policy(command) => policy::run(command),
        Command::Ledger(command) => ledger::run(command),
        Command::Config(command) => config::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has left, as `head` does: that is no failure.
        Err(error) if output::reader_has_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where that can't be written there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "parcel-risk: {error:#}");
            error.downcast_ref::<retrain::Ended>().map_or(ExitCode::FAILURE, |ended| ended.exit_code().into())
        }
    }
}
