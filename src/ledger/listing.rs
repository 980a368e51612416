//! Decisions in pages, newest first.

use super::{LedgerError, Reader};

/// Which decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Recorded at or after this, in microseconds since 1970.
    pub from_micros: Option<i64>,
    /// Recorded before this.
    pub until_micros: Option<i64>,
    /// With one of these routes, by the contract's number.
    pub routes: Vec<i64>,
    /// With at least this risk score.
    pub min_risk_score: f64,
}

/// Some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Numbers of their records, newest first.
    pub seqs: Vec<i64>,
    /// The next page has those before this number; `None` after the last.
    pub before: Option<i64>,
}

/// Decisions of a route that are looked at together.
const LOOKED_AT_TOGETHER: usize = 1000;
/// How often they are for one page: where few fit, a page may be short, and is found in bounded time.
const MOST_LOOKS: usize = 20;

impl Listing {
    /// At most `most` decisions, from those before the number `before`.
    ///
    /// A page does not shift when decisions are added: they have higher numbers.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read.
    pub fn page(&self, reader: &Reader, before: Option<i64>, most: usize) -> Result<Page, LedgerError> {
        let since = self.from_micros.map_or(Ok(1), |micros| reader.first_since(micros))?;
        let until = self.until_micros.map(|micros| reader.first_since(micros)).transpose()?;
        let mut before = [until, before].into_iter().flatten().min().unwrap_or(i64::MAX);
        let mut seqs = Vec::new();
        for _ in 0..MOST_LOOKS {
            let mut found = Vec::new();
            // Down to here all routes were looked at.
            let mut floor = since;
            for route in &self.routes {
                let of_route = reader.routed(*route, since, before, LOOKED_AT_TOGETHER)?;
                if of_route.len() == LOOKED_AT_TOGETHER {
                    floor = floor.max(of_route.last().map_or(since, |(seq, _)| *seq));
                }
                found.extend(of_route);
            }
            found.retain(|(seq, risk_score)| *seq >= floor && *risk_score >= self.min_risk_score);
            found.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
            for (seq, _) in found {
                seqs.push(seq);
                if seqs.len() == most {
                    return Ok(Page { seqs, before: Some(seq) });
                }
            }
            if floor == since {
                return Ok(Page { seqs, before: None });
            }
            before = floor;
        }
        Ok(Page { seqs, before: Some(before) })
    }
}
