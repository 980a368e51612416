//! How messages are read, and those of `RiskScoringService` written: as bytes wherever the whole is not needed.

use std::collections::HashSet;
use std::marker::PhantomData;

use bytes::{Buf as _, Bytes};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic_prost::ProstEncoder;

use super::answered::Encoded;
use super::lists::Lists;
use super::status::Refusal;
use crate::wire::v1;

/// A `ScoreParcelsRequest` whose requests are not read yet: each is by the thread that scores it. Read at once by the thread
/// that has the connection, a batch would be some thirty thousand small pieces of memory that another thread uses and gives
/// back, long after they have left every cache.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Batch {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) requests: Vec<Bytes>,
}

/// A `StreamParcelsRequest` whose request is not read yet: what does not read as one fails alone, and the stream goes on.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Streamed {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(super) request: Option<Bytes>,
}

/// The identifier of a `ScoreParcelRequest`, and nothing else of it.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "2")]
    request_id: String,
}

/// Whether two requests of a batch have one identifier: the first of them counts, and so they are begun in order.
pub(super) fn names_one_twice(requests: &[Bytes]) -> bool {
    let ids = requests.iter().filter_map(|request| Named::decode(request.as_ref()).ok());
    let mut seen = HashSet::new();
    ids.filter(|named| !named.request_id.is_empty()).any(|named| !seen.insert(named.request_id))
}

/// Reads and writes messages of the services whose code is generated. What does not read as one is the caller's fault.
#[derive(Debug)]
pub(crate) struct MessageCodec<E, D>(PhantomData<(E, D)>);

/// Reads messages, and writes what is encoded already.
pub(super) struct ScoringCodec<D, E>(PhantomData<(D, E)>);

/// Reads messages.
pub(super) struct MessageReader<D>(PhantomData<D>);

/// Writes what is encoded already.
pub(super) struct EncodedWriter<E>(PhantomData<E>);

/// A message that is sent to us.
pub(super) trait Sent: Message + Default + 'static {
    /// What it may hold much of.
    const LISTS: Lists = Lists::NONE;

    /// From its bytes, unless it holds far too much.
    ///
    /// # Errors
    /// What is wrong with it, so far as it is seen here.
    fn from_bytes(bytes: Bytes) -> Result<Self, Refusal> {
        Self::LISTS.check(&bytes)?;
        Self::read(bytes).map_err(Refusal::NotAMessage)
    }

    /// From its bytes, which lie in one piece: tonic's buffer takes as long to step from field to field as to read them.
    fn read(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::decode(bytes.as_ref())
    }
}

impl Sent for v1::ScoreParcelRequest {
    const LISTS: Lists = Lists::OF_PARCEL;
}

impl Sent for v1::RecordOutcomesRequest {
    const LISTS: Lists = Lists::OF_OUTCOMES;
}

// Of the service whose methods have codecs of their own here; its code is generated all the same.
impl Sent for v1::ScoreParcelsRequest {
    const LISTS: Lists = Lists::OF_BATCH;
}

impl Sent for v1::StreamParcelsRequest {}
impl Sent for v1::GetDecisionRequest {}
impl Sent for v1::ListDecisionsRequest {}
impl Sent for v1::ListModelsRequest {}
impl Sent for v1::GetModelRequest {}
impl Sent for v1::StageModelRequest {}
impl Sent for v1::PromoteModelRequest {}
impl Sent for v1::SetCanaryShareRequest {}
impl Sent for v1::RollBackModelRequest {}
impl Sent for v1::CompareModelsRequest {}

impl Sent for Streamed {
    fn read(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }
}

impl Sent for Batch {
    const LISTS: Lists = Lists::OF_BATCH;

    fn read(bytes: Bytes) -> Result<Self, DecodeError> {
        // Its requests go on being parts of it.
        Self::decode(bytes)
    }
}

/// Room for a message at first; it grows with one that takes more. tonic's own is eight KiB for each call, of which a parcel
/// fills an eighth: with some calls in flight, that much less of what they need stays in a core's caches.
const READ_BYTES: usize = 1024;
const WRITTEN_BYTES: usize = 640;
/// What a stream gathers before it is sent.
const SENT_AT_ONCE: usize = 32 << 10;

impl<D, E> Default for ScoringCodec<D, E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> Default for MessageCodec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E: Message + 'static, D: Sent> Codec for MessageCodec<E, D> {
    type Encode = E;
    type Decode = D;
    type Encoder = ProstEncoder<E>;
    type Decoder = Self;

    fn encoder(&mut self) -> ProstEncoder<E> {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<E, D: Sent> Decoder for MessageCodec<E, D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        Ok(Some(D::from_bytes(message.copy_to_bytes(message.remaining()))?))
    }
}

impl<D: Sent, E: Encoded> Codec for ScoringCodec<D, E> {
    type Encode = E;
    type Decode = D;
    type Encoder = EncodedWriter<E>;
    type Decoder = MessageReader<D>;

    fn encoder(&mut self) -> EncodedWriter<E> {
        EncodedWriter(PhantomData)
    }

    fn decoder(&mut self) -> MessageReader<D> {
        MessageReader(PhantomData)
    }
}

impl<D: Sent> Decoder for MessageReader<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        Ok(Some(D::from_bytes(message.copy_to_bytes(message.remaining()))?))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(READ_BYTES, SENT_AT_ONCE)
    }
}

impl<E: Encoded> Encoder for EncodedWriter<E> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, message: E, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(message.n_bytes());
        message.put(out);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(WRITTEN_BYTES, SENT_AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_into_its_requests() {
        let request = |id: &str| v1::ScoreParcelRequest { request_id: id.to_owned(), ..Default::default() };
        let batch = v1::ScoreParcelsRequest { requests: vec![request("a"), request(""), request("b")] };
        let Batch { requests } = Batch::decode(batch.encode_to_vec().as_slice()).unwrap();
        let read = requests.into_iter().map(|bytes| v1::ScoreParcelRequest::decode(bytes).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), batch.requests);
    }

    #[test]
    fn a_batch_that_names_one_request_twice_is_known() {
        let request = |id: &str| v1::ScoreParcelRequest {
            parcel: Some(Box::default()),
            request_id: id.to_owned(),
            ..Default::default()
        };
        let batch = |ids: &[&str]| ids.iter().map(|id| request(id).encode_to_vec().into()).collect::<Vec<_>>();
        assert!(!names_one_twice(&batch(&["", "a", "", "b"])));
        assert!(names_one_twice(&batch(&["a", "", "b", "a"])));
    }
}
