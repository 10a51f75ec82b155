//! Command-line verbs: rows and arguments to a transaction and text, one file a verb.
