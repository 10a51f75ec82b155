//! How a program fails.

use schema::ColumnError;

/// Why a program ends without success: what it prints on standard error after its name, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The message; `None` prints nothing.
    pub message: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// A message, and exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), code: 1 }
    }

    /// An exit code that says it all.
    pub fn silent(code: u8) -> Self {
        Self { message: None, code }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<ColumnError> for Failure {
    fn from(error: ColumnError) -> Self {
        Self::new(error.to_string())
    }
}

/// Fails with a message made as by `format!`.
macro_rules! fail {
    ($($message:tt)*) => {
        return Err($crate::Failure::new(format!($($message)*)))
    };
}
pub(crate) use fail;
