//! What is wrong with a text.

/// Something that is not what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?}: expected {expected}")]
pub struct TextError {
    /// The part that is wrong.
    pub found: String,
    pub expected: String,
}

pub(super) type Error = TextError;
pub(super) type Result<T> = std::result::Result<T, TextError>;

impl TextError {
    pub(super) fn new(found: &str, expected: &str) -> Self {
        Self { found: found.chars().take(80).collect(), expected: expected.to_owned() }
    }
}
