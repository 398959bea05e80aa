//! The table that `make bench` prints.

use std::io::Write;

/// One figure: what was measured, what is aimed at, and whether it was reached.
struct Row {
    name: String,
    value: String,
    aim: String,
    reached: bool,
}

/// Figures in the order they were measured.
pub(crate) struct Table {
    rows: Vec<Row>,
    wanted: Option<String>,
}

impl Table {
    pub(crate) fn new(wanted: Option<&str>) -> Self {
        Self {
            rows: Vec::new(),
            wanted: wanted.map(str::to_owned),
        }
    }

    /// Whether a part of the benchmark was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted
            .as_ref()
            .is_none_or(|wanted| name.contains(wanted.as_str()))
    }

    /// Whether it was asked for by its name: what takes long is not part of the rest.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.wanted.as_deref() == Some(name)
    }

    /// A figure that should stay at or below its aim.
    pub(crate) fn at_most(&mut self, name: &str, value: f64, aim: f64, unit: &str) {
        self.push(name, value, unit, format!("≤ {aim} {unit}"), value <= aim);
    }

    /// A figure that should reach its aim.
    pub(crate) fn at_least(&mut self, name: &str, value: f64, aim: f64, unit: &str) {
        self.push(name, value, unit, format!("≥ {aim} {unit}"), value >= aim);
    }

    /// A figure without an aim.
    pub(crate) fn note(&mut self, name: &str, value: f64, unit: &str) {
        self.push(name, value, unit, String::new(), true);
    }

    fn push(&mut self, name: &str, value: f64, unit: &str, aim: String, reached: bool) {
        let digits = if value.abs() < 10.0 {
            2
        } else {
            usize::from(value.abs() < 100.0)
        };
        let row = Row {
            name: name.to_owned(),
            value: format!("{value:.digits$} {unit}"),
            aim,
            reached,
        };
        let _ = writeln!(std::io::stderr(), "{}: {}", row.name, row.value);
        self.rows.push(row);
    }

    pub(crate) fn print(&self) {
        let mut out = std::io::stdout();
        let _ = writeln!(out, "\n| figure | measured | aim | |\n|---|---|---|---|");
        for row in &self.rows {
            let mark = match (row.aim.is_empty(), row.reached) {
                (true, _) => "",
                (false, true) => "reached",
                (false, false) => "MISSED",
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {mark} |",
                row.name, row.value, row.aim
            );
        }
    }
}
