//! Upstream's log patterns: `%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m`.

use super::state::Level;

/// One message and what its line may show.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Program name.
    pub program: &'a str,
    /// Module that logs.
    pub module: &'a str,
    /// Severity.
    pub level: Level,
    /// The text.
    pub message: &'a str,
    /// Number of the message in this process, from 1.
    pub sequence: u64,
    /// Wall clock, milliseconds since 1970, UTC.
    pub wall_ms: i64,
    /// Milliseconds since the process started.
    pub since_start_ms: u64,
    /// Process id.
    pub pid: u32,
    /// Name of the thread; empty for the main one.
    pub thread: &'a str,
}

/// Writes `record` in `pattern`. Codes nobody knows are left as they are.
pub fn format(pattern: &str, record: &Record<'_>) -> String {
    let mut line = String::with_capacity(pattern.len() + record.message.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        line.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (field, after) = field(rest, record);
        line.push_str(&field);
        rest = after;
    }
    line.push_str(rest);
    line
}

/// The text of the code at the start of `code` (after the `%`) and what follows it.
fn field<'a>(code: &'a str, record: &Record<'_>) -> (String, &'a str) {
    let flags = code.len() - code.trim_start_matches(['-', '0']).len();
    let (left, zero) = (code[..flags].contains('-'), code[..flags].contains('0'));
    let digits = code[flags..].bytes().take_while(u8::is_ascii_digit).count();
    let width: usize = code[flags..flags + digits].parse().unwrap_or(0).min(256);
    let mut chars = code[flags + digits..].chars();
    let letter = chars.next();
    let rest = chars.as_str();
    let (argument, rest) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((argument, after)) => (Some(argument), after),
        None => (None, rest),
    };
    let text = match letter {
        Some('A') => record.program.to_owned(),
        Some('c') => record.module.to_owned(),
        Some('d' | 'D') => time(argument.unwrap_or("%Y-%m-%d %H:%M:%S.###"), record.wall_ms),
        Some('m') => record.message.to_owned(),
        Some('N') => record.sequence.to_string(),
        Some('n') => "\n".to_owned(),
        Some('p') => record.level.name().to_owned(),
        Some('P') => record.pid.to_string(),
        Some('r') => record.since_start_ms.to_string(),
        Some('t') => if record.thread.is_empty() { "main" } else { record.thread }.to_owned(),
        Some('T') if record.thread.is_empty() => String::new(),
        Some('T') => format!("({})", record.thread),
        Some('%') => "%".to_owned(),
        Some(other) => return (format!("%{other}"), rest),
        None => return ("%".to_owned(), rest),
    };
    let padded = match (left, zero) {
        (true, _) => format!("{text:<width$}"),
        (false, true) => format!("{text:0>width$}"),
        (false, false) => format!("{text:>width$}"),
    };
    (padded, rest)
}

/// `strftime` for the codes that logs use, in UTC; a `#` is a digit of the fraction of a second.
pub(crate) fn time(pattern: &str, wall_ms: i64) -> String {
    let (days, ms_of_day) = (wall_ms.div_euclid(86_400_000), wall_ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let seconds = ms_of_day / 1000;
    let mut fraction =
        format!("{:03}", ms_of_day % 1000).into_bytes().into_iter().chain(std::iter::repeat(b'0'));
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(one) = chars.next() {
        match one {
            '#' => text.push(char::from(fraction.next().unwrap_or(b'0'))),
            '%' => match chars.next() {
                Some('Y') => text.push_str(&format!("{year:04}")),
                Some('m') => text.push_str(&format!("{month:02}")),
                Some('d') => text.push_str(&format!("{day:02}")),
                Some('H') => text.push_str(&format!("{:02}", seconds / 3600)),
                Some('M') => text.push_str(&format!("{:02}", seconds / 60 % 60)),
                Some('S') => text.push_str(&format!("{:02}", seconds % 60)),
                Some(other) => text.extend(['%', other]),
                None => text.push('%'),
            },
            other => text.push(other),
        }
    }
    text
}

/// The Gregorian date `days` after 1970-01-01. Counts in eras of 400 years that begin in March, so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str) -> Record<'_> {
        Record {
            program: "ovn-northd",
            module: "vlog",
            level: Level::Info,
            message,
            sequence: 1,
            wall_ms: 1_795_337_037_732,
            since_start_ms: 12,
            pid: 7,
            thread: "",
        }
    }

    #[test]
    fn the_patterns_of_upstream() {
        let line = |pattern: &str| format(pattern, &record("hello"));
        assert_eq!(
            line("%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m"),
            "2026-11-22T08:43:57.732Z|00001|vlog|INFO|hello"
        );
        assert_eq!(
            line("%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m"),
            "2026-11-22T08:43:57Z|00001|vlog|INFO|hello"
        );
        assert_eq!(line("%-6p|%6p|%A|%P|%r|%%|%q"), "INFO  |  INFO|ovn-northd|7|12|%|%q");
        assert_eq!(line("%"), "%");
    }

    #[test]
    fn dates_before_and_after_leap_days() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(47_541), (2100, 3, 1));
    }
}
