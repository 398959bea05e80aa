//! Charts as SVG: rectangles with a title each, which a pointer shows; the table beside says the same.
//! Colours are classes, for the style sheet; words are HTML, because they must not be stretched.

use std::fmt::Write as _;

/// Height of a chart in its own units; its width is as many as it has bars.
const HEIGHT: f64 = 100.0;
/// Width of a bar and the gap behind it.
const BAR: f64 = 10.0;
const GAP: f64 = 2.0;

/// One colour of a chart.
pub(super) struct Series {
    pub(super) name: String,
    /// Its column in an export: it does not change with the language.
    pub(super) column: String,
    /// One for each bar.
    pub(super) values: Vec<f64>,
}

/// Bars made of series that lie on each other. `bars` are named by their days; `shown` says a value in words.
pub(super) fn stacked(
    title: &str,
    bars: &[String],
    series: &[Series],
    shown: impl Fn(f64) -> String,
) -> String {
    let sum = |at: usize| series.iter().map(|one| one.values[at]).sum::<f64>();
    let highest = (0..bars.len()).map(sum).fold(0.0, f64::max);
    let top = round_up(highest);
    let width = (bars.len().max(1)) as f64 * (BAR + GAP);
    let mut svg = String::new();
    for (at, bar) in bars.iter().enumerate() {
        let x = at as f64 * (BAR + GAP);
        let mut words = format!("{bar}: {}", shown(sum(at)));
        for one in series
            .iter()
            .filter(|one| series.len() > 1 && one.values[at] > 0.0)
        {
            let _ = write!(words, "\n{}: {}", one.name, shown(one.values[at]));
        }
        let _ = write!(svg, "<g><title>{}</title>", escaped(&words));
        // The whole column answers to the pointer, however low its bar.
        let _ = write!(
            svg,
            r#"<rect class="column" x="{x}" y="0" width="{}" height="{HEIGHT}"/>"#,
            BAR + GAP
        );
        let mut y = HEIGHT;
        for (number, one) in series.iter().enumerate() {
            let height = if top > 0.0 {
                one.values[at] / top * HEIGHT
            } else {
                0.0
            };
            y -= height;
            if height > 0.0 {
                let _ = write!(
                    svg,
                    r#"<rect class="s{}" x="{x}" y="{y:.2}" width="{BAR}" height="{height:.2}"/>"#,
                    number % 8
                );
            }
        }
        svg.push_str("</g>");
    }
    let marks = if bars.is_empty() {
        String::new()
    } else {
        ends(bars)
    };
    format!(
        r#"<div class="chart"><div class="top">{}</div><svg role="img" aria-label="{}" viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none">{svg}</svg>{marks}{}</div>"#,
        escaped(&shown(top)),
        escaped(title),
        legend(series),
    )
}

