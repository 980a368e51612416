//! A server under load: its connections, and what is sent to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::raw::Raw;
use super::{BenchError, Messages};

/// A server, connected.
#[derive(Clone, Debug)]
pub struct Target {
    connections: Vec<Grpc<Channel>>,
    path: PathAndQuery,
    messages: Arc<Messages>,
}

/// What a call is answered with.
pub(super) type Answer = Result<Bytes, Box<Status>>;

impl Target {
    /// Connects to `endpoint`, such as `http://127.0.0.1:50051`, `n_connections` times.
    ///
    /// # Errors
    /// [`BenchError`] where nobody answers there, or the path of the messages is none.
    pub async fn connect(endpoint: &str, n_connections: usize, messages: Messages) -> Result<Self, BenchError> {
        let path = PathAndQuery::try_from(messages.path())
            .ok()
            .filter(|path| path.path().starts_with('/'))
            .ok_or_else(|| BenchError::Path { path: messages.path().to_owned() })?;
        let connect = |source| BenchError::Connect { endpoint: endpoint.to_owned(), source };
        let mut connections = Vec::new();
        for _ in 0..n_connections.max(1) {
            let channel = Endpoint::from_shared(endpoint.to_owned()).map_err(connect)?.connect().await;
            // Whatever the server sends is read: its limits are its own.
            connections.push(Grpc::new(channel.map_err(connect)?).max_decoding_message_size(usize::MAX));
        }
        Ok(Self { connections, path, messages: Arc::new(messages) })
    }

    pub(super) fn messages(&self) -> &Arc<Messages> {
        &self.messages
    }

    pub(super) fn n_connections(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// The connection of call `n`: each in turn.
    pub(super) fn connection(&self, n: u64) -> Grpc<Channel> {
        // Below the number of connections, of which there is one at least.
        self.connections[(n % self.connections.len() as u64) as usize].clone()
    }

    /// Makes call `n`, with `message`.
    pub(super) async fn call(&self, n: u64, message: Bytes, is_critical: bool, timeout: Duration) -> Answer {
        let mut connection = self.connection(n);
        let mut request = Request::new(message);
        request.set_timeout(timeout);
        if is_critical {
            request.metadata_mut().insert("x-criticality", MetadataValue::from_static("critical"));
        }
        let unready = |error| Box::new(Status::new(Code::Unavailable, format!("the connection: {error}")));
        connection.ready().await.map_err(unready)?;
        let answer = connection.unary(request, self.path.clone(), Raw).await;
        answer.map(tonic::Response::into_inner).map_err(Box::new)
    }
}
