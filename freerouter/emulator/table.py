"""The emulator's own catalog, one line a model: real-looking free ones, their paid twins and every odd case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What almost every model takes, and the groups that the rows below add to it.
PLAIN = "max_tokens temperature top_p "
THINKS = PLAIN + "include_reasoning reasoning "
CALLS = THINKS + "tools tool_choice "
RICH = CALLS + "response_format seed stop structured_outputs "


@dataclass(frozen=True, slots=True)
class Row:
    """One model: sizes in tokens, `prompt` and `completion` in USD per million tokens.

    `slug` is the canonical one (default: the id without its variant); `extra` holds further prices
    as they stand in the catalog; `reasoning` says whether it is "mandatory", "on" or "off" by
    default, "" for a model that does not reason.
    """

    id: str
    context: int
    params: str
    inputs: str = "text"
    slug: str = ""
    prompt: str = "0"
    completion: str = "0"
    reasoning: str = ""
    top_context: int | None = None
    max_output: int | None = None
    outputs: str = "text"
    expires: str | None = None
    moderated: bool = False
    extra: Mapping[str, Any] | None = None
    alias_of: str | None = None


# Really free, and fit to chat: 18 models, with the spread of capabilities seen on 2026-08-22.
FREE = (
    Row("nvidia/nemotron-3-nano-30b-a3b:free", 256_000, CALLS + "seed", reasoning="on", expires="2098-12-31"),
    Row("nvidia/nemotron-3-super-120b-a12b:free", 1_000_000, CALLS + "seed response_format structured_outputs",
        slug="nvidia/nemotron-3-super-120b-a12b-20260311", reasoning="on", top_context=262_144, max_output=262_144),
    Row("nvidia/nemotron-3-ultra-550b-a55b:free", 1_000_000, CALLS + "seed",
        slug="nvidia/nemotron-3-ultra-550b-a55b-20260604", reasoning="on", max_output=65_536),
    Row("nvidia/nemotron-3-nano-omni-30b-a3b-reasoning:free", 256_000, CALLS + "seed", "text audio image video",
        slug="nvidia/nemotron-3-nano-omni-30b-a3b-reasoning-20260428", reasoning="on", max_output=65_536),
    Row("nvidia/nemotron-nano-12b-v2-vl:free", 128_000, CALLS + "seed", "image text video",
        reasoning="off", max_output=128_000),
    Row("nvidia/nemotron-nano-9b-v2:free", 128_000, CALLS + "seed response_format structured_outputs",
        reasoning="on"),
    Row("openai/gpt-oss-120b:free", 131_072, CALLS + "seed stop min_p top_k",
        reasoning="mandatory", max_output=131_072, moderated=True),
    Row("openai/gpt-oss-20b:free", 131_072, RICH, reasoning="mandatory", max_output=32_768),
    Row("google/gemma-4-26b-a4b-it:free", 262_144, CALLS + "seed stop response_format", "image text video",
        slug="google/gemma-4-26b-a4b-it-20260403", reasoning="off", top_context=131_072, max_output=32_768,
        expires="2031-06-30"),
    Row("google/gemma-4-31b-it:free", 262_144, CALLS + "seed response_format top_a top_k", "image text video",
        slug="google/gemma-4-31b-it-20260402", reasoning="off", max_output=32_768),
    Row("nex-agi/nex-n2-pro:free", 262_144, CALLS + "response_format structured_outputs logprobs top_logprobs",
        "text image", slug="nex-agi/nex-n2-pro-20260608", reasoning="on", max_output=262_144),
    Row("poolside/laguna-m.1:free", 262_144, CALLS + "structured_outputs",
        slug="poolside/laguna-m.1-20260312", reasoning="on", max_output=32_768),
    Row("z-ai/glm-4.5-air:free", 131_072, CALLS + "seed", reasoning="on", max_output=96_000, expires="9999-01-01"),
    Row("qwen/qwen3-coder:free", 1_048_576, PLAIN + "tools tool_choice stop frequency_penalty presence_penalty",
        slug="qwen/qwen3-coder-480b-a35b-07-25", top_context=262_000, max_output=262_000),
    Row("moonshotai/kimi-vl-a3b-thinking:free", 131_072, THINKS + "tools seed", "text image",
        reasoning="mandatory"),
    Row("minimax/minimax-m2.5:free", 196_608, THINKS + "tools seed", slug="minimax/minimax-m2.5-20260211",
        reasoning="mandatory", max_output=8_192, moderated=True),
    Row("qwen/qwen3.5-omni-flash:free", 65_536, CALLS + "seed", "text image audio",
        slug="qwen/qwen3.5-omni-flash-20260519", reasoning="off", max_output=16_384),
    Row("microsoft/phi-4-multimodal-instruct:free", 131_072, PLAIN + "seed stop response_format",
        "text image audio", top_context=32_768, max_output=4_096),
)  # fmt: skip

# They cost nothing and end in :free, yet answer no chat, or are free no longer, or not always.
NOT_QUITE = (
    Row("nvidia/nemotron-3.5-content-safety:free", 128_000, THINKS + "seed", "text image",
        slug="nvidia/nemotron-3.5-content-safety-20260604", reasoning="on", max_output=8_192),
    Row("baidu/qianfan-ocr-fast:free", 65_536, PLAIN, "image text",
        slug="baidu/qianfan-ocr-fast-20260420", max_output=28_672),
    Row("tencent/hy3-preview:free", 262_144, CALLS, slug="tencent/hy3-preview-20260421",
        reasoning="on", expires="2026-08-24"),
    Row("google/gemini-2.0-flash-exp:free", 1_048_576, PLAIN + "tools tool_choice", "text image",
        prompt="0.1", completion="0.4", max_output=8_192),
    Row("arcee-ai/trinity-large-preview:free", 131_000, RICH, reasoning="off", extra={
        "overrides": [{"utc_start": 800, "utc_end": 2000, "prompt": "0.00000025", "completion": "0.000001"}]}),
    Row("x-ai/grok-4.1-fast:free", 2_000_000, RICH, "text image", reasoning="off", max_output=30_000, extra={
        "overrides": [{"min_prompt_tokens": 128_000, "prompt": "0.0000004"}]}),
    Row("amazon/nova-2-lite-v1:free", 1_000_000, CALLS + "stop", "text image video", reasoning="off",
        extra={"request": "0", "image": "0.0001", "web_search": "0"}),
    Row("google/gemini-2.5-flash-image-preview:free", 32_768, PLAIN + "seed", "image text",
        outputs="image text", max_output=8_192),
)  # fmt: skip

# Zero, or so it seems, without being a :free variant.
ZERO = (
    Row("google/lyria-3-clip-preview", 1_048_576, PLAIN + "response_format seed", "text image",
        slug="google/lyria-3-clip-preview-20260330", outputs="text audio", max_output=65_536),
    Row("google/lyria-3-pro-preview", 1_048_576, PLAIN + "response_format seed", "text image",
        slug="google/lyria-3-pro-preview-20260330", outputs="text audio", max_output=65_536),
    Row("qwen/qwen3-vl-30b-a3b-thinking", 131_072, RICH, "text image", reasoning="mandatory", max_output=32_768,
        extra={"request": "0", "image": "0", "web_search": "0", "internal_reasoning": "0"}),
    Row("stealth/lunar-heron", 256_000, RICH, reasoning="off"),
    Row("openrouter/owl-alpha", 1_048_756, PLAIN + "tools response_format seed stop structured_outputs",
        max_output=262_144),
)  # fmt: skip

# Routers choose for the caller: "-1" says that the price depends on what they choose.
ROUTERS = (
    Row("openrouter/auto", 2_000_000, RICH + "web_search_options", "text image audio file video",
        prompt="-1", completion="-1", outputs="text image"),
    Row("openrouter/fusion", 1_000_000, "", prompt="-1", completion="-1"),
    Row("openrouter/bodybuilder", 128_000, "", prompt="-1", completion="-1"),
    Row("openrouter/pareto-code", 2_000_000, "", prompt="-1", completion="-1"),
)  # fmt: skip

# Paid twins of free models share the canonical slug with them; then aliases, variants, odd prices.
PAID = (
    Row("nvidia/nemotron-3-nano-30b-a3b", 262_144, RICH, prompt="0.05", completion="0.2", reasoning="on"),
    Row("nvidia/nemotron-3-super-120b-a12b", 1_000_000, RICH, prompt="0.1", completion="0.5",
        slug="nvidia/nemotron-3-super-120b-a12b-20260311", reasoning="on", top_context=262_144),
    Row("openai/gpt-oss-120b", 131_072, RICH, prompt="0.04", completion="0.19", reasoning="mandatory"),
    Row("openai/gpt-oss-20b", 131_072, RICH, prompt="0.03", completion="0.14", reasoning="mandatory",
        extra={"discount": 0.2}),
    Row("google/gemma-4-31b-it", 262_144, RICH, "image text video", prompt="0.13", completion="0.38",
        slug="google/gemma-4-31b-it-20260402", reasoning="off"),
    Row("z-ai/glm-4.5-air", 131_072, RICH, prompt="0.13", completion="0.85", reasoning="on", max_output=98_304),
    Row("qwen/qwen3-coder", 1_048_576, RICH, prompt="0.22", completion="1",
        slug="qwen/qwen3-coder-480b-a35b-07-25", top_context=262_144),
    Row("minimax/minimax-m2.5", 196_608, RICH, prompt="0.15", completion="1.15",
        slug="minimax/minimax-m2.5-20260211", reasoning="mandatory"),
    Row("anthropic/claude-sonnet-4.6", 1_000_000, RICH + "verbosity", "text image file", prompt="3", completion="15",
        slug="anthropic/claude-4.6-sonnet-20260217", reasoning="off", max_output=128_000, moderated=True,
        extra={"web_search": "0.01", "input_cache_read": "0.0000003", "input_cache_write": "0.00000375"}),
    Row("~anthropic/claude-sonnet-latest", 1_000_000, RICH + "verbosity", "text image file",
        prompt="3", completion="15", reasoning="off", alias_of="anthropic/claude-sonnet-4.6"),
    Row("anthropic/claude-3.7-sonnet:thinking", 200_000, CALLS + "stop", "text image file", prompt="3",
        completion="15", slug="anthropic/claude-3-7-sonnet-20250219", reasoning="mandatory", max_output=64_000),
    Row("deepseek/deepseek-v3.2:exacto", 163_840, RICH, prompt="0.27", completion="0.41",
        slug="deepseek/deepseek-v3.2-20251201", reasoning="off"),
    Row("deepseek/deepseek-v3.2", 163_840, RICH, prompt="0.27", completion="0.41",
        slug="deepseek/deepseek-v3.2-20251201", reasoning="off", extra={
            "overrides": [{"utc_start": 1630, "utc_end": 30, "prompt": "0", "completion": "0"}]}),
    Row("openai/gpt-5.4-mini", 400_000, RICH, "file image text", prompt="0.75", completion="4.5",
        slug="openai/gpt-5.4-mini-20260317", reasoning="off", extra={"web_search": "0.01"}),
    Row("black-forest-labs/flux.2-pro", 0, "seed", "text image", outputs="image", prompt="3.66",
        completion="3.66", extra={"image_output": "0.00000366"}),
    Row("openai/text-embedding-3-small", 8_192, "", prompt="0.02", outputs="embeddings"),
)  # fmt: skip

# The hosted free router states a context of its own; its parameters are the union over the :free ids.
FREE_ROUTER = Row(
    "openrouter/free",
    200_000,
    " ".join(row.params for row in FREE + NOT_QUITE),
    "text image",
)

TABLE = (FREE_ROUTER, *FREE, *NOT_QUITE, *ZERO, *ROUTERS, *PAID)

# Made-up scores for some of the free models (intelligence, coding, agentic): about 40 % of the real ones have none.
SCORES: Mapping[str, tuple[float | None, float | None, float | None]] = {
    "nvidia/nemotron-3-super-120b-a12b:free": (36.0, 31.2, 40.2),
    "nvidia/nemotron-3-ultra-550b-a55b:free": (47.5, 44.0, 50.1),
    "nvidia/nemotron-3-nano-30b-a3b:free": (24.3, 19.0, 27.4),
    "nvidia/nemotron-nano-9b-v2:free": (14.8, 8.3, None),
    "openai/gpt-oss-120b:free": (33.3, 28.6, 37.9),
    "openai/gpt-oss-20b:free": (24.5, 18.5, 27.6),
    "google/gemma-4-31b-it:free": (39.2, 38.7, 35.8),
    "poolside/laguna-m.1:free": (38.1, 45.3, 48.8),
    "z-ai/glm-4.5-air:free": (23.2, 23.8, 25.1),
    "qwen/qwen3-coder:free": (24.8, 24.6, 21.0),
    "minimax/minimax-m2.5:free": (41.9, 37.4, 55.6),
}
