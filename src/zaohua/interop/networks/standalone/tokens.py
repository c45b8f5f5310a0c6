"""Write texts by an exported language model: `python sampler.py --help`.

    from sampler import Tokens
    model = Tokens()
    texts = model.items(model.sample(model.noise(2, seed=0)))

Noise is (n, tokens), uniform in [0, 1): each new token is that at which the cumulative probability passes its number.
The network reads the whole text for every token: it keeps no state, so long texts take long.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zaohua.interop.networks.standalone.exported import Exported, main


class Tokens(Exported):
    """A network that tells the logits of the token after each token, and the settings by which one is drawn."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        super().__init__(folder)
        self.pieces = [piece.encode("latin-1") for piece in self.settings["pieces"]]  # the bytes of each token
        self.ends: list[int] = self.settings["ends"]

    def noise(self, n: int, seed: int) -> np.ndarray:
        """Draw uniform numbers (n, tokens)."""
        return np.random.default_rng(seed).random((n, *self.settings["noise"]), np.float32)

    def opening(self) -> list[int]:
        """Return the tokens that all texts begin with: the one before a text, and the prompt."""
        given: list[int] | None = self.settings["opening"]
        prompt: str = self.settings["prompt"]
        if given is not None:
            return given
        if (self.folder / "tokenizer.json").exists():  # word pieces
            from tokenizers import Tokenizer

            pieces = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
            return [self.settings["begin"], *pieces.encode(prompt, add_special_tokens=False).ids]
        known = {piece: token for token, piece in enumerate(self.pieces)}
        whole = self.settings["unit"] == "character"
        units = [character.encode() for character in prompt] if whole else [bytes([byte]) for byte in prompt.encode()]
        unknown = [unit.decode("utf-8", "replace") for unit in units if unit not in known]
        if unknown:
            raise SystemExit(f"the model doesn't know the character {unknown[0]!r} of the prompt")
        return [self.settings["begin"], *(known[unit] for unit in units)]

    def sample(self, noise: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Write tokens (n, opening and new ones) by uniform numbers (n, new ones), with -1 behind their ends."""
        (n, new), context, opening = noise.shape, self.settings["context"], self.opening()
        tokens = np.full((n, len(opening) + new), -1, np.int64)
        tokens[:, : len(opening)] = opening
        begin, over = max(0, len(opening) - context), np.zeros(n, bool)
        for i in range(new):
            length = len(opening) + i
            if length - begin > context:  # the second half of a full context is read again
                begin = length - context // 2
            logits = self.guided(y, tokens[:, begin:length].clip(0))[0][:, -1]
            tokens[:, length] = np.where(over, -1, self.choose(logits, noise[:, i], tokens[:, :length]))
            over |= np.isin(tokens[:, length], self.ends)
            if over.all():
                break
        return tokens

    def choose(self, logits: np.ndarray, u: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Draw a token for each row of logits (n, vocabulary) by its uniform number u (n,)."""
        s = self.settings
        for row, seen in zip(logits, before, strict=True):
            at = np.unique(seen[(seen >= 0) & ~np.isin(seen, self.ends)])
            row[at] = np.where(row[at] > 0, row[at] / s["repetition_penalty"], row[at] * s["repetition_penalty"])
        logits[:, s["reserved"]] = -np.inf
        if s["temperature"] == 0:
            likeliest: np.ndarray = logits.argmax(1)
            return likeliest
        logits = logits / s["temperature"]
        if 0 < s["top_k"] < logits.shape[1]:
            logits[logits < np.sort(logits, 1)[:, -s["top_k"], None]] = -np.inf
        if s["min_p"] > 0:
            logits[probabilities(logits) < s["min_p"] * probabilities(logits).max(1, keepdims=True)] = -np.inf
        if s["top_p"] < 1:
            order = np.argsort(-logits, 1, kind="stable")
            ordered = np.take_along_axis(probabilities(logits), order, 1)
            beyond = np.cumsum(ordered, 1) - ordered >= s["top_p"]
            beyond[:, 0] = False
            logits[np.take_along_axis(beyond, np.argsort(order, 1), 1)] = -np.inf
        passed = np.cumsum(probabilities(logits.astype(np.float64)), 1)
        chosen: np.ndarray = (passed <= u[:, None] * passed[:, -1:]).sum(1).clip(max=logits.shape[1] - 1)
        return chosen

    def items(self, x: np.ndarray) -> list[str]:
        """Turn tokens into texts, the prompt before each, up to their end or the first stop sequence."""
        return [self.text(row.tolist()) for row in x[:, len(self.opening()) :]]

    def text(self, row: list[int]) -> str:
        """Turn the new tokens of a text into the text."""
        row = row[: next((i for i, token in enumerate(row) if token in (*self.ends, -1)), len(row))]
        text = b"".join(self.pieces[token] for token in row).decode("utf-8", "replace")
        stops = [(at + len(stop), at) for stop in self.settings["stop"] if (at := text.find(stop)) >= 0]
        return str(self.settings["prompt"]) + (text[: min(stops)[1]] if stops else text)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of rows."""
    powers: np.ndarray = np.exp(logits - logits.max(1, keepdims=True))
    out: np.ndarray = powers / powers.sum(1, keepdims=True)
    return out


if __name__ == "__main__":
    main(Tokens())
