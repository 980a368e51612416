//! The client side: a table streamed to a server, in order, with as much in flight as it takes.

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;

use super::connection::{ConnectionFlags, trace_parent};
use super::score::Scored;
use crate::serve::item_error;
use crate::table::{RowPosition, RowResult, TableError};
use crate::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use crate::wire::{self, v1};

/// Rows that may wait on either side of the server.
const IN_FLIGHT: usize = 256;

/// A row on its way.
enum Slot {
    /// Known without the server.
    Done(Scored),
    /// The server's next answer is about this item.
    Asked { position: RowPosition, item_id: String },
}

/// Scores the rows of a table by `StreamParcels` and hands over what became of each row, in order.
pub(super) fn score(
    endpoint: &str,
    connection: &ConnectionFlags,
    table: impl Iterator<Item = Result<RowResult, TableError>> + Send + 'static,
    level: v1::ExplanationLevel,
    mut take: impl FnMut(Scored) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let (requests, stream) = mpsc::channel(IN_FLIGHT);
        let (slots, mut rows) = mpsc::channel(IN_FLIGHT);
        let mut client =
            RiskScoringServiceClient::new(connection.connect(endpoint).await?).max_decoding_message_size(usize::MAX);
        let mut stream = Request::new(ReceiverStream::new(stream));
        if let Some(authorization) = connection.authorization()? {
            stream.metadata_mut().insert("authorization", authorization);
        }
        if let Some(parent) = trace_parent() {
            stream.metadata_mut().insert("traceparent", parent);
        }
        let reader = tokio::task::spawn_blocking(move || read(table, level, &requests, &slots));
        let mut answers = client
            .stream_parcels(stream)
            .await
            .with_context(|| format!("opening a stream to {endpoint}"))?
            .into_inner();
        while let Some(slot) = rows.recv().await {
            let scored = match slot {
                Slot::Done(scored) => scored,
                Slot::Asked { position, item_id } => {
                    let answer = answers.message().await.with_context(|| format!("scoring {item_id}"))?;
                    answered(position, item_id, answer)?
                }
            };
            take(scored)?;
        }
        reader.await.context("reading the table")?
    })
}

/// Reads rows until the table ends or nobody listens.
fn read(
    table: impl Iterator<Item = Result<RowResult, TableError>>,
    level: v1::ExplanationLevel,
    requests: &mpsc::Sender<v1::StreamParcelsRequest>,
    slots: &mpsc::Sender<Slot>,
) -> anyhow::Result<()> {
    for row in table {
        let row = match row? {
            Ok(row) => row,
            Err(reject) => {
                if slots.blocking_send(Slot::Done(Scored::Unreadable(reject))).is_err() {
                    return Ok(());
                }
                continue;
            }
        };
        let (item_id, position) = (row.draft.item_id.clone(), row.position.clone());
        let slot = match wire::from_draft(&row.draft) {
            // What the contract has no room for, the server would refuse the same way.
            Err(invalid) => Slot::Done(Scored::Refused { position, item_id, error: item_error(invalid) }),
            Ok(parcel) => {
                let request = v1::ScoreParcelRequest {
                    parcel: Some(Box::new(parcel)),
                    explanation: level.into(),
                    ..v1::ScoreParcelRequest::default()
                };
                if requests.blocking_send(v1::StreamParcelsRequest { request: Some(request) }).is_err() {
                    return Ok(());
                }
                Slot::Asked { position, item_id }
            }
        };
        if slots.blocking_send(slot).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn answered(
    position: RowPosition,
    item_id: String,
    answer: Option<v1::StreamParcelsResponse>,
) -> anyhow::Result<Scored> {
    match answer.and_then(|answer| answer.result).and_then(|result| result.result) {
        Some(v1::score_result::Result::Decision(decision)) => Ok(Scored::Decision(Box::new(decision))),
        Some(v1::score_result::Result::Error(error)) => Ok(Scored::Refused { position, item_id, error }),
        None => anyhow::bail!("the server ended the stream before it answered about {item_id}"),
    }
}
