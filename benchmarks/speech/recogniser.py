"""A recogniser of spoken digits, trained on real clips: log-mel frames, convolutions, a GRU, and the CTC loss."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from digits import RATE, WORDS, Clips, Spoken, sequences  # isort: skip  (it imports zaohua before torch)
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.metrics.error_rates import edits
from zaohua.modalities.sounds.spectra import MelScale

MEL = MelScale(RATE, 256, 80, 40)


def word_error_rate(said: Sequence[str], heard: Sequence[str]) -> float:
    """Return the edits over all texts divided by the number of words that were to be said."""
    total = sum(sum(edits(a.split(), b.split())) for a, b in zip(said, heard, strict=True))
    return total / sum(len(text.split()) for text in said)


def features(waves: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Compute log-mel frames (B, 40, T), padded with silence, and the number of frames of each."""
    longest = -(-max(map(len, waves)) // MEL.hop) * MEL.hop
    x = torch.stack([F.pad(torch.from_numpy(wave), (0, longest - len(wave))) for wave in waves])
    peak = x.abs().amax(1, keepdim=True).clamp(min=1e-4)
    return (MEL.log_mel(x / peak).clamp(min=-9) + 6) / 3, torch.tensor([1 + len(wave) // MEL.hop for wave in waves])


class Recogniser(nn.Module):
    """Network from log-mel frames to log-probabilities of words and the blank, every 40 ms."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.enter = nn.Conv1d(MEL.bands, width, 5, stride=2, padding=2)
        self.halve = nn.Conv1d(width, width, 5, stride=2, padding=2)
        self.more = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2) for _ in range(2))
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(4))
        self.gru = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(width, len(WORDS) + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, bands, T) to log-probabilities (B, ceil(T / 4), 11); 0 is the blank."""
        h = F.gelu(self.norms[0](self.enter(x)))
        h = F.gelu(self.norms[1](self.halve(h)))
        for norm, layer in zip(self.norms[2:], self.more, strict=True):
            h = h + F.gelu(norm(layer(h)))
        return self.head(F.dropout(self.gru(h.mT)[0], 0.2, self.training)).log_softmax(-1)

    @torch.no_grad()
    def hear(self, waves: Sequence[np.ndarray]) -> list[str]:
        """Recognise words one sound at a time, so that none depends on another."""
        texts = []
        for wave in waves:
            best = self(features([wave])[0])[0].argmax(-1).tolist()
            kept = [k for k, before in zip(best, [0, *best[:-1]], strict=True) if k and k != before]
            texts.append(" ".join(WORDS[k - 1] for k in kept))
        return texts


def train(seconds: float, seed: int = 0) -> Recogniser:
    """Train on sequences of training clips for so many CPU seconds, with other pauses, speeds and noise each time."""
    torch.manual_seed(seed)
    clips, rng, net = Clips("train"), np.random.default_rng(seed), Recogniser().train()
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.01)
    began, step = time.process_time(), 0
    while (spent := time.process_time() - began) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, step / 100) * max(0.02, 1 - spent / seconds)
        waves, words = [], []
        for _ in range(16):
            digits = rng.integers(10, size=rng.integers(1, 7)).tolist()
            wave = clips.speak(digits, clips.voices[rng.integers(len(clips.voices))], rng)
            speed = rng.uniform(0.88, 1.12)
            wave = np.interp(np.arange(0, len(wave) - 1, speed), np.arange(len(wave)), wave).astype(np.float32)
            noise = rng.normal(size=len(wave)) * np.abs(wave).max() * 10 ** rng.uniform(-4, -1.5)
            waves.append((wave + noise).astype(np.float32))
            words.append(digits)
        x, lengths = features(waves)
        x = x + 0.3 * torch.from_numpy(rng.normal(size=(len(x), MEL.bands, 1)).astype(np.float32))  # another microphone
        out = net(x)
        target = torch.tensor([d + 1 for digits in words for d in digits])
        loss = F.ctc_loss(out.transpose(0, 1), target, (lengths + 3) // 4, torch.tensor([len(d) for d in words]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"recogniser: {step} steps, {spent:.0f} CPU s, loss {float(loss):.3f}", flush=True)
    return net.eval()


def error_rate(net: Recogniser, spoken: Sequence[Spoken]) -> float:
    """Word error rate of spoken sequences."""
    return word_error_rate([s.text for s in spoken], net.hear([s.sound.samples for s in spoken]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = train(args.seconds)
    torch.save(net.state_dict(), args.out)
    for split in ("train", "test"):
        print(split, "clips: word error rate", error_rate(net, sequences(Clips(split), 300, 1, tested=True)))


if __name__ == "__main__":
    main()
