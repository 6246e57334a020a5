//! The kind of a file by its first bytes, and what to do about kinds that are known and not read.

use super::PictureError;

/// Kinds that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
}

struct Foreign {
    offset: usize,
    magic: &'static [u8],
    kind: &'static str,
    advice: &'static str,
}

const fn foreign(offset: usize, magic: &'static [u8], kind: &'static str, advice: &'static str) -> Foreign {
    Foreign { offset, magic, kind, advice }
}

const EXPORT: &str = "export it as PNG or TIFF from the program that made it";
const CONVERT: &str = "convert it to PNG, for example with ImageMagick: magick FILE FILE.png";
const HEIF: &str = "export it as JPEG from your photo program, or convert it: heif-convert FILE FILE.png";
const RAW: &str = "develop it to TIFF or JPEG with your raw converter (darktable, RawTherapee, the camera's own)";
const FRAMES: &str = "extract frames as pictures: ffmpeg -i FILE frame%04d.png";
const UNPACK: &str = "unpack it and give the folder";

/// Checked in order, so the longer of two magics that share a beginning stands first.
const FOREIGN: &[Foreign] = &[
    foreign(0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", "convert it to PNG: djxl FILE FILE.png"),
    foreign(0, b"\xff\x0a", "a JPEG XL picture", "convert it to PNG: djxl FILE FILE.png"),
    foreign(0, b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", CONVERT),
    foreign(0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture", CONVERT),
    foreign(0, b"8BPS", "a Photoshop document (PSD)", "export it as PNG or TIFF from Photoshop, GIMP or Krita"),
    foreign(0, b"gimp xcf", "a GIMP document (XCF)", "export it as PNG or TIFF from GIMP"),
    foreign(0, b"%PDF-", "a PDF document", "turn its pages into pictures: pdftoppm -png FILE page"),
    foreign(0, b"%!PS", "a PostScript document", CONVERT),
    foreign(128, b"DICM", "a DICOM file", "export its pictures as 16-bit PNG or TIFF from your DICOM viewer"),
    foreign(0, b"II*\0\x10\0\0\0CR", "a camera raw file", RAW),
    foreign(0, b"IIRO", "a camera raw file", RAW),
    foreign(0, b"IIRS", "a camera raw file", RAW),
    foreign(0, b"MMOR", "a camera raw file", RAW),
    foreign(0, b"IIU\0", "a camera raw file", RAW),
    foreign(0, b"FUJIFILMCCD-RAW", "a camera raw file", RAW),
    foreign(0, b"FOVb", "a camera raw file", RAW),
    foreign(0, b"\0MRM", "a camera raw file", RAW),
    foreign(0, b"II\x1a\0\0\0HEAPCCDR", "a camera raw file", RAW),
    foreign(0, b"II\xbc", "a JPEG XR picture", CONVERT),
    foreign(0, b"\x76\x2f\x31\x01", "an OpenEXR picture", "save it as 32-bit float TIFF"),
    foreign(0, b"#?RADIANCE", "a Radiance HDR picture", "save it as 32-bit float TIFF"),
    foreign(0, b"SIMPLE  =", "a FITS file", "export it as 16-bit or 32-bit float TIFF"),
    foreign(0, b"ZISRAWFILE", "a Zeiss CZI file", "export its pictures as TIFF from ZEN or Fiji"),
    foreign(0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", EXPORT),
    foreign(0, b"\x93NUMPY", "a NumPy array", "save its pictures as PNG or TIFF"),
    foreign(0, b"DDS ", "a DDS texture", CONVERT),
    foreign(0, b"qoif", "a QOI picture", CONVERT),
    foreign(0, b"\0\0\x01\0", "an icon file (ICO)", CONVERT),
    foreign(0, b"AT&TFORM", "a DjVu document", "turn its pages into pictures: ddjvu -format=tiff FILE FILE.tif"),
    foreign(0, b"\xd7\xcd\xc6\x9a", "a Windows metafile", CONVERT),
    foreign(0, b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)", FRAMES),
    foreign(0, b"\0\0\x01\xba", "a video (MPEG)", FRAMES),
    foreign(0, b"\0\0\x01\xb3", "a video (MPEG)", FRAMES),
    foreign(0, b"FLV\x01", "a video (Flash)", FRAMES),
    foreign(0, b"OggS", "a video or sound (Ogg)", FRAMES),
    foreign(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video (Windows Media)", FRAMES),
    foreign(8, b"AVI ", "a video (AVI)", FRAMES),
    foreign(0, b"PK\x03\x04", "a ZIP archive", UNPACK),
    foreign(0, b"\x1f\x8b", "a gzip archive", UNPACK),
    foreign(0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    foreign(0, b"Rar!", "a RAR archive", UNPACK),
    foreign(257, b"ustar", "a tar archive", UNPACK),
];

fn unreadable(kind: &'static str, advice: &'static str) -> PictureError {
    PictureError::Unreadable { kind, advice }
}

/// A file of the camera-raw family, found to be one by its TIFF tags.
pub(super) fn camera_raw() -> PictureError {
    unreadable("a camera raw file", RAW)
}

/// Tells the kind; a few hundred first bytes suffice.
pub(super) fn kind(bytes: &[u8]) -> Result<Kind, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
    for f in FOREIGN {
        if at(f.offset, f.magic) {
            return Err(unreadable(f.kind, f.advice));
        }
    }
    if at(4, b"ftyp") {
        return Err(boxed(bytes));
    }
    let readable = [
        (0, b"\xff\xd8\xff".as_slice(), Kind::Jpeg),
        (0, b"\x89PNG\r\n\x1a\n", Kind::Png),
        (8, b"WEBP", Kind::WebP),
        (0, b"GIF87a", Kind::Gif),
        (0, b"GIF89a", Kind::Gif),
        (0, b"II*\0", Kind::Tiff),
        (0, b"MM\0*", Kind::Tiff),
        (0, b"II+\0", Kind::Tiff),
        (0, b"MM\0+", Kind::Tiff),
    ];
    // Two letters are a weak sign, so the length of the second header must be one that exists.
    if at(0, b"BM") && bytes.get(14).is_none_or(|b| [12, 16, 40, 52, 56, 64, 108, 124].contains(b)) {
        return Ok(Kind::Bmp);
    }
    if let Some((.., kind)) = readable.iter().find(|(offset, magic, _)| at(*offset, magic)) {
        return Ok(*kind);
    }
    Err(text(bytes))
}

/// Files of the ISO base media family: HEIC, AVIF, raw, videos.
fn boxed(bytes: &[u8]) -> PictureError {
    let size = bytes.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b) as usize);
    let brands = bytes.get(8..size.min(bytes.len())).unwrap_or_default();
    let has = |names: &[&[u8]]| brands.chunks_exact(4).any(|b| names.contains(&b));
    if has(&[b"avif", b"avis"]) {
        unreadable("an AVIF picture", "convert it to PNG: avifdec FILE FILE.png")
    } else if has(&[b"crx "]) {
        camera_raw()
    } else if has(&[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"]) {
        unreadable("a HEIC picture", HEIF)
    } else {
        unreadable("a video (MP4 or QuickTime)", FRAMES)
    }
}

/// Files of text: SVG, the portable formats, web pages.
fn text(bytes: &[u8]) -> PictureError {
    let head = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes)).to_ascii_lowercase();
    if head.contains("<svg") {
        unreadable("an SVG drawing", "turn it into pixels: rsvg-convert FILE -o FILE.png")
    } else if head.contains("<!doctype html") || head.contains("<html") {
        unreadable("a web page", "download the picture itself")
    } else if matches!(bytes, [b'P', b'1'..=b'7', b' ' | b'\t' | b'\n' | b'\r', ..]) {
        unreadable("a portable pixmap (PBM, PGM, PPM)", CONVERT)
    } else {
        PictureError::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(bytes: &[u8]) -> String {
        kind(bytes).map(|k| format!("{k:?}")).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn foreign_kinds_are_named_with_what_to_do() {
        let heic = says(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
        assert!(heic.starts_with("is a HEIC picture, which is not read; export"), "{heic}");
        assert!(says(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif").contains("AVIF"));
        assert!(says(b"\0\0\0\x14ftypisom\0\0\0\0mp42").contains("video"));
        assert!(says(b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom").contains("raw"));
        assert!(says(b"<?xml version='1.0'?>\n<!-- a --><SVG width='3'>").contains("SVG"));
        assert!(says(b"P5 3 3 255\nabcdefghi").contains("portable"));
        assert!(says(&[&[0; 128], b"DICM".as_slice()].concat()).contains("DICOM"));
        for f in FOREIGN {
            let bytes = [&vec![0x55; f.offset], f.magic].concat();
            assert!(says(&bytes).contains(f.kind), "{}: {}", f.kind, says(&bytes));
        }
    }

    #[test]
    fn readable_kinds_and_the_rest() {
        assert_eq!(says(b"II*\0\x08\0\0\0"), "Tiff");
        assert_eq!(says(b"RIFF\0\0\0\0WEBPVP8 "), "WebP");
        assert!(says(b"").contains("empty"));
        assert!(says(b"BMW,car\nVolvo,car\nSaab,car\n").contains("not a picture"));
        assert!(says(b"path,label\na.png,cat\n").contains("not a picture"));
        assert!(says(b"\0\0\0\x01ftyp").contains("video"), "a lying box size must not panic");
    }
}
