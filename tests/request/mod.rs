//! The arguments of Rust's own harness, for tests that have one of their own.

use std::ffi::OsString;

/// What was asked for, as far as it chooses what runs.
#[derive(Default)]
pub struct Request {
    filters: Vec<String>,
    skipped: Vec<String>,
    is_exact: bool,
    pub lists_only: bool,
    /// `--ignored` asks for the ignored tests alone, of which there are none.
    wants_none: bool,
}

impl Request {
    pub fn parse(arguments: Vec<OsString>) -> Result<Request, lexopt::Error> {
        use lexopt::prelude::*;
        let mut request = Request::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Value(filter) => request.filters.push(filter.string()?),
                Long("skip") => request.skipped.push(parser.value()?.string()?),
                Long("exact") => request.is_exact = true,
                Long("list") => request.lists_only = true,
                Long("ignored") => request.wants_none = true,
                // Those that are about what the harness prints, and how many tests it runs at once.
                Long("test-threads" | "color" | "format" | "logfile" | "shuffle-seed") | Short('Z') => {
                    parser.value()?;
                }
                Long(_) | Short(_) => {
                    parser.optional_value();
                }
            }
        }
        Ok(request)
    }

    pub fn wants(&self, label: &str) -> bool {
        let matches =
            |filter: &String| if self.is_exact { label == filter } else { label.contains(filter.as_str()) };
        let is_chosen = self.filters.is_empty() || self.filters.iter().any(matches);
        is_chosen && !self.wants_none && !self.skipped.iter().any(matches)
    }
}
