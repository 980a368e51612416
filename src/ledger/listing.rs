//! Decisions in pages, newest first.

use super::part::Wanted;
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

/// Records that one page looks at, at most: where few fit it may be short, or empty, but is found in bounded time.
const MOST_LOOKED_AT: i64 = 4_000_000;

impl Listing {
    /// At most `most` decisions, from those before the number `before`.
    ///
    /// A page does not shift when decisions are added: they have higher numbers.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read.
    pub fn page(&self, reader: &Reader, before: Option<i64>, most: usize) -> Result<Page, LedgerError> {
        self.page_among(MOST_LOOKED_AT, reader, before, most)
    }

    fn page_among(
        &self,
        most_looked_at: i64,
        reader: &Reader,
        before: Option<i64>,
        most: usize,
    ) -> Result<Page, LedgerError> {
        let first = self.from_micros.map_or(Ok(1), |micros| reader.first_since(micros))?;
        let until = self.until_micros.map(|micros| reader.first_since(micros)).transpose()?;
        let end = reader.head()?.seq + 1;
        let before = [until, before].into_iter().flatten().fold(end, i64::min);
        let since = first.max(before.saturating_sub(most_looked_at));
        let routes = self.routes.iter().filter_map(|route| u8::try_from(*route).ok()).collect();
        let seqs = reader.decisions(&Wanted { routes, min_risk_score: self.min_risk_score, since, before, most })?;
        let before = match seqs.last() {
            Some(last) if seqs.len() == most => Some(*last),
            _ => (since > first).then_some(since),
        };
        Ok(Page { seqs, before })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Clock, Content, Kind, Ledger, LedgerConfig};
    use super::*;
    use crate::history::Bucket;

    #[test]
    fn what_few_fit_is_found_page_by_page_though_some_are_empty() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db"), &LedgerConfig::default(), Clock::system()).unwrap();
        for n in 1..=100 {
            let (route, decision_id) = (if [3, 4, 5, 70].contains(&n) { 5 } else { 1 }, Some([n; 16]));
            let (route, risk_score) = (Some(route), Some(0.5));
            let content =
                Content { decision_id, route, risk_score, ..Content::new(Kind::Decision, Bucket(1), Vec::new()) };
            ledger.append(content).unwrap();
        }
        let listing = Listing { from_micros: None, until_micros: None, routes: vec![3, 5], min_risk_score: 0.5 };
        let reader = ledger.reader().unwrap();
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let page = listing.page_among(20, &reader, before, 2).unwrap();
            pages.push(page.seqs);
            before = page.before;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec![], vec![70], vec![], vec![], vec![5, 4], vec![3]]);
    }
}
