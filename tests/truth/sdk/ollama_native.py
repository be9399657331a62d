"""Ollama's own API, read by the `ollama` package. It drops the ids of tool calls."""

import ollama

from answer import Answer, error_of, parsed, plain


def chat(row, origin):
    return read(
        row,
        origin,
        lambda api, stream: api.chat(
            model="m", messages=[{"role": "user", "content": "-"}], stream=stream
        ),
    )


def generate(row, origin):
    return read(row, origin, lambda api, stream: api.generate(model="m", prompt="-", stream=stream))


def read(row, origin, ask):
    answer, text = Answer(sdk="ollama"), None
    reason = None
    try:
        replies = ask(ollama.Client(host=origin), row.is_stream)
        for reply in replies if row.is_stream else [replies]:
            reply = plain(reply)
            message = reply.get("message") or {
                "content": reply.get("response"),
                "thinking": reply.get("thinking"),
            }
            text = (text or "") + (message.get("content") or "")
            answer.reasoning.append(message.get("thinking") or "")
            for call in message.get("tool_calls") or []:
                answer.call(None, call["function"]["name"], call["function"].get("arguments"))
            answer.model = reply.get("model") or answer.model
            reason = reply.get("done_reason") or reason
            answer.count(input=reply.get("prompt_eval_count"), output=reply.get("eval_count"))
    except ollama.ResponseError as error:
        answer.error = error_of(parsed(error.error))
    except Exception as error:
        answer.fail(error)
    answer.reasoning = ["".join(answer.reasoning)]
    if text is not None:
        answer.text.append(text)
        answer.finish_reasons.append(reason)
    return answer
