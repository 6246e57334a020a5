//! Where a picture's file comes from: its length, its date, its camera.

use std::io::Cursor;

use exif::{DateTime, Exif, In, Reader, Tag, Value};

/// A TIFF is its own EXIF block, and reading that copies it: longer ones are not asked.
const MOST_BYTES: usize = 64 << 20;
/// Characters kept of a camera's name.
const MOST_CHARACTERS: usize = 64;

/// What the file of a picture says beside the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Length of the file.
    pub bytes: u64,
    /// When the file was last written, in seconds since 1970, where the system tells.
    pub modified: Option<i64>,
    /// When the picture was taken (EXIF DateTimeOriginal), in seconds since 1970 by the camera's clock.
    pub taken: Option<i64>,
    /// Maker and model of the camera (EXIF Make and Model).
    pub camera: Option<String>,
}

impl Origin {
    /// Of a file with these contents. A damaged or absent EXIF block is no EXIF block.
    pub fn of(bytes: &[u8], modified: Option<i64>) -> Self {
        let block =
            (bytes.len() <= MOST_BYTES).then(|| Reader::new().read_from_container(&mut Cursor::new(bytes)).ok());
        let block = block.flatten();
        Self {
            bytes: bytes.len() as u64,
            modified,
            taken: block.as_ref().and_then(taken),
            camera: block.as_ref().and_then(camera),
        }
    }
}

fn text(block: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(lines) = &block.get_field(tag, In::PRIMARY)?.value else { return None };
    let text = String::from_utf8_lossy(lines.first()?).trim_matches(['\0', ' ']).to_string();
    (!text.is_empty()).then(|| text.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect())
}

fn camera(block: &Exif) -> Option<String> {
    match (text(block, Tag::Make), text(block, Tag::Model)) {
        (Some(make), Some(model)) if !model.starts_with(&make) => Some(format!("{make} {model}")),
        (make, model) => model.or(make),
    }
}

fn taken(block: &Exif) -> Option<i64> {
    let date = DateTime::from_ascii(text(block, Tag::DateTimeOriginal)?.as_bytes()).ok()?;
    let DateTime { year, month, day, hour, minute, second, .. } = date;
    let in_range = year >= 1900 && (1..=12).contains(&month) && (1..=31).contains(&day);
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    in_range.then(|| days(year.into(), month.into(), day.into()) * 86_400 + seconds)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: years begin in March, so that the leap day ends one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12; // March is 0
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG that begins with an EXIF block of a make, a model and a date, and holds no picture.
    fn with_exif(make: &str, model: &str, date: &str) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
        let mut data = Vec::new();
        let start = 8 + 2 + 3 * 12 + 4 + 2 + 12 + 4; // two directories
        let mut ascii = |tag: u16, text: &str| {
            let mut entry = [tag.to_le_bytes(), 2_u16.to_le_bytes()].concat();
            entry.extend((text.len() as u32 + 1).to_le_bytes());
            entry.extend(((start + data.len()) as u32).to_le_bytes());
            data.extend([text.as_bytes(), b"\0"].concat());
            entry
        };
        let fields = [ascii(0x010F, make), ascii(0x0110, model), ascii(0x9003, date)];
        tiff.extend(fields[0].iter().chain(&fields[1]));
        tiff.extend([0x69, 0x87, 4, 0, 1, 0, 0, 0, 50, 0, 0, 0]); // the second directory, at byte 50
        tiff.extend([0; 4]);
        tiff.extend([1, 0]);
        tiff.extend(&fields[2]);
        tiff.extend([0; 4]);
        tiff.extend(data);
        let length = (tiff.len() + 8) as u16;
        [b"\xff\xd8\xff\xe1", length.to_be_bytes().as_slice(), b"Exif\0\0", &tiff, b"\xff\xd9"].concat()
    }

    #[test]
    fn camera_and_date_are_read() {
        let of = |make: &str, model: &str| Origin::of(&with_exif(make, model, "2016:02:29 12:00:01"), Some(7));
        let found = of("Acme", "X1 longer than four");
        assert_eq!(found.camera.as_deref(), Some("Acme X1 longer than four"));
        assert_eq!((found.taken, found.modified), (Some(1_456_747_201), Some(7)));
        assert_eq!(of("Acme", "Acme X1, the same").camera.as_deref(), Some("Acme X1, the same"));
    }

    #[test]
    fn what_is_no_exif_says_nothing() {
        for bytes in
            [b"".as_slice(), b"\xff\xd8\xff\xe1\x00\x09Exif\0\0", b"II*\0\xff\xff\xff\xff", b"\x89PNG\r\n\x1a\n"]
        {
            assert_eq!(Origin::of(bytes, None), Origin { bytes: bytes.len() as u64, ..Origin::default() });
        }
        assert_eq!(Origin::of(&with_exif("long enough", "long enough", "    :  :     :  :  "), None).taken, None);
        let whole = with_exif("long enough", "long enough", "2016:02:29 12:00:01");
        for end in 0..whole.len() {
            let _ = Origin::of(&whole[..end], None); // either answer will do
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!([days(1970, 1, 1), days(2000, 3, 1), days(1969, 12, 31)], [0, 11_017, -1]);
    }
}
