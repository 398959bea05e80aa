"""OpenAI's client for Python against the docent of OPENAI_BASE_URL and OPENAI_API_KEY."""

import asyncio

import openai

QUESTION = "What counts as a weekly active rider?"
asking = {"model": "docent", "messages": [{"role": "user", "content": QUESTION}]}
client = openai.OpenAI(max_retries=0)


def raised(kind, code, call, **request):
    try:
        call(**{**asking, **request})
    except kind as error:
        assert error.code == code, error
    else:
        raise AssertionError(f"{kind.__name__} is not raised")


async def streamed_async():
    stream = await openai.AsyncOpenAI().chat.completions.create(stream=True, **asking)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


assert [model.id for model in client.models.list()] == ["docent"]
assert client.models.retrieve("docent").owned_by == "docent"

whole = client.chat.completions.create(temperature=0, max_tokens=10, user="ana", **asking)
message = whole.choices[0].message
assert message.role == "assistant" and whole.choices[0].finish_reason == "stop"
assert message.citations, message
for citation in message.citations:
    assert f"[^{citation['number']}]" in message.content
    assert f"\n[^{citation['number']}]: [" in message.content
assert whole.docent["outcome"] == "answered"
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
assert whole.usage.prompt_tokens_details.cached_tokens == 0

chunks = list(
    client.chat.completions.create(
        stream=True, stream_options={"include_usage": True}, **asking
    )
)
said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert said == message.content, said
assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
assert chunks[-2].choices[0].finish_reason == "stop"
assert chunks[-2].citations == message.citations

with client.chat.completions.stream(**asking) as stream:
    for _ in stream:
        pass
    assert stream.get_final_completion().choices[0].message.content == message.content

assert asyncio.run(streamed_async()) == message.content

create = client.chat.completions.create
raised(openai.NotFoundError, "model_not_found", create, model="gpt-5")
raised(openai.BadRequestError, "unsupported_parameter", create, n=2)
raised(
    openai.AuthenticationError,
    "key_unknown",
    openai.OpenAI(api_key="docent_0123456789abcdef", max_retries=0).chat.completions.create,
)
print("ok")
