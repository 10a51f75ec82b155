//! The databases of OVN: our definition files, typed rows and .ovsschema JSON made from them.
