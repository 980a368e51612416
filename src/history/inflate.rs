//! Inflating a little ahead of what reads it, on a thread of its own: what is inflated is never there all at once.

use std::sync::mpsc;
use std::thread;

use flate2::bufread::DeflateDecoder;
use postcard::de_flavors::Flavor;
use postcard::{Deserializer, Error};
use serde::de::DeserializeOwned;

use super::SnapshotError::{self, Damaged};

/// Bound on what is inflated, against a file that grows without end.
const MAX_INFLATED_BYTES: u64 = 4 << 30;
const BLOCK_BYTES: usize = 64 << 10;
/// Blocks that wait to be read.
const BLOCKS_AHEAD: usize = 8;

/// What `packed` holds, deflated, and nothing after it.
pub(super) fn inflated<T: DeserializeOwned>(packed: &[u8]) -> Result<T, SnapshotError> {
    thread::scope(|scope| {
        let (filled, blocks) = mpsc::sync_channel(BLOCKS_AHEAD);
        // It ends with the last block, or where the reader has gone.
        let inflate = move || Inflating::of(packed).try_for_each(|block| filled.send(block));
        match thread::Builder::new().name("inflate".to_owned()).spawn_scoped(scope, inflate) {
            Ok(_) => read(blocks.into_iter()),
            // It takes longer then.
            Err(_) => read(Inflating::of(packed)),
        }
    })
}

fn read<T: DeserializeOwned>(blocks: impl Iterator<Item = Result<Vec<u8>, SnapshotError>>) -> Result<T, SnapshotError> {
    let mut bytes = Deserializer::from_flavor(Blocks { blocks, block: Vec::new(), n_read: 0, taken: Vec::new() });
    let all = T::deserialize(&mut bytes).map_err(|_| Damaged)?;
    let mut rest = bytes.finalize().map_err(|_| Damaged)?;
    if rest.n_read < rest.block.len() || rest.blocks.next().is_some() { Err(Damaged) } else { Ok(all) }
}

/// What is inflated, in blocks; where the bytes are damaged or there are others after them, the last is an error.
struct Inflating<'a> {
    decoder: DeflateDecoder<&'a [u8]>,
    is_over: bool,
}

impl<'a> Inflating<'a> {
    fn of(packed: &'a [u8]) -> Self {
        Self { decoder: DeflateDecoder::new(packed), is_over: false }
    }

    fn block(&mut self) -> Result<Option<Vec<u8>>, SnapshotError> {
        use std::io::Read as _;
        let mut block = vec![0; BLOCK_BYTES];
        let n = self.decoder.read(&mut block).map_err(|_| Damaged)?;
        block.truncate(n);
        let is_too_long = self.decoder.total_out() > MAX_INFLATED_BYTES;
        let has_more_behind = n == 0 && !self.decoder.get_ref().is_empty();
        if is_too_long || has_more_behind { Err(Damaged) } else { Ok((n > 0).then_some(block)) }
    }
}

impl Iterator for Inflating<'_> {
    type Item = Result<Vec<u8>, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let block = self.block().transpose();
        self.is_over = !matches!(block, Some(Ok(_)));
        block
    }
}

/// Blocks as the bytes that they are together.
struct Blocks<I> {
    blocks: I,
    block: Vec<u8>,
    n_read: usize,
    /// Bytes that were taken at once, of one block or of several.
    taken: Vec<u8>,
}

impl<I: Iterator<Item = Result<Vec<u8>, SnapshotError>>> Blocks<I> {
    #[cold]
    fn first_of_next(&mut self) -> Result<u8, Error> {
        // None of them is empty.
        match self.blocks.next() {
            Some(Ok(block)) => (self.block, self.n_read) = (block, 1),
            Some(Err(_)) | None => return Err(Error::DeserializeUnexpectedEnd),
        }
        self.block.first().copied().ok_or(Error::DeserializeUnexpectedEnd)
    }
}

impl<'de, I: Iterator<Item = Result<Vec<u8>, SnapshotError>> + 'de> Flavor<'de> for Blocks<I> {
    type Remainder = Self;
    type Source = ();

    // Called for each byte.
    #[inline]
    fn pop(&mut self) -> Result<u8, Error> {
        match self.block.get(self.n_read) {
            Some(byte) => {
                self.n_read += 1;
                Ok(*byte)
            }
            None => self.first_of_next(),
        }
    }

    fn try_take_n(&mut self, _: usize) -> Result<&'de [u8], Error> {
        // Nothing that a history holds is borrowed.
        Err(Error::WontImplement)
    }

    #[inline]
    fn try_take_n_temp<'a>(&'a mut self, n: usize) -> Result<&'a [u8], Error>
    where
        'de: 'a,
    {
        let begin = self.n_read;
        if begin + n <= self.block.len() {
            self.n_read += n;
            return Ok(&self.block[begin..begin + n]);
        }
        self.taken.clear();
        while self.taken.len() < n {
            let byte = self.pop()?;
            self.taken.push(byte);
        }
        Ok(&self.taken)
    }

    fn finalize(self) -> Result<Self, Error> {
        Ok(self)
    }
}
