//! Figures and names in words: percentages, counts, times, and names shortened to what a page can hold.

use std::borrow::Cow;

/// `92.3 %` of a share in `[0, 1]`; a dash where it is not a number. Only a perfect 1 reads `100 %`.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".into();
    }
    format!("{}\u{202f}%", points(share))
}

/// `20 %`, `92.5 %`: as [`percent`] without a last zero, for axes.
pub fn tick(share: f64) -> String {
    percent(share).replace(".0\u{202f}", "\u{202f}")
}

/// `92 %`, `> 99 %`: whole points, for probabilities.
pub fn rough(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "–".into(),
        p if p > 99.5 => "> 99\u{202f}%".into(),
        p => format!("{p:.0}\u{202f}%"),
    }
}

/// `92.3` of a share in `[0, 1]`, without the sign.
fn points(share: f64) -> String {
    let points = share * 100.0;
    let digits = match points {
        p if p == 0.0 || p == 100.0 => 0,
        p if (99.95..100.0).contains(&p) || (0.0..0.05).contains(&p) => 2,
        _ => 1,
    };
    let text = format!("{points:.digits$}");
    if text == "100.00" { "> 99.99".into() } else { text }
}

/// `88.0–95.9 %` of two shares.
pub fn interval([low, high]: [f64; 2]) -> String {
    if !(low.is_finite() && high.is_finite()) {
        return "–".into();
    }
    format!("{}–{}", points(low), percent(high))
}

/// `60,000`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 picture`, `2 pictures`: the plural is the word with an s.
pub fn several(n: usize, word: &str) -> String {
    format!("{} {word}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `0.4 s`, `48 s`, `2 min 10 s`, `3 h 5 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let whole = seconds.round();
    match seconds {
        s if s < 0.05 => "< 0.1 s".into(),
        s if s < 9.95 => format!("{s:.1} s"),
        _ if whole < 120.0 => format!("{whole} s"),
        _ if whole < 7200.0 => format!("{} min {} s", (whole / 60.0).floor(), whole % 60.0),
        s => format!("{} h {} min", (s / 3600.0).floor(), ((s % 3600.0) / 60.0).floor()),
    }
}

/// A plain number in at most three digits, for axes and losses.
pub fn plain(v: f64) -> String {
    match v.abs() {
        _ if !v.is_finite() => "–".into(),
        0.0 => "0".into(),
        a if !(0.001..10_000.0).contains(&a) => format!("{v:.0e}"),
        a => {
            let digits = (2 - a.log10().floor() as i32).clamp(0, 4) as usize;
            let text = format!("{v:.digits$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
        }
    }
}

/// Text given by the user, at most `limit` characters (the middle goes), without control or direction characters.
pub fn shown(text: &str, limit: usize) -> Cow<'_, str> {
    let odd = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let long = text.chars().nth(limit).is_some();
    if !long && !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let clean = |c: char| if odd(c) { '\u{fffd}' } else { c };
    if !long {
        return text.chars().map(clean).collect();
    }
    let tail = limit / 2;
    let mut end: Vec<char> = text.chars().rev().take(tail).map(clean).collect();
    end.reverse();
    text.chars().take(limit - tail - 1).map(clean).chain(['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(percent(0.923), "92.3\u{202f}%");
        assert_eq!(percent(1.0), "100\u{202f}%");
        assert_eq!(percent(0.9997), "99.97\u{202f}%");
        assert_eq!(percent(0.999_999), "> 99.99\u{202f}%");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!((tick(0.2), tick(0.925)), ("20\u{202f}%".into(), "92.5\u{202f}%".into()));
        assert_eq!((rough(0.923), rough(0.999)), ("92\u{202f}%".into(), "> 99\u{202f}%".into()));
        assert_eq!(interval([0.88, 0.9594]), "88.0–95.9\u{202f}%");
        assert_eq!(interval([f64::NAN, 1.0]), "–");
        assert_eq!((count(7).as_str(), count(1234567).as_str()), ("7", "1,234,567"));
        assert_eq!((several(1, "picture"), several(2000, "picture")), ("1 picture".into(), "2,000 pictures".into()));
        assert_eq!(duration(119.7), "2 min 0 s");
        assert_eq!(
            (duration(0.001), duration(3.24), duration(7300.0)),
            ("< 0.1 s".into(), "3.2 s".into(), "2 h 1 min".into())
        );
        assert_eq!(
            (plain(0.25), plain(2.0), plain(0.0301), plain(1e-5)),
            ("0.25".into(), "2".into(), "0.0301".into(), "1e-5".into())
        );
    }

    #[test]
    fn names_are_shortened_and_tamed() {
        assert_eq!(shown("coast", 10), "coast");
        assert_eq!(shown("abcdefghijkl", 7), "abc…jkl");
        assert_eq!(shown("gpj\u{202e}.exe\n", 20), "gpj\u{fffd}.exe\u{fffd}");
        assert_eq!(shown("ÄÖÜäöü", 5).chars().count(), 5);
    }
}
