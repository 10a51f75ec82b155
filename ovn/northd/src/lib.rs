//! Northbound rows to southbound rows.
