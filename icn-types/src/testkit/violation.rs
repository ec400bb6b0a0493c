use alloc::string::String;
use core::fmt;

/// A law of a port that an implementor broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    law: &'static str,
    detail: String,
}

impl Violation {
    /// `law` as the port's documentation names it, `detail` as observed.
    #[must_use]
    pub fn new(law: &'static str, detail: impl Into<String>) -> Self {
        Self {
            law,
            detail: detail.into(),
        }
    }

    /// The law, stable within a release.
    #[must_use]
    pub const fn law(&self) -> &'static str {
        self.law
    }

    /// What was observed.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.detail)
    }
}

impl core::error::Error for Violation {}
