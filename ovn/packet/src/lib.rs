//! Addresses, wire protocols one a file, the flow key, checksums.
