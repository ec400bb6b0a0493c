//! Several requests at once.

use alloc::vec::Vec;

use super::Book;
use super::error::BookError;
use super::post::Posted;
use super::request::Request;
use crate::batch::{Batch, all_undone};

/// Requests whose keys are looked for together.
const RUN_LEN: usize = 64;

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
            Batch::Independent => self.post_each(requests),
            Batch::Atomic => self.post_atomic(requests),
        }
    }

    fn post_each(&mut self, requests: &[Request]) -> Vec<Result<Posted, BookError>> {
        let mut results = Vec::with_capacity(requests.len());
        for run in requests.chunks(RUN_LEN) {
            self.touch(run);
            results.extend(run.iter().map(|request| self.post(request)));
        }
        results
    }

    /// Reads what the look-ups of the keys of a run will read.
    fn touch(&self, run: &[Request]) {
        self.by_key
            .touch(run.iter().map(|request| request.key.as_bytes()));
    }

    fn post_atomic(&mut self, requests: &[Request]) -> Vec<Result<Posted, BookError>> {
        let mut results = Vec::with_capacity(requests.len());
        for (item, request) in requests.iter().enumerate() {
            if item % RUN_LEN == 0 {
                self.touch(&requests[item..requests.len().min(item + RUN_LEN)]);
            }
            let result = self.post(request);
            results.push(result);
            if let Err(error) = result {
                self.undo_all(&requests[..item], &results);
                let undone = BookError::Undone { item };
                return all_undone(requests.len(), item, error, undone);
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
