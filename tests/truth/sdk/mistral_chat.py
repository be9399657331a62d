"""Mistral's chat completions, read by the `mistralai` package; what it refuses, by `openai`."""

from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from answer import Answer, error_of, parsed, plain
from sdk import openai_chat

PROMPT = {"model": "-", "messages": [{"role": "user", "content": "-"}]}


def chat(row, origin):
    answer = Answer(sdk="mistralai")
    api = Mistral(api_key="-", server_url=origin).chat
    try:
        if row.is_stream:
            choices = {}
            with api.stream(**PROMPT) as events:
                for event in events:
                    openai_chat.take_chunk(answer, plain(event.data), choices)
            for _, (message, reason) in sorted(choices.items()):
                message["tool_calls"] = list(message["tool_calls"].values())
                openai_chat.take_choice(answer, message, reason)
        else:
            openai_chat.whole(answer, api.complete(**PROMPT))
        return answer
    except MistralError as error:
        if row.status >= 400:
            answer.error = error_of(parsed(error.body))
            return answer
        refused = error
    except Exception as error:
        refused = error
    answer = openai_chat.chat(row, origin)
    answer.quirks.append("mistralai: %s: %s" % (type(refused).__name__, str(refused)[:200]))
    return answer
