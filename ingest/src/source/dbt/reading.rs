//! What the name of a column says to a person who reads it out.

/// Units of time as column names write them, and in words.
const UNITS: [(&str, &str); 14] = [
    ("ms", "milliseconds"),
    ("milliseconds", "milliseconds"),
    ("secs", "seconds"),
    ("seconds", "seconds"),
    ("mins", "minutes"),
    ("minutes", "minutes"),
    ("hrs", "hours"),
    ("hours", "hours"),
    ("days", "days"),
    ("weeks", "weeks"),
    ("months", "months"),
    ("quarters", "quarters"),
    ("years", "years"),
    ("yrs", "years"),
];

/// A duration says how long something takes, but names and descriptions speak of days or of a
/// difference, where people ask "how long": `days_to_close` reads as "how long it took to close, in
/// days". `None` where the name tells of no duration.
pub(super) fn duration(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let parts: Vec<&str> = name.split('_').filter(|part| !part.is_empty()).collect();
    for (at, part) in parts.iter().enumerate() {
        let unit = UNITS.iter().find(|(written, _)| written == part);
        let (Some((_, unit)), Some((link, rest))) = (unit, parts[at + 1..].split_first()) else {
            continue;
        };
        if rest.is_empty() {
            continue;
        }
        let rest = rest.join(" ");
        match *link {
            "to" | "till" => return Some(format!("how long it took to {rest}, in {unit}")),
            "since" | "until" | "between" | "before" | "after" => {
                return Some(format!("how long {link} {rest}, in {unit}"));
            }
            _ => {}
        }
    }
    let (last, before) = parts.split_last()?;
    if *last == "duration" && !before.is_empty() {
        return Some(format!("how long the {} took", before.join(" ")));
    }
    let (_, unit) = UNITS.iter().find(|(written, _)| written == last)?;
    // `duration_seconds`, `lead_time_days`; but `valid_days` counts days.
    match before {
        [
            ..,
            "duration" | "time" | "length" | "age" | "delay" | "latency",
        ] => Some(format!("how long: the {}, in {unit}", before.join(" "))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_a_duration_is_read_as_how_long() {
        assert_eq!(
            duration("days_to_close").as_deref(),
            Some("how long it took to close, in days")
        );
        assert_eq!(
            duration("avg_days_to_close").as_deref(),
            Some("how long it took to close, in days")
        );
        assert_eq!(
            duration("days_since_created").as_deref(),
            Some("how long since created, in days")
        );
        assert_eq!(
            duration("trip_duration_seconds").as_deref(),
            Some("how long: the trip duration, in seconds")
        );
    }

    #[test]
    fn other_columns_are_left_as_they_are() {
        for name in [
            "close_date",
            "valid_days",
            "days",
            "month_to_date",
            "items_to_ship",
        ] {
            assert_eq!(duration(name), None, "{name}");
        }
    }
}
