"""scikit-image, OpenCV and scikit-learn on the sizes of `cargo bench -p striate-vision`: name, median, least and most ms.

usage: vision_peer.py [WORK ...] [--runs 9] [--threads 2] [--rows FILE.npy]
needs: numpy scikit-image scikit-learn threadpoolctl "opencv-python-headless<5" (5 has no HOGDescriptor)
"""
import argparse
import time

import cv2
import numpy as np
from skimage import feature, filters
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits


def gaussian_works(rng):
    x = rng.random((3000, 4000), dtype=np.float32)
    y, dx, dy = np.empty_like(x), np.empty_like(x), np.empty_like(x)

    def sobel():
        cv2.Sobel(x, cv2.CV_32F, 1, 0, dst=dx, borderType=cv2.BORDER_REFLECT)
        cv2.Sobel(x, cv2.CV_32F, 0, 1, dst=dy, borderType=cv2.BORDER_REFLECT)
        cv2.magnitude(dx, dy, y)

    return {
        "gaussian.opencv": lambda: cv2.GaussianBlur(x, (17, 17), 2, dst=y, borderType=cv2.BORDER_REFLECT),
        "gaussian.skimage": lambda: filters.gaussian(x, 2, mode="reflect", truncate=4),
        "sobel.opencv": sobel,
        "sobel.skimage": lambda: filters.sobel(x),
    }


def hog_works(rng):
    x = rng.integers(0, 256, (1024, 1024), dtype=np.uint8)
    descriptor = cv2.HOGDescriptor((1024, 1024), (16, 16), (8, 8), (8, 8), 9)
    return {
        "hog.opencv": lambda: descriptor.compute(x),
        "hog.skimage": lambda: feature.hog(x, 9, (8, 8), (2, 2)),
    }


def pca_works(rng, rows):
    x = np.load(rows).astype(np.float32) if rows else rng.random((70_000, 784), dtype=np.float32)
    fitted = PCA(154, svd_solver="covariance_eigh").fit(x[:2000])
    fit = lambda solver: lambda: PCA(154, svd_solver=solver, random_state=0).fit(x)
    return {
        "pca.sklearn": fit("covariance_eigh"),
        "pca-randomised.sklearn": fit("randomized"),
        "pca-transform.sklearn": lambda: fitted.transform(x),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("works", nargs="*")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows")
    args = parser.parse_args()
    cv2.setNumThreads(args.threads)
    rng = np.random.default_rng(0)
    with threadpool_limits(args.threads):
        for works in [gaussian_works, hog_works, lambda rng: pca_works(rng, args.rows)]:
            for name, work in works(rng).items():
                if args.works and name not in args.works and name.split(".")[0] not in args.works:
                    continue
                work()
                times = []
                for _ in range(args.runs):
                    start = time.perf_counter()
                    work()
                    times.append((time.perf_counter() - start) * 1e3)
                times.sort()
                print(name, *(f"{t:.2f}" for t in (times[args.runs // 2], times[0], times[-1])), flush=True)


main()
