//! Units: what a number counts, and what two units have to do with each other.

/// A unit that numbers are compared in. Units of one dimension differ by a factor only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    pub(crate) dimension: Dimension,
    /// How many of the dimension's first unit it is.
    pub(crate) factor: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    /// Seconds, up to weeks.
    Duration,
    /// Days on which people work: not days.
    WorkingDay,
    /// Months, up to years: they have no fixed number of days.
    Calendar,
    Percent,
    PercentagePoint,
    Metre,
    Gram,
    /// Decimal ones; binary ones are their own.
    Byte,
    BinaryByte,
    Won,
    Dollar,
    Euro,
    Speed,
    WattHour,
    Degree,
}

const fn unit(dimension: Dimension, factor: f64) -> Unit {
    Unit { dimension, factor }
}

pub(crate) const SECOND: Unit = unit(Dimension::Duration, 1.0);
pub(crate) const MINUTE: Unit = unit(Dimension::Duration, 60.0);
pub(crate) const HOUR: Unit = unit(Dimension::Duration, 3600.0);
pub(crate) const DAY: Unit = unit(Dimension::Duration, 86_400.0);
pub(crate) const WEEK: Unit = unit(Dimension::Duration, 604_800.0);
pub(crate) const MONTH: Unit = unit(Dimension::Calendar, 1.0);
pub(crate) const QUARTER: Unit = unit(Dimension::Calendar, 3.0);
pub(crate) const YEAR: Unit = unit(Dimension::Calendar, 12.0);
pub(crate) const WORKING_DAY: Unit = unit(Dimension::WorkingDay, 1.0);
pub(crate) const PERCENT: Unit = unit(Dimension::Percent, 1.0);
pub(crate) const PERCENTAGE_POINT: Unit = unit(Dimension::PercentagePoint, 1.0);
pub(crate) const WON: Unit = unit(Dimension::Won, 1.0);
pub(crate) const DOLLAR: Unit = unit(Dimension::Dollar, 1.0);
pub(crate) const EURO: Unit = unit(Dimension::Euro, 1.0);

/// The unit of an English word or of an abbreviation, in lower case.
pub(crate) fn english(word: &str) -> Option<Unit> {
    use Dimension::{BinaryByte, Byte, Degree, Gram, Metre, PercentagePoint, Speed, WattHour};
    Some(match word {
        "ms" | "millisecond" | "milliseconds" => unit(Dimension::Duration, 0.001),
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" | "night" | "nights" => DAY,
        "w" | "wk" | "wks" | "week" | "weeks" => WEEK,
        "month" | "months" => MONTH,
        "quarter" | "quarters" => QUARTER,
        "y" | "yr" | "yrs" | "year" | "years" => YEAR,
        "%" | "percent" | "pct" => PERCENT,
        "pp" | "%p" => unit(PercentagePoint, 1.0),
        "mm" | "millimetre" | "millimetres" | "millimeter" | "millimeters" => unit(Metre, 0.001),
        "cm" | "centimetre" | "centimetres" | "centimeter" | "centimeters" => unit(Metre, 0.01),
        "m" | "metre" | "metres" | "meter" | "meters" => unit(Metre, 1.0),
        "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => unit(Metre, 1000.0),
        "mile" | "miles" => unit(Metre, 1609.344),
        "g" | "gram" | "grams" => unit(Gram, 1.0),
        "kg" | "kilogram" | "kilograms" => unit(Gram, 1000.0),
        "b" | "byte" | "bytes" => unit(Byte, 1.0),
        "kb" | "kilobyte" | "kilobytes" => unit(Byte, 1e3),
        "mb" | "megabyte" | "megabytes" => unit(Byte, 1e6),
        "gb" | "gigabyte" | "gigabytes" => unit(Byte, 1e9),
        "tb" | "terabyte" | "terabytes" => unit(Byte, 1e12),
        "pb" | "petabyte" | "petabytes" => unit(Byte, 1e15),
        "kib" => unit(BinaryByte, 1.0),
        "mib" => unit(BinaryByte, 1024.0),
        "gib" => unit(BinaryByte, 1_048_576.0),
        "tib" => unit(BinaryByte, 1_073_741_824.0),
        "won" | "krw" | "₩" => WON,
        "dollar" | "dollars" | "usd" | "$" => DOLLAR,
        "euro" | "euros" | "eur" | "€" => EURO,
        "km/h" | "kmh" | "kph" => unit(Speed, 1.0),
        "wh" => unit(WattHour, 1.0),
        "kwh" => unit(WattHour, 1000.0),
        "°c" | "celsius" => unit(Degree, 1.0),
        _ => return None,
    })
}

/// The unit that a run of Hangul begins with, and the rest of it. A counter (`명`, `건`) is no unit of
/// its own: `Some(None)`.
pub(crate) fn korean(run: &str) -> Option<(Option<Unit>, &str)> {
    use Dimension::{Degree, Gram, Metre};
    // Longest first where one begins another.
    const COUNTERS: [&str; 22] = [
        "순위", "가지", "자리", "군데", "단계", "번째", "명", "대", "건", "개", "행", "곳", "회",
        "위", "쪽", "장", "줄", "호", "자", "차", "번", "배",
    ];
    let measures: [(&str, Unit); 33] = [
        ("퍼센트포인트", PERCENTAGE_POINT),
        ("퍼센트", PERCENT),
        ("프로", PERCENT),
        ("영업일", WORKING_DAY),
        ("근무일", WORKING_DAY),
        ("개월", MONTH),
        ("분기", QUARTER),
        ("주일", WEEK),
        ("주간", WEEK),
        ("시간", HOUR),
        ("일간", DAY),
        ("년간", YEAR),
        ("킬로미터", unit(Metre, 1000.0)),
        ("센티미터", unit(Metre, 0.01)),
        ("미터", unit(Metre, 1.0)),
        ("킬로그램", unit(Gram, 1000.0)),
        ("그램", unit(Gram, 1.0)),
        ("기가바이트", unit(Dimension::Byte, 1e9)),
        ("메가바이트", unit(Dimension::Byte, 1e6)),
        ("테라바이트", unit(Dimension::Byte, 1e12)),
        ("킬로바이트", unit(Dimension::Byte, 1e3)),
        ("바이트", unit(Dimension::Byte, 1.0)),
        ("달러", DOLLAR),
        ("유로", EURO),
        ("개년", YEAR),
        ("달", MONTH),
        ("주", WEEK),
        ("일", DAY),
        ("분", MINUTE),
        ("초", SECOND),
        ("년", YEAR),
        ("원", WON),
        ("도", unit(Degree, 1.0)),
    ];
    for (name, measure) in measures {
        if let Some(rest) = run.strip_prefix(name) {
            return Some((Some(measure), rest));
        }
    }
    COUNTERS
        .iter()
        .find_map(|name| run.strip_prefix(name))
        .map(|rest| (None, rest))
}
