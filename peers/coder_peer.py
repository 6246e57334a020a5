"""What principal components and JPEG make of the crops that `striate eval MODEL PHOTOS --save DIR` sent through an autoencoder.

    python3 -m venv peers-env && peers-env/bin/pip install numpy pillow torch pytorch-msssim
    peers-env/bin/python peers/coder_peer.py DIR TRAINING_PHOTOS

Components of whole crops and of 16x16 squares, 1,024 numbers a crop in all, of 5,000 crops cut at random from the training photos at half
size, every photo as likely as it is large; JPEG by Pillow, tables of its own, the smallest file of at least 1,024 bytes (header and
tables counted), the better of colours whole and halved. PSNR over all values in [0, 1], answers cut off but not rounded, means over
crops; MS-SSIM with the scales that fit, their weights scaled to the sum 1.
"""

import argparse
import io
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim

SIDE, SQUARE, NUMBERS, CROPS = 128, 16, 1024, 5000


def psnr(a, b):
    return float(-10 * np.log10(np.mean((np.clip(a, 0, 1).astype(np.float64) - b) ** 2)))


def similarity(a, b):
    """MS-SSIM by pytorch-msssim's parts, which alone refuse what is too small for five scales."""
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    scales = next(n for n in range(5, 0, -1) if min(a.shape[1:]) > 10 * 2 ** (n - 1))
    weights = torch.tensor(weights[:scales] / weights[:scales].sum(), dtype=torch.float32)
    a, b = (torch.from_numpy(np.clip(x, 0, 1).astype(np.float32))[None] for x in (a, b))
    window = _fspecial_gauss_1d(11, 1.5).repeat(a.shape[1], 1, 1, 1)
    factors = []
    for scale in range(scales):
        whole, contrast = _ssim(a, b, 1.0, window)
        factors.append(torch.relu(whole if scale == scales - 1 else contrast) ** weights[scale])
        a, b = (torch.nn.functional.avg_pool2d(x, 2) for x in (a, b))
    return float(torch.stack(factors).prod(0).mean())


def training_crops(folder):
    photos = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
        photo = Image.open(path).convert("RGB")
        photo = photo.resize((max(photo.width // 2, 1), max(photo.height // 2, 1)), Image.Resampling.BILINEAR)
        if min(photo.size) >= SIDE:
            photos.append(np.asarray(photo))
    places = np.array([(p.shape[0] - SIDE + 1) * (p.shape[1] - SIDE + 1) for p in photos], dtype=np.float64)
    rng = np.random.default_rng(0)
    crops = np.empty((CROPS, 3, SIDE, SIDE), np.float32)
    for i, photo in enumerate(rng.choice(len(photos), CROPS, p=places / places.sum())):
        photo = photos[photo]
        top, left = rng.integers(photo.shape[0] - SIDE + 1), rng.integers(photo.shape[1] - SIDE + 1)
        crops[i] = photo[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1) / np.float32(255)
    return crops


def components(rows, count):
    """Mean and principal axes, from whichever of the two products of the rows is smaller."""
    rows = torch.from_numpy(rows)
    mean = rows.mean(0)
    rows = rows - mean
    if len(rows) < rows.shape[1]:
        values, vectors = torch.linalg.eigh(rows @ rows.T)
        axes = (rows.T @ vectors[:, -count:]) / values[-count:].clamp_min(1e-12).sqrt()
    else:
        axes = torch.linalg.eigh((rows.T @ rows).double())[1][:, -count:].float()
    return mean.numpy(), axes.numpy()


def squares(crops):
    n, side = len(crops), SIDE // SQUARE
    return crops.reshape(n, 3, side, SQUARE, side, SQUARE).transpose(0, 2, 4, 1, 3, 5).reshape(n * side * side, -1)


def of_squares(rows, n):
    side = SIDE // SQUARE
    return rows.reshape(n, side, side, 3, SQUARE, SQUARE).transpose(0, 3, 1, 4, 2, 5).reshape(n, 3, SIDE, SIDE)


def jpeg(crop):
    picture = Image.fromarray(np.round(crop.transpose(1, 2, 0) * 255).astype(np.uint8))
    answers = []
    for subsampling in (0, 2):
        for quality in range(1, 101):
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality, subsampling=subsampling, optimize=True)
            if len(file.getvalue()) >= NUMBERS:
                break
        answers.append(np.asarray(Image.open(file)).transpose(2, 0, 1) / 255)
    return max(answers, key=lambda answer: psnr(answer, crop))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("folder", type=Path)
    args.add_argument("photos", type=Path)
    args = args.parse_args()
    files = sorted(args.folder.rglob("*.clean.npy"))
    clean = np.stack([np.load(file) for file in files])
    answers = {"the autoencoder": (np.stack([np.load(str(f).replace(".clean.", ".restored.")) for f in files]), "", "")}

    start = time.perf_counter()
    train = training_crops(args.photos)
    print(f"{len(train)} training crops read in {time.perf_counter() - start:.0f} s")
    for name, cut, back, count in (
        ("components of whole crops", lambda x: x.reshape(len(x), -1), lambda x, n: x.reshape(n, 3, SIDE, SIDE), NUMBERS),
        ("components of 16x16 squares", squares, of_squares, NUMBERS // (SIDE // SQUARE) ** 2),
    ):
        start = time.perf_counter()
        mean, axes = components(cut(train)[: 200_000], count)
        seconds = time.perf_counter() - start
        answer = back(((cut(clean) - mean) @ axes) @ axes.T + mean, len(clean))
        answers[name] = (answer, axes.size + mean.size, f"{seconds:.0f} s")
    answers["JPEG"] = (np.stack([jpeg(crop) for crop in clean]), "", "")

    print(f"{len(clean)} crops\n| way | PSNR, dB | MS-SSIM | numbers learned | time to learn |\n|---|---|---|---|---|")
    for name, (answer, numbers, seconds) in answers.items():
        ratio = np.mean([psnr(a, b) for a, b in zip(answer, clean)])
        alike = np.mean([similarity(a, b) for a, b in zip(answer, clean)])
        print(f"| {name} | {ratio:.2f} | {alike:.4f} | {numbers} | {seconds} |", flush=True)


main()
