//! What ends the client with exit code 1.

use std::fmt;
use std::io;

use ovsdb::OvsdbError;

/// Why the client cannot do what it was asked, as it stands behind the program's name.
#[derive(Debug)]
pub(super) struct Fatal(String);

impl Fatal {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// With the system's words behind it.
    pub(super) fn system(text: impl fmt::Display, error: &io::Error) -> Self {
        Self(format!("{text} ({})", words(error)))
    }
}

/// An end of the stream is an error here, and has upstream's words.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "End of file".to_owned(),
        _ => crate::base::os_error(error),
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<OvsdbError> for Fatal {
    fn from(error: OvsdbError) -> Self {
        Self(error.to_string())
    }
}