/// First, middle and last of the bars' names.
fn ends(bars: &[String]) -> String {
    let mut names = vec![&bars[0]];
    if bars.len() > 4 {
        names.push(&bars[bars.len() / 2]);
    }
    if bars.len() > 1 {
        names.push(&bars[bars.len() - 1]);
    }
    let names: String = names
        .iter()
        .map(|name| format!("<span>{}</span>", escaped(name)))
        .collect();
    format!(r#"<div class="ends" aria-hidden="true">{names}</div>"#)
}

fn legend(series: &[Series]) -> String {
    if series.len() < 2 {
        return String::new();
    }
    let items: String = series
        .iter()
        .enumerate()
        .map(|(number, one)| {
            format!(
                r#"<li><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s{}" width="10" height="10"/></svg>{}</li>"#,
                number % 8,
                escaped(&one.name)
            )
        })
        .collect();
    format!(r#"<ul class="legend">{items}</ul>"#)
}

/// Rows of squares, darker where there is more: hours of weekdays.
pub(super) fn heat(
    title: &str,
    rows: &[(String, Vec<i64>)],
    shown: impl Fn(i64) -> String,
) -> String {
    let most = rows
        .iter()
        .flat_map(|(_, row)| row)
        .copied()
        .max()
        .unwrap_or(0);
    let mut svg = String::new();
    for (down, (name, row)) in rows.iter().enumerate() {
        for (across, value) in row.iter().enumerate() {
            // Nine shades; the lightest is nothing at all.
            let shade = if *value == 0 || most == 0 {
                0
            } else {
                1 + (value * 7 / most).min(7)
            };
            let _ = write!(
                svg,
                r#"<rect class="h{shade}" x="{}" y="{}" width="9.4" height="9.4"><title>{}</title></rect>"#,
                across * 10,
                down * 10,
                escaped(&format!("{name} {across:02}:00: {}", shown(*value)))
            );
        }
    }
    let names: String = rows
        .iter()
        .map(|(name, _)| format!("<span>{}</span>", escaped(name)))
        .collect();
    format!(
        r#"<div class="heat"><div class="rows" aria-hidden="true">{names}</div><svg role="img" aria-label="{}" viewBox="0 0 240 {}" preserveAspectRatio="none">{svg}</svg><div class="ends" aria-hidden="true"><span>00</span><span>06</span><span>12</span><span>18</span><span>23</span></div></div>"#,
        escaped(title),
        rows.len().max(1) * 10
    )
}

/// A span of time of a whole, for [`waterfall`].
pub(super) struct Span {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) until: f64,
    /// Which colour.
    pub(super) series: usize,
}

/// Spans below each other, over one time line from 0 to `total`.
pub(super) fn waterfall(
    title: &str,
    spans: &[Span],
    total: f64,
    shown: impl Fn(f64) -> String,
) -> String {
    let total = spans
        .iter()
        .map(|span| span.until)
        .fold(total.max(1.0), f64::max);
    let mut rows = String::new();
    for span in spans {
        let (x, width) = (
            span.from / total * 100.0,
            ((span.until - span.from) / total * 100.0).max(0.4),
        );
        let words = format!(
            "{}: {} – {}",
            span.name,
            shown(span.from),
            shown(span.until)
        );
        let _ = write!(
            rows,
            r#"<li><span>{}</span><svg role="img" aria-label="{}" viewBox="0 0 100 10" preserveAspectRatio="none"><rect class="column" width="100" height="10"/><rect class="s{}" x="{x:.2}" width="{width:.2}" height="10"><title>{}</title></rect></svg></li>"#,
            escaped(&span.name),
            escaped(&words),
            span.series % 8,
            escaped(&words),
        );
    }
    format!(
        r#"<ul class="waterfall" aria-label="{}">{rows}</ul><div class="ends" aria-hidden="true"><span>0</span><span>{}</span></div>"#,
        escaped(title),
        escaped(&shown(total))
    )
}

/// The next number that is easy to read.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    for step in [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0] {
        if value <= step * power {
            return step * power;
        }
    }
    10.0 * power
}

/// Text made fit for HTML, also for an attribute.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_says_each_value_and_escapes_its_words() {
        let series = [
            Series {
                name: "<web>".to_owned(),
                column: "web".to_owned(),
                values: vec![1.0, 0.0],
            },
            Series {
                name: "api".to_owned(),
                column: "api".to_owned(),
                values: vec![2.0, 0.0],
            },
        ];
        let bars = ["2026-01-01".to_owned(), "2026-01-02".to_owned()];
        let html = stacked("a \"title\"", &bars, &series, |value| format!("{value}"));
        assert!(
            html.contains("2026-01-01: 3\n&lt;web&gt;: 1\napi: 2"),
            "{html}"
        );
        assert!(html.contains(r#"aria-label="a &quot;title&quot;""#));
        assert!(html.contains("2026-01-02: 0"));
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn a_chart_of_nothing_is_a_chart() {
        let html = stacked("none", &[], &[], |value| format!("{value}"));
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
        let html = heat("none", &[], |value| format!("{value}"));
        assert!(html.contains("<svg"));
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        assert!((round_up(37.0) - 40.0).abs() < 1e-9);
        assert!((round_up(0.0011) - 0.0015).abs() < 1e-9);
        assert!((round_up(100.0) - 100.0).abs() < 1e-9);
    }
}
