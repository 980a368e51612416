//! What some texts came to, kept for when they come again.

use xxhash_rust::xxh3::xxh3_64;

/// Texts and what became of them: as many as there are places, each in the place that its hash says. A text comes to what
/// is kept only where it is the same to the byte, so that it changes nothing but the time.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// None before the first text.
    places: Vec<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    text: String,
    came_to: Vec<u8>,
}

/// Most parcels of a day come from and go to fewer towns.
const N_PLACES: usize = 256;

/// A text that is longer is not kept.
const MAX_BYTES: usize = 64;

impl Memo {
    /// Puts behind `out` what `write` would put there for `text`.
    pub(super) fn write(&mut self, text: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if text.is_empty() || text.len() > MAX_BYTES {
            return write(out);
        }
        if self.places.is_empty() {
            self.places.resize(N_PLACES, Kept::default());
        }
        let Some(kept) = self.places.get_mut(xxh3_64(text.as_bytes()) as usize % N_PLACES) else { return write(out) };
        if kept.text == text {
            return out.extend_from_slice(&kept.came_to);
        }
        let begin = out.len();
        write(out);
        kept.text.clear();
        kept.text.push_str(text);
        kept.came_to.clear();
        kept.came_to.extend_from_slice(out.get(begin..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_to_the_same_whether_or_not_it_came_before() {
        let (mut memo, mut n_written) = (Memo::default(), 0);
        let texts: Vec<String> = (0..3 * N_PLACES).map(|n| format!("town {n}")).chain(["x".repeat(99)]).collect();
        for text in texts.iter().chain(&texts).chain([&texts[5], &texts[5]]) {
            let mut out = b"before".to_vec();
            memo.write(text, &mut out, |out| {
                n_written += 1;
                out.extend_from_slice(text.to_uppercase().as_bytes());
            });
            assert_eq!(out, format!("before{}", text.to_uppercase()).into_bytes());
        }
        assert!((texts.len()..2 * texts.len() + 2).contains(&n_written), "{n_written}");
    }
}
