//! The end of a cookie, in whatever form a server writes it (RFC 6265, 5.1.1).

use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970; `None` when it is no date.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let delimits = |c: char| matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~');
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(delimits).filter(|token| !token.is_empty()) {
        if let Some(found) = clock(token).filter(|_| time.is_none()) {
            time = Some(found);
        } else if let Some(found) = number(token, 1, 2).filter(|_| day.is_none()) {
            day = Some(found);
        } else if let Some(found) = month_of(token).filter(|_| month.is_none()) {
            month = Some(found);
        } else if let Some(found) = number(token, 2, 4).filter(|_| year.is_none()) {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let ((hour, minute, second), day, month) = (time?, i8::try_from(day?).ok()?, month?);
    let is_real = year >= 1601 && (1..=31).contains(&day) && hour <= 23 && minute <= 59 && second <= 59;
    if !is_real {
        return None;
    }
    let midnight = jiff::civil::Date::new(year, month, day).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(midnight + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// `8:49:37`, whatever follows its digits.
fn clock(token: &str) -> Option<(i16, i16, i16)> {
    let mut fields = token.splitn(3, ':');
    let (hour, minute, second) = (fields.next()?, fields.next()?, fields.next()?);
    Some((number(hour, 1, 2)?, number(minute, 1, 2)?, number(second, 1, 2)?))
}

/// So many digits at the beginning, and then something else.
fn number(token: &str, least: usize, most: usize) -> Option<i16> {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    (least..=most).contains(&digits).then(|| token[..digits].parse().ok())?
}

fn month_of(token: &str) -> Option<i8> {
    let start = token.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn dates_of_every_form() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 nov 1994 8:49:37",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        for text in [
            "",
            "0",
            "never",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "06 Nov 1994",
            "06 Nov 1994 24:00:00",
            "06 Nov 1600 1:0:0",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
