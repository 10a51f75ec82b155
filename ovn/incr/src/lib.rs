//! Units, revisions, dependencies: re-run what changed, diff what came out.
