"""diffusers: an unconditional DDPM on MNIST 28x28, timed in training and in sampling.

Measured: training images per second of UNet2DModel with DDPMScheduler (1000 steps, noise
prediction, mean squared error, AdamW 1e-4, batch 64, float32, gradients clipped at 1 as in the
library's own training example), after `--warmup` untimed steps; and seconds to sample a batch of 64
images, timed over `--sample-steps` denoising steps and extrapolated to all 1000.  The U-net has
three levels of 32, 64 and 64 channels, one residual layer each, attention at the lowest: 1 112 801
parameters.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DModel, __version__

from peer_common import Clock, arguments, mnist, report, save_images

BATCH = 64


def make_unet(channels: tuple[int, ...], layers: int) -> UNet2DModel:
    """A plain U-net: convolutional levels, the lowest one with attention."""
    plain = len(channels) - 1
    return UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        layers_per_block=layers,
        block_out_channels=channels,
        down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * plain,
    )


@torch.no_grad()
def denoise(unet: UNet2DModel, scheduler: DDPMScheduler, images: torch.Tensor, steps: int) -> torch.Tensor:
    """The loop of DDPMPipeline, from noise, for the first `steps` of the scheduler's timesteps."""
    for t in scheduler.timesteps[:steps]:
        images = scheduler.step(unet(images, t).sample, t, images).prev_sample
    return images


def main() -> None:
    parser = arguments(__doc__, seconds=60)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--channels", type=int, nargs="+", default=[32, 64, 64])
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--sample-steps", type=int, default=20, help="denoising steps to time (0: none)")
    parser.add_argument("--inference-steps", type=int, default=1000, help="denoising steps for --samples-out")
    parser.add_argument("--save", help="save the trained U-net in this folder")
    parser.add_argument("--load", help="start from the U-net saved in this folder")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    unet = UNet2DModel.from_pretrained(args.load) if args.load else make_unet(tuple(args.channels), args.layers)
    scheduler = DDPMScheduler(num_train_timesteps=1000)
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-4)
    data = torch.from_numpy(mnist().copy()).unsqueeze(1)

    def train_step() -> float:
        images = data[torch.randint(len(data), (BATCH,))].float() / 127.5 - 1
        noise = torch.randn_like(images)
        t = torch.randint(1000, (BATCH,))
        loss = F.mse_loss(unet(scheduler.add_noise(images, noise, t), t).sample, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    unet.train()
    figures = {
        "peer": f"diffusers {__version__}, torch {torch.__version__}",
        "threads": args.threads,
        "parameters": sum(p.numel() for p in unet.parameters()),
    }
    if args.seconds or args.steps:
        for _ in range(args.warmup):
            train_step()
        clock, loss = Clock(), float("nan")
        clock.start()
        while clock.more(args.seconds, args.steps):
            loss = train_step()
            clock.steps += 1
        figures |= {**clock.figures(BATCH), "loss": round(loss, 4)}
    unet.eval()
    if args.save:
        unet.save_pretrained(args.save)
    if args.sample_steps:
        noise = torch.randn(BATCH, 1, 28, 28)
        denoise(unet, scheduler, noise, 1)
        wall, cpu = time.perf_counter(), time.process_time()
        denoise(unet, scheduler, noise, args.sample_steps)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        figures |= {
            "sampling_s_per_step_of_64": round(wall / args.sample_steps, 4),
            "sampling_cpu_s_per_step_of_64": round(cpu / args.sample_steps, 4),
            "sampling_s_for_64_in_1000_steps_extrapolated": round(1000 * wall / args.sample_steps, 1),
        }
    if args.samples_out:
        scheduler.set_timesteps(args.inference_steps)
        parts = torch.randn(args.n, 1, 28, 28).split(250)
        samples = torch.cat([denoise(unet, scheduler, part, args.inference_steps) for part in parts])
        save_images(args.samples_out, np.asarray(samples[:, 0] / 2 + 0.5))
    report(figures, args.json)


if __name__ == "__main__":
    main()
