"""Layers of a net in training as files for the kernels' test `real_layers`: `python layers.py MODEL.safetensors FOLDER OUT`.

MODEL is a resnet20 of ours, FOLDER has train/ with a folder for each class. One batch of 16 pictures goes forward and backward in
f64; of each convolution OUT gets a file: a line `n h w c_in c_out k stride pad`, then as f32 the input [N, H, W, C_in], the weight
[C_out, C_in, K, K] and the gradient of the output [N, H, W, C_out]. needs: numpy torch pillow safetensors
"""
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

weights = {name: value.double().requires_grad_() for name, value in load_file(sys.argv[1]).items() if not name.startswith("_")}
folder, out = Path(sys.argv[2]) / "train", Path(sys.argv[3])
out.mkdir(parents=True, exist_ok=True)
kept = []


def conv(x, name, stride=1):
    weight = weights[f"{name}.weight"]
    y = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
    y.retain_grad()
    kept.append((name, x, weight, y, stride))
    return y


def norm(x, name):
    return F.batch_norm(x, None, None, weights[f"{name}.weight"], weights[f"{name}.bias"], training=True)


def block(x, name, stride):
    y = F.relu(norm(conv(x, f"{name}.conv1", stride), f"{name}.bn1"))
    y = norm(conv(y, f"{name}.conv2"), f"{name}.bn2")
    around, more = x[:, :, ::stride, ::stride], y.shape[1] - x.shape[1]
    return F.relu(y + F.pad(around, (0, 0, 0, 0, more // 2, more - more // 2)))


classes = sorted(p.name for p in folder.iterdir())
files = [(sorted((folder / name).iterdir())[i], k) for i in range(2) for k, name in enumerate(classes)][:16]
pixels = np.stack([np.asarray(Image.open(f).convert("RGB"), np.float64) for f, _ in files])
x = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
x = F.relu(norm(conv(x, "conv1"), "bn1"))
for stage, stride in [("layer1", 1), ("layer2", 2), ("layer3", 2)]:
    for i in range(3):
        x = block(x, f"{stage}.{i}", stride if i == 0 else 1)
logits = x.mean((2, 3)) @ weights["fc.weight"].T + weights["fc.bias"]
F.cross_entropy(logits, torch.tensor([k for _, k in files])).backward()

for i, (name, x, weight, y, stride) in enumerate(kept):
    n, c_in, h, w = x.shape
    rows = lambda t: t.detach().permute(0, 2, 3, 1).contiguous()
    with open(out / f"{i:02}-{name}.layer", "wb") as f:
        f.write(f"{n} {h} {w} {c_in} {weight.shape[0]} {weight.shape[2]} {stride} {weight.shape[2] // 2}\n".encode())
        for part in (rows(x), weight.detach(), rows(y.grad)):
            f.write(part.float().numpy().tobytes())
