"""The recipe cifar10-resnet20 in PyTorch, on a folder of pictures: `python torch_recipe.py FOLDER EPOCHS [SEED]`.

FOLDER has train/ and test/ with a folder for each class. The same net (shortcuts without parameters), first weights, share of
the pictures kept for validation, batch, shift and flip, SGD with Nesterov momentum, decay that spares norms and biases, and
one cycle of the learning rate. Prints the seconds of each epoch and the accuracy on the test pictures.
"""
import math, sys, time
from pathlib import Path
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

torch.set_num_threads(2)
folder, epochs, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0
torch.manual_seed(seed)
PEAK, BATCH, RISE, DIVIDE, SHIFT = 0.2, 128, 0.25, 25.0, 2.0


def load(split):
    classes = sorted(p.name for p in (folder / split).iterdir())
    files = [(f, k) for k, name in enumerate(classes) for f in sorted((folder / split / name).iterdir())]
    x = np.stack([np.asarray(Image.open(f).convert("RGB")) for f, _ in files])
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(), torch.tensor([k for _, k in files])


def prepared(x):
    return ((x.float() / 255 - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)


def augmented(x):
    n, _, h, w = x.shape
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta[:, 1, 1] = 1
    pixels = ((torch.rand(n, 2) * 2 - 1) * SHIFT).round()
    theta[:, :, 2] = pixels * 2 / torch.tensor([w, h])
    grid = F.affine_grid(theta, x.shape, align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out)
        self.stride, self.zeros = stride, c_out - c_in

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        around = x[:, :, :: self.stride, :: self.stride]
        return F.relu(y + F.pad(around, (0, 0, 0, 0, self.zeros // 2, self.zeros - self.zeros // 2)))


class ResNet20(nn.Sequential):
    def __init__(self):
        stage = lambda c_in, c, stride: [Block(c_in, c, stride), Block(c, c, 1), Block(c, c, 1)]
        stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
        super().__init__(*stem, *stage(16, 16, 1), *stage(16, 32, 2), *stage(32, 64, 2), *head)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_uniform_(m.weight, nonlinearity="relu")
            if isinstance(m, nn.Linear):
                nn.init.uniform_(m.weight, -1 / m.in_features**0.5, 1 / m.in_features**0.5)
                nn.init.zeros_(m.bias)


def lr(step, total):
    fall = lambda a, b, at: b + (a - b) * 0.5 * (1 + math.cos(math.pi * min(at, 1)))
    top = RISE * total
    return fall(PEAK / DIVIDE, PEAK, step / top) if step < top else fall(PEAK, PEAK / DIVIDE / 1e4, (step - top) / (total - top))


(x, y), (test_x, test_y) = load("train"), load("test")
keep = torch.randperm(len(x))[: len(x) * 98 // 100]
net = ResNet20().to(memory_format=torch.channels_last)
weights = [p for p in net.parameters() if p.dim() > 1]
others = [p for p in net.parameters() if p.dim() <= 1]
groups = [{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
sgd = torch.optim.SGD(groups, lr=PEAK, momentum=0.9, nesterov=True)
steps = len(keep) // BATCH
for epoch in range(epochs):
    start, order = time.perf_counter(), keep[torch.randperm(len(keep))]
    net.train()
    for i in range(steps):
        for group in sgd.param_groups:
            group["lr"] = lr(epoch * steps + i, steps * epochs)
        rows = order[i * BATCH : (i + 1) * BATCH]
        loss = F.cross_entropy(net(augmented(prepared(x[rows]))), y[rows])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    seconds = time.perf_counter() - start
    net.eval()
    with torch.no_grad():
        right = sum((net(prepared(test_x[i : i + 500])).argmax(1) == test_y[i : i + 500]).sum().item() for i in range(0, len(test_x), 500))
    print(f"epoch {epoch + 1} seconds {seconds:.1f} accuracy {right / len(test_x):.4f}", flush=True)
