"""A server of the default model, and what clients get from it."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import time

import httpx
import pytest

from conftest import serving

LONG = {"prompt": "It was", "max_tokens": 4000, "ignore_end": True}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("serve") / "log"


@pytest.fixture
def lmgen(lmgen, mini_folder):
    return lambda command, *arguments: lmgen(command, *arguments, "-m", mini_folder)


@pytest.fixture(scope="module")
def server(log, mini_folder):
    with (
        open(log, "w") as file,
        serving("-m", mini_folder, "--max-body", 1, "--max-samples", 64, stderr=file) as (address, _),
    ):
        yield address


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server, timeout=60) as client:
        yield client


@pytest.fixture
def ask(client):
    def asked(path="/v1/completions", **body):
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asked


def streamed(client, **body):
    """The events of a stream."""
    with client.stream("POST", "/v1/completions", json={**body, "stream": True}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def metric(client, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


# Completions ----------------------------------------------------------------------------------


def test_a_text_goes_on_as_the_command_writes_it(ask, lmgen):
    wanted = ["--no-echo", "--seed", 5, "--max-words", 12, "--precision", "float32"]
    expected = lmgen("complete", "I love that I", "-n", 3, *wanted).out

    answer = ask(prompt="I love that I", seed=5, max_tokens=12, n=3)

    assert [choice["text"].strip() for choice in answer["choices"]] == expected.strip().split("\n")


def test_prompts_of_one_request_go_on_as_those_of_a_file(ask, lmgen, tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("The old man\nShe\n")
    expected = lmgen("complete", "-f", file, "--no-echo", "--seed", 1, "--max-words", 9, "--precision", "float32").out

    answer = ask(prompt=["The old man", "She"], seed=1, max_tokens=9)

    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert [choice["text"].strip() for choice in answer["choices"]] == expected.strip().split("\n")


def test_numbers_of_words_are_the_same_as_the_text(ask):
    numbers = ask("/tokenize", prompt="Zaphod didn't say")["tokens"]
    texts = [ask(prompt=prompt, seed=1)["choices"][0]["text"] for prompt in ("Zaphod didn't say", numbers, [numbers])]

    assert len(set(texts)) == 1


def test_what_is_streamed_is_what_is_given_at_once(ask, client):
    asked = {"prompt": "The old man", "seed": 3, "max_tokens": 20, "n": 2, "echo": True, "logprobs": 1}
    whole = ask(**asked)
    events = streamed(client, **asked, stream_options={"include_usage": True})

    for choice in whole["choices"]:
        parts = [part for event in events for part in event["choices"] if part["index"] == choice["index"]]
        assert "".join(part["text"] for part in parts) == choice["text"]
        assert [token for part in parts for token in part["logprobs"]["tokens"]] == choice["logprobs"]["tokens"]
        assert parts[-1]["finish_reason"] == choice["finish_reason"]
    assert events[-1]["usage"] == whole["usage"]


def test_a_stop_text_and_what_follows_is_not_shown(ask, client):
    asked = {"prompt": "The president of the", "seed": 2, "max_tokens": 30}
    whole = ask(**asked)["choices"][0]["text"]
    stop = whole[5:12]

    cut = ask(**asked, stop=stop)["choices"][0]
    parts = streamed(client, **asked, stop=[stop])

    assert cut["text"] == whole[:5]
    assert cut["finish_reason"] == "stop"
    assert "".join(part["choices"][0]["text"] for part in parts) == whole[:5]


def test_the_best_of_several_are_given(ask):
    asked = {"prompt": "She said", "seed": 4, "max_tokens": 8, "logprobs": 0}
    many = ask(**asked, n=8)["choices"]
    means = {choice["text"]: mean(choice["logprobs"]["token_logprobs"]) for choice in many}

    best = ask(**asked, n=2, best_of=8)["choices"]

    assert [choice["text"] for choice in best] == sorted(means, key=means.get)[:-3:-1]


def mean(values):
    return sum(values) / len(values)


def test_no_words_at_all_are_a_score(ask, lmgen):
    expected = [json.loads(line)["logprob"] for line in scored(lmgen, "Zaphod's cat sat.")]

    answer = ask(prompt="Zaphod's cat sat.", max_tokens=0, echo=True, logprobs=0)["choices"][0]

    assert answer["text"] == "Zaphod's cat sat."
    assert answer["logprobs"]["token_logprobs"] == pytest.approx(expected[:-1], abs=1e-5)
    assert answer["finish_reason"] == "length"


def scored(lmgen, text):
    return lmgen("surprisal", "--text", text, "--format", "jsonl").out.splitlines()


def test_offsets_are_places_in_the_text(ask):
    text = "  “Don't panic”,  said Zaphod … He left. It rained."

    answer = ask(prompt=text, max_tokens=6, echo=True, logprobs=0, seed=1)["choices"][0]

    assert answer["text"].startswith(text)
    pairs = zip(answer["logprobs"]["tokens"], answer["logprobs"]["text_offset"], strict=True)
    spelled = {'"', "...", "</S>"}  # the text has them otherwise, or not at all
    assert [answer["text"][at : at + len(word)] for word, at in pairs if word not in spelled] == [
        word for word in answer["logprobs"]["tokens"] if word not in spelled
    ]


def test_alternatives_reach_over_the_whole_vocabulary(ask):
    answer = ask(prompt="It", max_tokens=1, logprobs=30_000, temperature=0)["choices"][0]["logprobs"]
    [best] = answer["top_logprobs"]

    assert len(best) == 30_000
    assert max(best.values()) == answer["token_logprobs"][0]


def test_a_word_is_banned_by_its_name_or_number(ask):
    asked = {"prompt": "The old man", "max_tokens": 1, "temperature": 0}
    first = ask(**asked)["choices"][0]["text"].strip()
    [number] = ask("/tokenize", prompt=first)["tokens"]

    others = [ask(**asked, logit_bias={name: -100})["choices"][0]["text"] for name in (first, str(number))]

    assert others[0] == others[1] != f" {first}"


def test_options_of_the_command_line_are_known(ask):
    answer = ask(prompt="It was", **{"top-k": 5, "starts_with": "un", "max_tokens": 1, "ignore-eos": True})

    assert answer["choices"][0]["text"].startswith(" un")


def test_a_sentence_may_begin_and_end_by_its_marks(ask):
    plain, marked = (
        ask(prompt=text, max_tokens=0, echo=True, logprobs=0)["choices"][0]["logprobs"]
        for text in ("It rained.", "<S>It rained.")
    )

    assert marked["tokens"] == ["<S>", *plain["tokens"]]
    assert marked["token_logprobs"] == [None, *plain["token_logprobs"]]


# Other paths ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "command"),
    [
        ("/v1/surprisal", {"input": "The cat sat.\nIt fell."}, ["surprisal", "--text", "The cat sat.\nIt fell."]),
        (
            "/v1/surprisal",
            {"input": ["Don't panic."], "by": "word", "base": "e"},
            ["surprisal", "--text", "Don't panic.", "--by", "word", "--base", "e"],
        ),
        ("/v1/next", {"prefix": "I love", "k": 4}, ["next", "I love", "-k", 4]),
        (
            "/v1/next",
            {"prefix": "The keys", "candidates": ["is", "are not"]},
            ["next", "The keys", "--candidates", "is,are not"],
        ),
        (
            "/v1/next",
            {"prefix": "She is a", "starts_with": "f", "k": 5, "suffix": "of mine"},
            ["next", "She is a", "--starts-with", "f", "-k", 5, "--suffix", "of mine"],
        ),
        (
            "/v1/choose",
            {"items": [["The keys are here.", "The keys is here."]], "reduce": "mean"},
            ["choose", "The keys are here.", "The keys is here.", "--reduce", "mean"],
        ),
    ],
)
def test_rows_are_those_of_the_command(ask, lmgen, path, body, command):
    expected = [json.loads(line) for line in lmgen(*command, "--format", "jsonl").out.splitlines()]

    close = [
        {
            name: pytest.approx(value, abs=2e-6) if isinstance(value, (float, list)) else value
            for name, value in row.items()
        }
        for row in expected
    ]
    assert ask(path, **body)["data"] == close


def test_bytes_that_are_no_text_are_replaced_in_answers(ask):
    [number] = ask("/tokenize", prompt="zzqx")["tokens"]
    odd = number - ord("x") + 0xFF  # the last byte of the word is none of UTF-8

    assert ask("/detokenize", tokens=[odd]) == {"prompt": "zzq\ufffd"}
    [choice] = ask(prompt=[odd], echo=True, max_tokens=0, logprobs=1)["choices"]
    assert choice["logprobs"]["tokens"] == ["zzq\ufffd"]


def test_words_have_numbers_and_numbers_words(ask):
    text = "Zaphod's voilà costs £7."
    numbers = ask("/tokenize", prompt=text)

    assert ask("/detokenize", tokens=numbers["tokens"]) == {"prompt": text}
    assert numbers["count"] == len(numbers["tokens"])


def test_special_tokens_have_their_own_numbers(ask, client):
    info = client.get("/tokenizer_info").json()

    assert ask("/tokenize", prompt="</S>")["tokens"] == [info["eos_token_id"]]
    assert ask("/tokenize", prompt="It", add_special_tokens=True)["tokens"][0] == info["bos_token_id"]


def test_texts_have_vectors(ask):
    answer = ask("/v1/embeddings", input=["a cat", "a dog", "a cat"])
    vectors = [entry["embedding"] for entry in answer["data"]]

    assert len(vectors[0]) == 256
    assert vectors[0] == vectors[2] != vectors[1]


def test_the_description_names_every_field_of_a_completion(client):
    described = client.get("/openapi.json").json()
    schema = described["components"]["schemas"]["CompletionRequest"]

    assert {"prompt", "logit_bias", "top_k", "starts_with", "sentences"} <= schema["properties"].keys()
    assert "lmgen" not in schema["properties"]


def test_models_are_listed(client):
    [model] = client.get("/v1/models").json()["data"]

    assert (model["id"], model["loaded"]) == ("mini", True)
    assert client.get("/v1/models/mini").json() == model
    assert client.get("/v1/models/other").status_code == 404


def test_models_make_place_for_each_other(tmp_path, mini_folder):
    second = shutil.copytree(mini_folder, tmp_path / "second")
    arguments = ("-m", mini_folder, "-m", second, "--memory", 60)
    with (
        serving(*arguments, stderr=subprocess.DEVNULL) as (address, _),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        texts = [
            client.post("/v1/completions", json={"model": name, "prompt": "It", "seed": 1}).json()["choices"][0]["text"]
            for name in ("mini", "second", "mini")
        ]
        assert len(set(texts)) == 1
        assert [model["loaded"] for model in client.get("/v1/models").json()["data"]] == [True, False]
        assert metric(client, "lmgen_models_loaded") == 1

        with client.stream("POST", "/v1/completions", json={**LONG, "stream": True}) as busy:
            lines = busy.iter_lines()  # kept: without it the answer is closed
            next(lines)
            answer = client.post("/v1/completions", json={"model": "second"})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"prompt": 7}, 400, "prompt"),
        ({"prompt": ["a", 7]}, 400, "prompt"),
        ({"prompt": []}, 400, "prompt"),
        ({"prompt": [30_001]}, 400, "prompt"),
        ({"prompt": "a <S> b"}, 400, "prompt"),
        ({"temperature": -1}, 400, "temperature"),
        ({"temperature": "warm"}, 400, "temperature"),
        ({"temperture": 1}, 400, "temperture"),
        ({"max_tokens": -1}, 400, "max_tokens"),
        ({"max_tokens": 10**6}, 400, "max_tokens"),
        ({"n": 0}, 400, "n"),
        ({"n": 65}, 400, "n"),
        ({"prompt": ["a"] * 40, "n": 2}, 400, "n"),
        ({"n": 3, "best_of": 2}, 400, "best_of"),
        ({"logprobs": 10**6}, 400, "logprobs"),
        ({"suffix": "end"}, 400, "suffix"),
        ({"stop": [""]}, 400, None),
        ({"logit_bias": {"30001": 1}}, 400, "logit_bias"),
        ({"logit_bias": {"zaphod": 1}}, 400, "logit_bias"),
        ({"ban": ["@/etc/passwd"]}, 422, "ban"),
        ({"allow": ["/(a+)+$/"]}, 422, "allow"),
        ({"allow": ["zaphod"]}, 400, None),
        ({"starts_with": "qqqqq"}, 400, None),
        ({"model": "other"}, 404, "model"),
        ({"prompt": "a " * 70_000}, 413, "prompt"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_field(client, body, status, param):
    answer = client.post("/v1/completions", json={"prompt": "It", **body})
    error = answer.json()["error"]

    assert (answer.status_code, error["param"]) == (status, param), error
    assert error["message"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/completions", b'{"prompt": ', 400),
        ("POST", "/v1/completions", b"[" * 100_000, 400),
        ("POST", "/v1/completions", b"[1]", 400),
        ("POST", "/v1/completions", b"x" * (1 << 20 | 1), 413),
        ("POST", "/v1/chat/completions", b"{}", 404),
        ("POST", "/v1/nothing", b"{}", 404),
        ("GET", "/v1/completions", b"", 405),
        ("POST", "/v1/surprisal", b'{"input": "a", "base": "7"}', 400),
        ("POST", "/v1/surprisal", b'{"input": "a", "context": "all"}', 400),
        ("POST", "/v1/choose", b'{"items": [["one"]]}', 400),
        ("POST", "/v1/choose", b'{"items": [["", "b"]]}', 400),
        ("POST", "/v1/embeddings", b'{"input": ""}', 400),
        ("POST", "/v1/embeddings", b'{"input": "a", "dimensions": 7}', 400),
        ("POST", "/detokenize", b'{"tokens": [-1]}', 400),
        ("POST", "/v1/next", b'{"candidates": ["a"], "starts_with": "a"}', 400),
    ],
)
def test_no_request_gets_more_than_a_refusal(client, method, path, content, status):
    answer = client.request(method, path, content=content)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_a_wrong_method_is_answered_with_the_right_ones(client):
    answer = client.put("/tokenize")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_foreign_pages_may_not_ask(client, headers, status):
    answer = client.get("/v1/models", headers=headers)

    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


# Clients that go, and the end -----------------------------------------------------------------


def test_a_client_that_goes_away_frees_its_rows(client, server):
    with httpx.stream("POST", f"{server}/v1/completions", json={**LONG, "n": 8, "stream": True}) as answer:
        lines = answer.iter_lines()
        next(lines)
        wait_until(lambda: metric(client, 'lmgen_rows{use="write"}') == 8)

    wait_until(lambda: metric(client, 'lmgen_rows{use="write"}') == 0)


def test_a_client_that_waits_for_the_whole_and_goes_frees_its_rows(client, server):
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server}/v1/completions", json={**LONG, "n": 8}, timeout=0.3)

    wait_until(lambda: metric(client, 'lmgen_rows{use="write"}') == 0)


def test_a_client_that_does_not_read_keeps_nobody_waiting(ask, server):
    host, port = server.removeprefix("http://").split(":")
    body = json.dumps({**LONG, "n": 8, "stream": True}).encode()
    with socket.create_connection((host, int(port))) as lazy:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        lazy.sendall(head.encode() + body)
        time.sleep(0.2)

        assert ask(prompt="It", max_tokens=3, seed=1)["usage"]["completion_tokens"] <= 3


def wait_until(reached):
    until = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_no_text_is_in_the_log(ask, log):
    ask(prompt="Zarquon", max_tokens=1)
    last = json.loads(log.read_text().splitlines()[-1])

    assert "Zarquon" not in log.read_text()
    assert {"time", "client", "method", "path", "status", "bytes", "seconds"} <= last.keys()


def test_a_server_that_is_told_to_end_lets_requests_end(mini_folder):
    with serving("-m", mini_folder, stderr=subprocess.DEVNULL) as (address, process):
        with httpx.stream(
            "POST", f"{address}/v1/completions", json={**LONG, "max_tokens": 200, "stream": True}
        ) as answer:
            lines = answer.iter_lines()
            next(lines)
            process.send_signal(signal.SIGTERM)
            rest = list(lines)

        assert "data: [DONE]" in rest
        assert process.wait(20) == 0
        with contextlib.suppress(httpx.ConnectError):
            assert not httpx.get(f"{address}/health")


def test_others_are_not_served_without_a_token(lmgen):
    result = lmgen("serve", "--host", "0.0.0.0", "--port", 0)

    assert result.exit_code == 2
    assert "--tokens" in result.err


def test_a_port_that_is_taken_is_named(lmgen, server):
    result = lmgen("serve", "--port", server.rpartition(":")[2])

    assert result.exit_code == 2
    assert "cannot listen" in result.err


def test_a_token_is_asked_for_where_there_is_one(tmp_path, monkeypatch, mini_folder):
    (tmp_path / "tokens").write_text("first\nsecond\n")
    monkeypatch.setenv("LMGEN_SERVE_TOKEN", "third")
    models = ("-m", mini_folder, "--allow-origin", "https://pages.example")
    with serving(*models, "--tokens", tmp_path / "tokens", "--no-access-log") as (address, _):
        given = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "second"}]
        given += [{"Authorization": f"Bearer {token}"} for token in ("first", "second", "third")]
        codes = [httpx.get(f"{address}/v1/models", headers=headers).status_code for headers in given]
        assert codes == [401, 401, 401, 200, 200, 200]
        assert httpx.get(f"{address}/metrics").status_code == 401
        assert httpx.get(f"{address}/health").status_code == httpx.get(f"{address}/ready").status_code == 200
        allowed = httpx.get(f"{address}/health", headers={"Origin": "https://pages.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://pages.example"
