//! Names of the fields of spans and log lines. Units are in the name.

/// A gRPC method as `/package.Service/Method`, or `unknown` for one that is not served.
pub const RPC_METHOD: &str = "rpc.method";
/// Identifier of a call, which comes back in its answer as `x-request-id`.
pub const REQUEST_ID: &str = "request.id";
/// Whoever calls: the beginning of the SHA-256 of its name, which is never logged.
pub const CALLER: &str = "caller";
/// The gRPC status code that a call ended with, such as `INVALID_ARGUMENT`.
pub const GRPC_CODE: &str = "grpc.code";
/// From the first byte of a call to the last of its answer.
pub const LATENCY_SECONDS: &str = "latency_seconds";
/// The trace that a call is a part of, where there are traces: 32 hexadecimal digits.
pub const TRACE_ID: &str = "trace.id";
/// How long a call for one parcel took to check it, on its span.
pub const CHECK_SECONDS: &str = "stage.check_seconds";
/// How long it took to decide.
pub const DECIDE_SECONDS: &str = "stage.decide_seconds";
/// How long it took to make the reply.
pub const ENCODE_SECONDS: &str = "stage.encode_seconds";
/// How long it waited for the ledger.
pub const RECORD_SECONDS: &str = "stage.record_seconds";
/// How many parcels a call brought.
pub const N_ITEMS: &str = "n_items";
/// How many bytes.
pub const N_BYTES: &str = "n_bytes";
/// Number of the record of the ledger that was reached.
pub const LEDGER_SEQ: &str = "ledger.seq";
/// Number of its last record.
pub const LEDGER_LAST_SEQ: &str = "ledger.last_seq";
/// Where the server listens.
pub const SERVER_ADDRESS: &str = "server.address";
/// Name of the line of models that serves.
pub const MODEL_NAME: &str = "model.name";
/// Version within it.
pub const MODEL_VERSION: &str = "model.version";
/// SHA-256 of its artifact.
pub const MODEL_DIGEST: &str = "model.digest";
/// The policy that routes.
pub const POLICY_VERSION: &str = "policy.version";
/// How long a drain may take.
pub const DRAIN_LIMIT_SECONDS: &str = "drain_limit_seconds";
/// How long it took.
pub const DRAIN_SECONDS: &str = "drain_seconds";
/// Whether calls were still open when it ended.
pub const CUT: &str = "cut";
/// Source file, line and column of a panic.
pub const PANIC_LOCATION: &str = "panic.location";
/// A part of a long command, such as `replaying`.
pub const STAGE: &str = "stage";
/// How long it took.
pub const SECONDS: &str = "seconds";
/// Why something failed, in the words of the system or a library.
pub const ERROR: &str = "error";
