"""Clients that people have, against a server of the default model."""

import json
import subprocess

import pytest

from conftest import serving

PAIRS = [("", "The keys are here."), ("", "The keys is here."), ("Zaphod didn't", " say voilà.")]
"""A context and what follows it, with words outside the vocabulary."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text("secret\n")
    with serving("--tokens", tokens, "--queue", 300, stderr=subprocess.DEVNULL) as (address, _):
        yield address


@pytest.fixture(scope="module")
def open_server():
    with serving(stderr=subprocess.DEVNULL) as (address, _):
        yield address


@pytest.fixture(scope="module")
def openai(server):
    openai = pytest.importorskip("openai", reason="pip install openai")
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="secret", max_retries=0)
    yield openai, client
    client.close()


def test_openai_completes_and_scores(openai):
    _, client = openai

    answer = client.completions.create(
        model="mini", prompt="The old man", max_tokens=5, n=2, seed=1, echo=True, logprobs=3, extra_body={"top_k": 40}
    )

    assert len(answer.choices) == 2
    for choice in answer.choices:
        assert choice.text.startswith("The old man")
        assert len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs) == answer.usage.prompt_tokens + 5
        assert all(len(top) >= 3 for top in choice.logprobs.top_logprobs)


def test_openai_streams(openai):
    _, client = openai
    asked = {"model": "mini", "prompt": "She", "max_tokens": 10, "seed": 2}
    whole = client.completions.create(**asked)

    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))

    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert chunks[-1].usage == whole.usage


def test_openai_raises_its_own_errors(openai, server):
    module, client = openai
    wrong = module.OpenAI(base_url=f"{server}/v1", api_key="wrong", max_retries=0)

    with pytest.raises(module.AuthenticationError):
        wrong.models.list()
    with pytest.raises(module.NotFoundError):
        client.completions.create(model="other", prompt="It")
    with pytest.raises(module.NotFoundError, match="no chat template"):
        client.chat.completions.create(model="mini", messages=[])
    with pytest.raises(module.BadRequestError) as raised:
        client.completions.create(model="mini", prompt="It", temperature=-1)
    assert raised.value.param == "temperature"
    with pytest.raises(module.RateLimitError):
        client.completions.create(model="mini", prompt=["It"] * 200, echo=True, logprobs=1)
    wrong.close()


def test_openai_embeds_and_lists(openai):
    _, client = openai

    floats, coded = (
        client.embeddings.create(model="mini", input=["a cat"], **asked).data[0].embedding
        for asked in ({"encoding_format": "float"}, {})
    )

    assert floats == coded
    assert [model.id for model in client.models.list()] == ["mini"]


def scores(lmgen, pairs):
    """Of what follows each context, by `lmgen score`."""
    found = []
    for context, continuation in pairs:
        texts = [context + continuation, context] if context else [context + continuation]
        parts = [
            json.loads(lmgen("score", "--no-end", "--base", "e", "--text", text, "--format", "jsonl").out)["logprob"]
            for text in texts
        ]
        found.append(parts[0] - sum(parts[1:]))
    return found


@pytest.mark.parametrize("kind", ["numbers", "gguf"])
def test_lm_evaluation_harness_finds_the_scores_of_the_command(open_server, lmgen, kind):
    pytest.importorskip("lm_eval", reason="pip install 'lm-eval[api]'")
    model = harness(open_server, kind)

    found = model.loglikelihood([Request(pair) for pair in PAIRS])

    assert [score for score, _ in found] == pytest.approx(scores(lmgen, PAIRS), abs=1e-4)


def test_lm_evaluation_harness_knows_what_is_most_likely(open_server):
    pytest.importorskip("lm_eval", reason="pip install 'lm-eval[api]'")
    model = harness(open_server, "numbers")

    found = model.loglikelihood([Request(("I do not", " know")), Request(("I do not", " zip"))])

    assert [greedy for _, greedy in found] == [True, False]


def harness(address, kind):
    if kind == "gguf":
        from lm_eval.models.gguf import GGUFLM

        return GGUFLM(base_url=address)
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    return LocalCompletionsAPI(model="mini", base_url=f"{address}/v1/completions", batch_size=4)


class Request:
    """What the harness asks of a model."""

    def __init__(self, pair):
        self.args = pair
