"""Damaged and hostile .gguf files: one line each, and no memory for what they only claim."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zaohua.cli import main

gguf = pytest.importorskip("gguf")

TOKENS = [chr(0x100 + i) if i < 33 else chr(33 + i - 33) for i in range(59)] + ['!"']
SHAPES = {
    "token_embd.weight": (62, 8),
    "output_norm.weight": (8,),
    "blk.0.attn_q.weight": (8, 8),
    "blk.0.attn_k.weight": (8, 8),
    "blk.0.attn_v.weight": (8, 8),
    "blk.0.attn_output.weight": (8, 8),
    "blk.0.ffn_gate.weight": (12, 8),
    "blk.0.ffn_up.weight": (12, 8),
    "blk.0.ffn_down.weight": (8, 12),
    "blk.0.attn_norm.weight": (8,),
    "blk.0.ffn_norm.weight": (8,),
}


def made(path: Path, arch: str = "llama", tokens: list[str] | None = None, **changes: Any) -> Path:
    """A tiny Llama of random weights; `changes` are tensors in place of its own, or None to leave them out."""
    writer = gguf.GGUFWriter(path, arch)
    writer.add_context_length(32)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(12)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens or [*TOKENS, "<s>", "</s>"])
    writer.add_token_types([1] * 60 + [3, 3])
    writer.add_token_merges(['! "'])
    writer.add_bos_token_id(60)
    writer.add_eos_token_id(61)
    random = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        value = changes.get(name.replace(".", "_"), random.normal(size=shape).astype("float32"))
        if value is not None:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _patched(at: int, data: bytes) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        whole = bytearray(made(path).read_bytes())
        whole[at : at + len(data)] = data
        path.write_bytes(whole)

    return damage


def _after(name: str, skip: int, data: bytes) -> Callable[[Path], object]:
    """Overwrite what stands some bytes behind a name."""

    def damage(path: Path) -> None:
        whole = bytearray(made(path).read_bytes())
        at = whole.index(name.encode()) + len(name) + skip
        whole[at : at + len(data)] = data
        path.write_bytes(whole)

    return damage


def _cut(size: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(made(path).read_bytes()[:size])


HUGE = struct.pack("<Q", 1 << 60)
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "isn't a .gguf"),
    "magic": (_patched(0, b"GGML"), "isn't a .gguf"),
    "version": (_patched(4, struct.pack("<I", 77)), "version 77"),
    "cut counts": (_cut(20), "is cut"),
    "cut header": (_cut(500), "in the middle of its header"),
    "cut weights": (_cut(-64), "isn't a readable .gguf"),
    "tensors": (_patched(8, HUGE), "should hold 1,152,921,504,606,846,976 tensors"),
    "settings": (_patched(16, HUGE), "1,152,921,504,606,846,976 settings"),
    "long name": (_patched(24, HUGE), "in the middle of its header"),
    "long list": (_after("tokenizer.ggml.tokens", 8, HUGE), "a list in it should have"),
    "list of lists": (_after("tokenizer.ggml.tokens", 4, struct.pack("<I", 9)), "unknown type 9"),
    "type": (_after("llama.block_count", 0, struct.pack("<I", 99)), "unknown type 99"),
    "blocks": (_after("llama.block_count", 4, struct.pack("<I", 1 << 31)), "num_hidden_layers"),
    "missing block": (_after("llama.block_count", 4, struct.pack("<I", 2)), "layers.1"),
    "dimensions": (_after("blk.0.attn_q.weight", 0, struct.pack("<I", 1 << 31)), "dimensions"),
    "numbers": (_after("blk.0.attn_q.weight", 4, HUGE), "numbers"),
    "kind of tensor": (_after("blk.0.attn_q.weight", 20, struct.pack("<I", 999)), "isn't a readable .gguf"),
    "tokens twice": (lambda path: made(path, tokens=[*["x"] * 60, "<s>", "</s>"]), "there twice"),
    "architecture": (lambda path: made(path, "mamba"), "mamba can't be read"),
    "missing tensor": (lambda path: made(path, blk_0_ffn_up_weight=None), "up_proj.weight is missing"),
    "shape": (lambda path: made(path, blk_0_ffn_up_weight=np.zeros((5, 8), "float32")), "has 5 rows, not 12"),
    "NaN": (
        lambda path: made(path, blk_0_ffn_up_weight=np.full((12, 8), np.nan, "float32")),
        "infinite numbers or none",
    ),
    "end outside": (_after("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 999)), "999"),
}


def test_the_whole_file_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(made(tmp_path / "tiny.gguf")), "-n", "1", "--max-tokens", "3"]) == 0


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_give_one_line(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, line = HOSTILE[case]
    path = tmp_path / "bad.gguf"
    damage(path)
    assert main(["sample", str(path), "-n", "1"]) == 2
    said = capsys.readouterr().err.strip()
    assert line in said and "\n" not in said, said
