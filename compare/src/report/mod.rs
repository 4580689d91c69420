//! The report.
pub mod data;
