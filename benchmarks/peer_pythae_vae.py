"""pythae: its default VAE on MNIST 28x28, timed in its own training pipeline.

Measured: training images per second of TrainingPipeline with the default multilayer perceptrons
(784 -> 512 -> two heads of 16; 16 -> 512 -> 784, sigmoid), latent 16, mean squared error, Adam 1e-3,
batch 128, no evaluation set; data loading is the pipeline's own.  Counted from step `--warmup` on;
a callback stops training in mid-epoch when the time is up.  Samples are decoded from the prior.
"""

from __future__ import annotations

import tempfile

import torch
from pythae.models import VAE, VAEConfig
from pythae.pipelines import TrainingPipeline
from pythae.samplers import NormalSampler
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

from peer_common import Clock, arguments, mnist, report, save_images

BATCH, LATENT = 128, 16


class TimeIsUp(Exception):
    """Raised by the callback to leave the trainer."""


class Stopwatch(TrainingCallback):
    """Counts the steps of the trainer and leaves it at the end."""

    def __init__(self, seconds: float, steps: int, warmup: int) -> None:
        self.clock, self.seconds, self.steps, self.seen, self.warmup = Clock(), seconds, steps, 0, warmup

    def on_train_step_end(self, training_config: BaseTrainerConfig, **kwargs: object) -> None:
        self.seen += 1
        if self.seen == self.warmup:
            self.clock.start()
        elif self.seen > self.warmup:
            self.clock.steps += 1
            if not self.clock.more(self.seconds, self.steps):
                raise TimeIsUp


def main() -> None:
    parser = arguments(__doc__, seconds=30)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1e-3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT))
    images = torch.from_numpy(mnist().copy()).unsqueeze(1) / 255
    stopwatch = Stopwatch(args.seconds, args.steps, args.warmup)
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=100_000,
            learning_rate=args.lr,
            per_device_train_batch_size=BATCH,
            seed=args.seed,
            no_cuda=True,
        )
        try:
            TrainingPipeline(model=model, training_config=config)(images, callbacks=[stopwatch])
        except TimeIsUp:
            pass
    figures = {
        "peer": f"pythae 0.1.2, torch {torch.__version__}",
        "threads": args.threads,
        "parameters": sum(p.numel() for p in model.parameters()),
        **stopwatch.clock.figures(BATCH),
    }
    if args.samples_out:
        samples = NormalSampler(model).sample(num_samples=args.n, batch_size=500, return_gen=True)
        save_images(args.samples_out, samples.reshape(-1, 28, 28).cpu().numpy())
    report(figures, args.json)


if __name__ == "__main__":
    main()
