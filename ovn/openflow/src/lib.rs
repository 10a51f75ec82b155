//! OpenFlow 1.3-1.5 fields, matches, actions, messages and their bytes.
