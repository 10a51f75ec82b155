//! The ovn executable: a table from applet name to function.

fn main() {}
