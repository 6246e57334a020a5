"""Builds the folders of labelled pictures that `striate bench --choice` draws from, out of public data.

    python choice_sets.py DATA OUT        # needs Pillow

DATA holds cifar10-jpeg.tar.gz, omniglot_images_background_small{1,2}.zip, membrane/, deeppcb/, gcompris5/ and MNIST in IDX
files (mnist-10000-train-*). A folder of OUT is named SOURCE.SET: sets of one source are relatives, and the prior that chooses
on one of them is learned without all of them.
"""

import gzip
import io
import random
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from PIL import Image

PER_CLASS = 200
PAIRS = [("cat", "dog"), ("bird", "airplane"), ("automobile", "truck"), ("deer", "horse"), ("frog", "ship")]
DEFECTS = {1: "open", 2: "short", 3: "mousebite", 4: "spur", 5: "copper", 6: "pinhole"}
BOARD_CROP = 64
PATCH = 64


def put(out, name, image):
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def cifar(data, out):
    pairs = {f"objects.{a}-{b}": (a, b) for a, b in PAIRS}
    taken = {}
    with tarfile.open(next(data.rglob("cifar10-jpeg.tar.gz"))) as tar:
        for member in sorted((m for m in tar if m.name.endswith(".jpg") and "test/" in m.name), key=lambda m: m.name):
            label = Path(member.name).parent.name
            taken[label] = taken.get(label, 0) + 1
            if taken[label] > PER_CLASS:
                continue
            pixels = tar.extractfile(member).read()
            sets = ["objects.cifar10"] + [name for name, pair in pairs.items() if label in pair]
            for name in sets:
                path = out / name / label / Path(member.name).name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(pixels)


def mnist(data, out):
    images = gzip.open(next(data.rglob("mnist-10000-train-images*"))).read()[16:]
    labels = gzip.open(next(data.rglob("mnist-10000-train-labels*"))).read()[8:]
    taken = {}
    for i, label in enumerate(labels):
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= PER_CLASS:
            put(out / "digits.mnist", f"{label}/{i:05}.png", Image.frombytes("L", (28, 28), images[784 * i : 784 * (i + 1)]))


def uci(data, out):
    rows = gzip.open(next(data.rglob("digits.csv.gz")), "rt").read().split()
    for i, row in enumerate(rows):
        *pixels, label = [int(float(v)) for v in row.split(",")]
        put(out / "digits.uci", f"{label}/{i:05}.png", Image.frombytes("L", (8, 8), bytes(min(255, v * 16) for v in pixels)))


def gcompris(data, out):
    shutil.copytree(next(data.rglob("gcompris5")), out / "photos.gcompris5", dirs_exist_ok=True)


def omniglot(data, out):
    drawings = {}
    for path in sorted(data.rglob("omniglot_images_background_small*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".png"):
                    _, alphabet, character, file = name.split("/")
                    drawings.setdefault(alphabet, {})[f"{character}_{file}"] = archive.read(name)
    shuffle = random.Random(1)
    for alphabet, pictures in sorted(drawings.items()):
        for name in shuffle.sample(sorted(pictures), min(PER_CLASS, len(pictures))):
            image = Image.open(io.BytesIO(pictures[name])).convert("L").resize((56, 56), Image.Resampling.BOX)
            put(out / "characters.alphabets", f"{alphabet}/{name}", image)


def membrane(data, out):
    """Patches whose middle lies on a membrane, and patches whose middle is far from one. Groups: `^(s\\d+)_`."""
    shuffle = random.Random(2)
    for path in sorted((next(data.rglob("membrane")) / "images").glob("*.png")):
        image, mask = Image.open(path).convert("L"), Image.open(path.parent.parent / "masks" / path.name).convert("L")
        inside, border, tries = 0, 0, 0
        while (inside < 10 or border < 10) and tries < 5000:
            tries += 1
            x, y = shuffle.randrange(image.width - PATCH), shuffle.randrange(image.height - PATCH)
            middle = mask.crop((x + PATCH // 2 - 8, y + PATCH // 2 - 8, x + PATCH // 2 + 8, y + PATCH // 2 + 8))
            dark = 1 - sum(v > 127 for v in middle.tobytes()) / 256  # membranes are 0 in the masks
            patch = image.crop((x, y, x + PATCH, y + PATCH))
            name = f"s{int(path.stem):02}_{tries:04}.png"
            if dark > 0.35 and border < 10:
                border += 1
                put(out / "tissue.membrane", f"membrane/{name}", patch)
            elif dark == 0 and inside < 10:
                inside += 1
                put(out / "tissue.membrane", f"inside/{name}", patch)


def boards(data, out):
    """Crops around defects, by kind; and the same places with and without the defect. Groups: `^(b\\d+)_`."""
    taken = {}
    for path in sorted(next(data.rglob("deeppcb")).glob("*_test.jpg")):
        board = path.name.split("_")[0]
        test, good = Image.open(path).convert("L"), Image.open(path.with_name(f"{board}_temp.jpg")).convert("L")
        for i, line in enumerate((path.with_name(f"{board}.txt")).read_text().splitlines()):
            x1, y1, x2, y2, kind = map(int, line.replace(",", " ").split())
            x = min(max((x1 + x2 - BOARD_CROP) // 2, 0), test.width - BOARD_CROP)
            y = min(max((y1 + y2 - BOARD_CROP) // 2, 0), test.height - BOARD_CROP)
            box, name = (x, y, x + BOARD_CROP, y + BOARD_CROP), f"b{board}_{i}.png"
            if kind not in DEFECTS:
                continue
            taken[kind] = taken.get(kind, 0) + 1
            if taken[kind] <= PER_CLASS:
                put(out / "boards.kinds", f"{DEFECTS[kind]}/{name}", test.crop(box))
            if i < 2:
                put(out / "boards.defects", f"defect/{name}", test.crop(box))
                put(out / "boards.defects", f"good/{name}", good.crop(box))


def main():
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    for build in [cifar, mnist, uci, gcompris, omniglot, membrane, boards]:
        build(data, out)
    for folder in sorted(out.iterdir()):
        print(folder.name, {c.name: sum(1 for _ in c.iterdir()) for c in sorted(folder.iterdir()) if c.is_dir()})


main()
