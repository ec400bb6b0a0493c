//! What every error of the workspace can say about itself.

/// An error with a stable code and a party at fault.
///
/// ```
/// use icn_types::canon;
/// use icn_types::error::{Coded, Fault};
///
/// let error = canon::from_bytes::<u64>(&[0x18, 0x07]).unwrap_err();
/// assert_eq!(error.code(), "canon.not_shortest");
/// assert_eq!(error.fault(), Fault::Peer);
/// ```
pub trait Coded: core::error::Error {
    /// Dotted lower-case code. It never changes once released.
    fn code(&self) -> &'static str;

    /// Who has to act for this to succeed.
    fn fault(&self) -> Fault;
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a closed set: callers match on all of it"
)]
pub enum Fault {
    /// A rule of the cooperative says no.
    Rule,
    /// The other side sent something wrong.
    Peer,
    /// Disk, network or memory failed; the same call may succeed later.
    Environment,
    /// The calling code broke a contract.
    Caller,
}

#[cfg(test)]
mod tests;
