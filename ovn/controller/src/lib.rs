//! Southbound and local rows to OpenFlow.
