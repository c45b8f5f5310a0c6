"""Language models of ours as published ones: what `published.read` returns, made of a model."""

from __future__ import annotations

import json
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.transformer import CausalTransformer
from zaohua.interop import weights
from zaohua.interop.configuration import plan
from zaohua.interop.configuring import config_of
from zaohua.interop.own_tokenizers import DIALOGUE, begins_with, tokenizer_of
from zaohua.interop.published import Published
from zaohua.modalities.texts.codec import TextCodec
from zaohua.modalities.texts.published import PublishedTextCodec
from zaohua.modalities.texts.published_tokenizer import PublishedTokenizer
from zaohua.nn.transformer import Transformer


def refusal(model: Any) -> str | None:
    """Return why a model has no form of published ones; None if it has."""
    if not (isinstance(model, TextModel) and isinstance(model, CausalTransformer)):
        return "only transformers of texts have that form: gpt"
    if model.y_codec_ is not None:
        return f"it is conditioned on {model.y_codec_.describe()}, and published models have texts only"
    try:
        config_of_model(model)
    except ZaohuaError as error:
        return str(error)
    return None


def config_of_model(model: Any) -> Json:
    """Return the `config.json` of a model: its makers', if its weights began as published ones.

    Raises:
        ZaohuaError: no published kind of model has its settings.
    """
    net: Transformer = model.nets_["net"]
    known = (model.base_ or {}).get("published")
    if known is None:
        return {**config_of(net), **special_tokens(model.codec_), "dtype": "float32"}
    config = {name: value for name, value in known["config"].items() if name != "torch_dtype" and value is not None}
    if "n_positions" in config:  # learnt positions are as many as the model reads now
        config["n_positions"] = net.room
    return {**config, "dtype": "float32"}


def published_of(model: Any) -> Published:
    """Return a model as a published one.

    Args:
        model: a model that isn't refused.
    """
    if model.int8:
        note("the weights are exported as they were learnt, not as 8-bit integers")
    codec, base = model.codec_, model.base_ or {}
    config, known = config_of_model(model), base.get("published") or {}
    what = plan(config)
    mine = {name: value.detach().cpu().float() for name, value in model.nets_["net"].state_dict().items()}
    foreign = isinstance(codec, PublishedTextCodec)
    state = codec.state()
    talks = state["template"] if foreign else DIALOGUE if model.apart_ else None
    return Published(
        str(base.get("run") or type(model).__name__),
        config,
        what,
        weights.theirs(mine, what),
        _foreign_tokenizer(codec) if foreign else tokenizer_of(codec),
        talks,
        _settings(codec, model.context),
        {**(known.get("generation") or {}), **special_tokens(codec), **_sampling(model)},
        known.get("licence"),
        base.get("revision"),
    )


def special_tokens(codec: TextCodec) -> Json:
    """Return the tokens that begin, end and fill up texts, as configurations have them."""
    found: Json = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), codec.end_)
    if isinstance(codec, PublishedTextCodec):
        state = codec.state()
        found = {"bos_token_id": state["bos"], "eos_token_id": list(codec.ends_), "pad_token_id": state["pad"]}
    return {name: value for name, value in found.items() if value is not None}


def _sampling(model: Any) -> Json:
    """Return how the model draws tokens, as `generation_config.json` has it."""
    drawn = {"temperature": model.temperature, "top_k": model.top_k, "top_p": model.top_p}
    if model.min_p:
        drawn["min_p"] = model.min_p
    never = [] if isinstance(model.codec_, PublishedTextCodec) else list(model.codec_.reserved_)
    return {
        "do_sample": model.temperature > 0,
        **(drawn if model.temperature > 0 else {}),
        "repetition_penalty": model.repetition_penalty,
        "max_new_tokens": model.max_tokens,
        **({"suppress_tokens": never} if never else {}),
    }


def _settings(codec: TextCodec, context: int) -> Json:
    """Return the `tokenizer_config.json` of a codec."""
    names = {name.removesuffix("_id"): value for name, value in special_tokens(codec).items()}
    first = {name: value[0] if isinstance(value, list) else value for name, value in names.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": codec.begin_ == names.get("bos_token"),
        **{name: codec.name(token) for name, token in first.items()},
    }


def _foreign_tokenizer(codec: PublishedTextCodec) -> str:
    """Return a makers' tokenizer, which puts a token before texts if the codec does."""
    state = codec.state()
    text: str = state["tokenizer"]
    tokenizer = codec.tokenizer_
    assert isinstance(tokenizer, PublishedTokenizer)
    if codec.begin_ != state["bos"] or tokenizer.adds(codec.begin_):
        return text
    return json.dumps({**json.loads(text), "post_processor": begins_with(codec.name(codec.begin_), codec.begin_)})
