//! Several requests at once.

use alloc::vec::Vec;

use super::Book;
use super::error::BookError;
use super::post::Posted;
use super::request::Request;

/// What becomes of a batch when one of its items fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two ways there are")]
pub enum Batch {
    /// All items or none.
    Atomic,
    /// Each item for itself.
    Independent,
}

impl Book {
    /// Accepts several requests, one result for each in their order. Later items
    /// see what earlier ones did.
    ///
    /// When an item of an atomic batch fails, it has its own error and every
    /// other one [`BookError::Undone`]; the book is as it was before. Nobody sees
    /// a part of a batch, for the book is borrowed until all of it is done.
    pub fn post_all(
        &mut self,
        batch: Batch,
        requests: &[Request],
    ) -> Vec<Result<Posted, BookError>> {
        match batch {
            Batch::Independent => requests.iter().map(|request| self.post(request)).collect(),
            Batch::Atomic => self.post_atomic(requests),
        }
    }

    fn post_atomic(&mut self, requests: &[Request]) -> Vec<Result<Posted, BookError>> {
        let mut results = Vec::with_capacity(requests.len());
        for (item, request) in requests.iter().enumerate() {
            let result = self.post(request);
            results.push(result);
            if let Err(error) = result {
                self.undo_all(&requests[..item], &results);
                let undone = Err(BookError::Undone { item });
                let of = |at| if at == item { Err(error) } else { undone };
                return (0..requests.len()).map(of).collect();
            }
        }
        results
    }

    fn undo_all(&mut self, requests: &[Request], results: &[Result<Posted, BookError>]) {
        for (request, result) in requests.iter().zip(results).rev() {
            if let Ok(Posted::First(number, _)) = result {
                self.undo(request, *number);
            }
        }
    }
}
