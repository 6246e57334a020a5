//! The first directory of a TIFF, read for what a decoder does not say: camera raw, and palette pictures.

/// Tag numbers of TIFF 6, EXIF and DNG.
pub(super) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const PHOTOMETRIC: u16 = 262;
    pub const MAKE: u16 = 271;
    pub const SUB_IFDS: u16 = 330;
    pub const DNG_VERSION: u16 = 50_706;
}

/// Values of `tag::PHOTOMETRIC`.
pub(super) mod photometric {
    pub const BLACK_IS_ZERO: u16 = 1;
    pub const PALETTE: u16 = 3;
    pub const COLOUR_FILTER_ARRAY: u16 = 32_803;
    pub const LINEAR_RAW: u16 = 34_892;
}

/// A tag, its first value as a short, and where in the file that value stands.
struct Entry {
    tag: u16,
    short: u16,
    at: usize,
}

/// Tags of the first directory with one short value each; longer values read as their first half.
pub(super) struct Directory {
    entries: Vec<Entry>,
    big_endian: bool,
}

impl Directory {
    /// `None` where the directory lies outside the file.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let big_endian = bytes.first()? == &b'M';
        let short = |at: usize| {
            let two = *bytes.get(at..)?.first_chunk::<2>()?;
            Some(if big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
        };
        let long = |at: usize| {
            let four = *bytes.get(at..)?.first_chunk::<4>()?;
            Some(if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) } as usize)
        };
        let big_tiff = short(2)? == 43;
        // A BigTIFF beyond 4 GiB is beyond every limit, so the low half of its offset suffices.
        let low = if big_endian { 4 } else { 0 };
        let offset = if big_tiff { long(8 + low)? } else { long(4)? };
        let count = usize::from(if big_tiff && big_endian { short(offset.checked_add(6)?)? } else { short(offset)? });
        let (first, step, value) = if big_tiff { (8, 20, 12) } else { (2, 12, 8) };
        let mut entries = Vec::new();
        for i in 0..count {
            let entry = offset.checked_add(first + i * step)?;
            let at = entry + value;
            entries.push(Entry { tag: short(entry)?, short: short(at)?, at });
        }
        Some(Self { entries, big_endian })
    }

    /// First value of a tag that holds shorts.
    pub(super) fn short(&self, tag: u16) -> Option<u16> {
        self.entries.iter().find(|e| e.tag == tag).map(|e| e.short)
    }

    /// Whether this is a camera raw file: DNG, or a preview in front of sensor data.
    pub(super) fn is_camera_raw(&self) -> bool {
        let preview = self.short(tag::NEW_SUBFILE_TYPE).is_some_and(|t| t & 1 == 1);
        let sensor = [Some(photometric::COLOUR_FILTER_ARRAY), Some(photometric::LINEAR_RAW)];
        self.short(tag::DNG_VERSION).is_some()
            || sensor.contains(&self.short(tag::PHOTOMETRIC))
            || (preview && self.short(tag::SUB_IFDS).is_some() && self.short(tag::MAKE).is_some())
    }

    /// A copy of the file in which a palette picture calls itself gray, so that its indices can be read.
    pub(super) fn indices_as_gray(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let entry = self.entries.iter().find(|e| e.tag == tag::PHOTOMETRIC && e.short == photometric::PALETTE)?;
        let gray = photometric::BLACK_IS_ZERO;
        let value = if self.big_endian { gray.to_be_bytes() } else { gray.to_le_bytes() };
        let mut copy = bytes.to_vec();
        copy.get_mut(entry.at..entry.at + 2)?.copy_from_slice(&value);
        Some(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_lies() {
        let dng = b"II*\0\x08\0\0\0\x01\0\x12\xc6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0";
        assert!(Directory::read(dng).is_some_and(|d| d.is_camera_raw()));
        let palette = b"MM\0*\0\0\0\x08\0\x01\x01\x06\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0";
        let directory = Directory::read(palette).expect("a directory");
        assert_eq!(directory.short(tag::PHOTOMETRIC), Some(photometric::PALETTE));
        let gray = directory.indices_as_gray(palette).expect("a copy");
        assert_eq!(Directory::read(&gray).and_then(|d| d.short(tag::PHOTOMETRIC)), Some(1));
        assert!(Directory::read(b"II*\0\xff\xff\xff\xff").is_none());
        assert!(Directory::read(b"II*\0\x08\0\0\0\xff\xff\0\0").is_none(), "65535 tags that are not there");
        assert!(Directory::read(b"MM\0+\0\x08\0\0\xff\xff\xff\xff\xff\xff\xff\xff").is_none());
    }
}
