"""What other programs make of the pictures that `striate eval MODEL PICTURES --save DIR` damaged.

    python3 -m venv peers-env && peers-env/bin/pip install numpy bm3d "opencv-python-headless<5" torch pytorch-msssim
    peers-env/bin/python peers/restoration_peer.py DIR

Noise: BM3D, told the deviation (25 unless --sigma says otherwise). Holes: OpenCV's Telea and Navier-Stokes, radius 3, on 8 bits, the
known pixels put back. PSNR over all values in [0, 1], answers cut off but not rounded, means over pictures; MS-SSIM by pytorch-msssim
where a side is above 160.
"""

import argparse
from pathlib import Path

import numpy as np


def psnr(a, b):
    return -10 * np.log10(np.mean((np.clip(a, 0, 1).astype(np.float64) - b) ** 2))


def ms_ssim(a, b):
    import torch
    from pytorch_msssim import ms_ssim as similarity

    if min(a.shape[1:]) <= 160:
        return float("nan")
    tensors = [torch.from_numpy(np.clip(x, 0, 1).astype(np.float32))[None] for x in (a, b)]
    return float(similarity(*tensors, data_range=1.0))


def denoised(damaged, sigma):
    import bm3d

    answer = bm3d.bm3d(damaged[0], sigma / 255) if len(damaged) == 1 else bm3d.bm3d_rgb(damaged.transpose(1, 2, 0), sigma / 255)
    return answer[None] if answer.ndim == 2 else answer.transpose(2, 0, 1)


def filled(damaged, mask, method):
    import cv2

    flags = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}
    pixels = np.round(damaged.transpose(1, 2, 0) * 255).astype(np.uint8)
    answer = cv2.inpaint(np.ascontiguousarray(pixels.squeeze()), (mask[0] > 0).astype(np.uint8), 3, flags[method])
    answer = answer.reshape(pixels.shape).transpose(2, 0, 1) / 255
    return np.where(mask > 0, answer, damaged)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("folder", type=Path)
    args.add_argument("--sigma", type=float, default=25)
    args = args.parse_args()
    scores = {}
    for path in sorted(args.folder.rglob("*.clean.npy")):
        load = lambda what: np.load(str(path).replace(".clean.", f".{what}."))
        clean, damaged, restored = load("clean"), load("damaged"), load("restored")
        answers = {"striate": restored}
        if Path(str(path).replace(".clean.", ".mask.")).exists():
            for method in ("telea", "navier-stokes"):
                answers[method] = filled(damaged, load("mask"), method)
        else:
            answers["bm3d"] = denoised(damaged, args.sigma)
        for name, answer in answers.items():
            scores.setdefault(name, []).append((psnr(answer, clean), ms_ssim(answer, clean)))
            print(f"{path.name.removesuffix('.clean.npy')}: {name} {scores[name][-1][0]:.3f} dB", flush=True)
    for name, each in scores.items():
        mean = np.nanmean(np.array(each), axis=0)
        print(f"mean of {len(each)}: {name} {mean[0]:.3f} dB, MS-SSIM {mean[1]:.4f}")


if __name__ == "__main__":
    main()
