//! Topologies, fabric, guests, faults, scenarios and reports.
