//! How messages of `RiskScoringService` are read and written: as bytes wherever the whole is not needed.

use std::marker::PhantomData;

use bytes::Bytes;
use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

use super::answered::Encoded;

/// A `ScoreParcelsRequest` whose requests are not read yet: each is by the thread that scores it. Read at once by the thread
/// that has the connection, a batch would be some thirty thousand small pieces of memory that another thread uses and gives
/// back, long after they have left every cache.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Batch {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) requests: Vec<Bytes>,
}

/// Reads messages, and writes what is encoded already.
pub(super) struct ScoringCodec<D, E>(PhantomData<(D, E)>);

/// Writes what is encoded already.
pub(super) struct EncodedWriter<E>(PhantomData<E>);

/// Room for a message at first; it grows with one that takes more. tonic's own is eight KiB for each call, of which a parcel
/// fills an eighth: with some calls in flight, that much less of what they need stays in a core's caches.
const READ_BYTES: usize = 1536;
const WRITTEN_BYTES: usize = 640;
/// What a stream gathers before it is sent.
const SENT_AT_ONCE: usize = 32 << 10;

impl<D, E> Default for ScoringCodec<D, E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<D: Message + Default + 'static, E: Encoded> Codec for ScoringCodec<D, E> {
    type Encode = E;
    type Decode = D;
    type Encoder = EncodedWriter<E>;
    type Decoder = <ProstCodec<D, D> as Codec>::Decoder;

    fn encoder(&mut self) -> EncodedWriter<E> {
        EncodedWriter(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<D, D>::raw_decoder(BufferSettings::new(READ_BYTES, SENT_AT_ONCE))
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
    use crate::wire::v1;

    #[test]
    fn a_batch_is_cut_into_its_requests() {
        let request = |id: &str| v1::ScoreParcelRequest { request_id: id.to_owned(), ..Default::default() };
        let batch = v1::ScoreParcelsRequest { requests: vec![request("a"), request(""), request("b")] };
        let Batch { requests } = Batch::decode(batch.encode_to_vec().as_slice()).unwrap();
        let read = requests.into_iter().map(|bytes| v1::ScoreParcelRequest::decode(bytes).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), batch.requests);
    }
}
