//! Why load cannot be made or measured.

use std::io;

/// Why a run fails. What the server answers is never an error: it is counted.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The endpoint is no URL, or nobody listens there.
    #[error("connecting to {endpoint}")]
    Connect {
        /// As given.
        endpoint: String,
        /// What the transport says.
        #[source]
        source: tonic::transport::Error,
    },
    /// The path of a method does not read as one.
    #[error("{path} is not the path of a method, such as /package.Service/Method")]
    Path {
        /// As given.
        path: String,
    },
    /// There is nothing to send.
    #[error("there is no parcel to send")]
    NoParcels,
    /// Recorded times that do not span any time.
    #[error("the parcels are all advised at one time: their own pace cannot be followed")]
    NoPace,
    /// The kernel does not tell of the process.
    #[error("reading the CPU time of process {process}")]
    Cpu {
        /// Its number, or `self`.
        process: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("starting the thread that sends")]
    Thread(#[source] io::Error),
    /// A stream could not be opened.
    #[error("opening a stream")]
    Stream(#[source] Box<tonic::Status>),
}
