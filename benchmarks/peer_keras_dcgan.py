"""Keras/TensorFlow: the textbook DCGAN on MNIST 28x28x1, timed in training.

Measured: images per second (64 real images and 64 fakes are one step of 64 images) of a @tf.function
step that updates both networks from one pass over the fakes with two gradient tapes, after
`--warmup` untimed steps.  Generator: Dense 100 -> 7x7x128, then transposed 5x5 convolutions to
7x7x128, 14x14x128 (each after BatchNorm and LeakyReLU) and 28x28x1 (tanh).  Discriminator: three
5x5 stride-2 convolutions of 128 channels, each with LeakyReLU(0.2) and Dropout 0.3, then Dense 1.
Adam 1e-4, beta1 0.5.  `--jit` compiles the step with XLA, which a plain user would not.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from peer_common import Clock, arguments, mnist, report, save_images

BATCH, LATENT = 64, 100


def make_generator() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(7 * 7 * 128, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((7, 7, 128)),
            layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(128, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ]
    )


def make_discriminator() -> keras.Model:
    body = []
    for _ in range(3):
        body += [
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.3),
        ]
    return keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Flatten(), layers.Dense(1)])


def main() -> None:
    parser = arguments(__doc__, seconds=60)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--jit", action="store_true")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    keras.utils.set_random_seed(args.seed)

    generator, discriminator = make_generator(), make_discriminator()
    generator_adam = keras.optimizers.Adam(1e-4, beta_1=0.5)
    discriminator_adam = keras.optimizers.Adam(1e-4, beta_1=0.5)
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    images = (mnist()[..., None].astype("float32") - 127.5) / 127.5
    data = tf.data.Dataset.from_tensor_slices(images).shuffle(60_000, seed=args.seed).repeat()
    batches = iter(data.batch(BATCH, drop_remainder=True).prefetch(2))

    @tf.function(jit_compile=args.jit)
    def train_step(real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        noise = tf.random.normal([BATCH, LATENT])
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fake = generator(noise, training=True)
            real_logits = discriminator(real, training=True)
            fake_logits = discriminator(fake, training=True)
            generator_loss = bce(tf.ones_like(fake_logits), fake_logits)
            discriminator_loss = bce(tf.ones_like(real_logits), real_logits) + bce(
                tf.zeros_like(fake_logits), fake_logits
            )
        weights = generator.trainable_variables
        generator_adam.apply_gradients(zip(generator_tape.gradient(generator_loss, weights), weights, strict=True))
        weights = discriminator.trainable_variables
        gradients = discriminator_tape.gradient(discriminator_loss, weights)
        discriminator_adam.apply_gradients(zip(gradients, weights, strict=True))
        return generator_loss, discriminator_loss

    for _ in range(args.warmup):
        train_step(next(batches))[0].numpy()
    clock = Clock()
    clock.start()
    losses = (float("nan"), float("nan"))
    while clock.more(args.seconds, args.steps):
        losses = tuple(float(loss) for loss in train_step(next(batches)))
        clock.steps += 1
    figures = {
        "peer": f"keras {keras.__version__}, tensorflow {tf.__version__}",
        "threads": args.threads,
        **clock.figures(BATCH),
        "generator_parameters": generator.count_params(),
        "discriminator_parameters": discriminator.count_params(),
        "generator_loss": round(losses[0], 4),
        "discriminator_loss": round(losses[1], 4),
    }
    if args.samples_out:
        noise = np.random.default_rng(args.seed).standard_normal((args.n, LATENT), dtype=np.float32)
        samples = np.concatenate([generator(part, training=False) for part in np.split(noise, range(500, args.n, 500))])
        save_images(args.samples_out, samples[..., 0] / 2 + 0.5)
    report(figures, args.json)


if __name__ == "__main__":
    main()
