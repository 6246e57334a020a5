//! Pictures that must be refused: each with a message that says what and what to do, none with a panic or much memory.
//! The files are made by `fixtures/bad.py`.

use std::path::{Path, PathBuf};

use striate_data::decode::{Limits, Note, decode, read};
use striate_kernels::rng::Key;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder(name)).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    files
}

/// What the message about each file must hold.
const SAID: &[(&str, &str)] = &[
    ("empty.png", "is empty"),
    ("huge.png", "claims 60000x60000 pixels, more than the limit"),
    ("huge.bmp", "claims 2147483647x2147483647 pixels"),
    ("huge.gif", "claims 65535x65535 pixels"),
    ("huge.webp", "WebP"),
    ("huge.jpg", "claims 60000x60000 pixels"),
    ("huge.tif", "claims 60000x60000 pixels"),
    ("lying.png", "which its"),
    ("lying.bmp", "which its"),
    ("lying.gif", "which its"),
    ("lying.jpg", "which its"),
    ("lying.tif", "which its"),
    ("many_channels.tif", "TIFF"),
    ("huge_tile.tif", "tiles of 2147483648x2147483648"),
    ("no_width.png", "holds no picture"),
    ("no_height.bmp", "holds no picture"),
    ("profile_bomb.png", "decoded"), // the profile is ignored, whatever it would unpack to
    ("cut_rgb8.png", "damaged PNG"),
    ("cut_444.jpg", "it is cut"),
    ("cut_progressive.jpg", "it is cut"),
    ("cut_still.gif", "damaged GIF"),
    ("cut_lossless.webp", "damaged WebP"),
    ("cut_lossy.webp", "damaged WebP"),
    ("cut_rgb.bmp", "damaged BMP"),
    ("cut_rgb_lzw.tif", "it is cut"),
    ("cut_data.tif", "it is cut"),
    ("not_finite.tif", "holds 2 values that are NaN or infinite"),
    ("too_wide_for_floats.tif", "holds 234 values that are NaN or infinite"),
    ("heic_called.jpg", "is a HEIC picture, which is not read; export it as JPEG"),
    ("drawing.svg", "an SVG drawing"),
    ("document.pdf", "a PDF document"),
    ("text_called.png", "not a picture of a known kind; give JPEG"),
    ("web_page_called.jpg", "a web page"),
    ("raw.dng", "a camera raw file"),
    ("bits12.tif", "form that is not read"),
    ("bits5.tif", "1 channels of 5 bits"),
    ("arithmetic.jpg", "form that is not read"),
    ("lossless.jpg", "form that is not read"),
    ("zstd.tif", "form that is not read"),
];

#[test]
fn bad_pictures_are_refused_with_what_to_do() {
    let mut wrong = Vec::new();
    for path in files("tests/bad/pictures") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let said = match read(&path, &Limits::default()) {
            Ok(decoded) => format!("decoded, with {:?}", decoded.notes),
            Err(error) => error.to_string(),
        };
        let wanted = SAID.iter().find(|(file, _)| *file == name).map(|(_, want)| *want);
        let told = |want: &str| said.contains(want) && (want.contains("decoded") || said.contains(';'));
        if !wanted.is_some_and(told) {
            wrong.push(format!("{name}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    // Linux tells the largest memory this process has ever held.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let line = status.lines().find(|l| l.starts_with("VmHWM")).expect("VmHWM");
        let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        assert!(kib < 100 << 10, "bad pictures cost {} MiB", kib >> 10);
    }
}

#[test]
fn what_is_not_a_file_is_refused_without_waiting() {
    let temporary = tempfile::tempdir().expect("a folder");
    let said = |path: &Path| read(path, &Limits::default()).expect_err("refused").to_string();
    assert_eq!(said(temporary.path()), "is a folder, not a file; give a picture file");
    assert!(said(&temporary.path().join("absent.png")).contains("check that it is there"));
    let fifo = temporary.path().join("fifo.png");
    if std::process::Command::new("mkfifo").arg(&fifo).status().is_ok_and(|s| s.success()) {
        assert!(said(&fifo).contains("a pipe, socket or device"));
    }
    if Path::new("/dev/zero").exists() {
        assert!(said(Path::new("/dev/zero")).contains("a pipe, socket or device"));
    }
    let sparse = temporary.path().join("sparse.png");
    std::fs::File::create(&sparse).and_then(|f| f.set_len(1 << 40)).expect("a sparse file");
    assert!(said(&sparse).contains("has 1099511627776 bytes, more than the limit"));
}

#[test]
fn limits_hold() {
    let bytes = std::fs::read(folder("fixtures/decode/rgb8.png")).expect("fixture");
    let said = |limits| decode(&bytes, &limits).map(|_| ()).map_err(|e| e.to_string());
    assert!(said(Limits { max_bytes: 100, ..Limits::default() }).expect_err("too long").contains("limit of 100"));
    assert!(said(Limits { max_pixels: 233, ..Limits::default() }).expect_err("too large").contains("18x13"));
    said(Limits { max_pixels: 234, ..Limits::default() }).expect("just fits");
}

#[test]
fn a_faulty_jpeg_with_its_end_is_decoded_and_noted() {
    let mut bytes = std::fs::read(folder("fixtures/decode/444.jpg")).expect("fixture");
    bytes.splice(20..20, *b"strayed"); // between the JFIF header and the next
    let decoded = decode(&bytes, &Limits::default()).expect("as far as it goes");
    assert_eq!(decoded.notes, [Note::Mended]);
}

#[test]
fn every_cut_and_every_changed_byte_is_survived() {
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20 };
    let mut whole_although_cut = Vec::new();
    for path in files("fixtures/decode") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let several = name.contains("animated") || name.contains("pages");
        let bytes = std::fs::read(&path).expect("fixture");
        for cut in (0..bytes.len()).step_by(bytes.len() / 97 + 1) {
            // The first of several frames or pages may be whole.
            if decode(&bytes[..cut], &limits).is_ok() && cut < bytes.len() * 2 / 3 && !several {
                whole_although_cut.push(format!("{name} at {cut} of {}", bytes.len()));
            }
        }
        let mut stream = Key::new(1).with_name(&name).stream();
        for _ in 0..200 {
            let mut changed = bytes.clone();
            for _ in 0..1 + stream.below(3) {
                changed[stream.below(bytes.len())] = stream.next_u64() as u8;
            }
            if let Ok(decoded) = decode(&changed, &limits) {
                assert!(decoded.picture.height * decoded.picture.width <= 1 << 20);
            }
        }
    }
    assert!(whole_although_cut.is_empty(), "{whole_although_cut:?}");
}
