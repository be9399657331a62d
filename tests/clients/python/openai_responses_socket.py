"""What OpenAI's SDK for Python sends and gets of responses over a WebSocket; see ../README.md."""

import json
import os

import openai

client = openai.OpenAI(api_key=os.environ.get("OPENAI_API_KEY", "sk-fake-0123456789abcdef"))
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "strict": False,
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
}


def said(response):
    texts, calls = [], []
    for item in response.output:
        if item.type == "message":
            texts += [part.text for part in item.content]
        elif item.type == "function_call":
            arguments = json.loads(item.arguments)
            calls.append({"id": item.call_id, "name": item.name, "arguments": arguments})
    choice = {
        "text": "".join(texts),
        "reasoning": "",
        "tool_calls": calls,
        "finish_reason": response.status,
    }
    counted = response.usage
    usage = {
        "input": counted.input_tokens,
        "input_cached": counted.input_tokens_details.cached_tokens,
        "output": counted.output_tokens,
    }
    return {"id": response.id, "model": response.model, "choices": [choice], "usage": usage}


def show(connection, call, **request):
    connection.response.create(**{"model": "fake", **request})
    events = 0
    for event in connection:
        events += 1
        if event.type == "error":
            told = event.model_dump()["error"]
            error = {"status": None, "type": told["type"], "message": told["message"]}
            print(json.dumps({"call": call, "error": error}), flush=True)
            return None
        if event.type == "response.failed":
            told = event.response.error
            error = {"status": None, "type": told.code, "message": told.message}
            print(json.dumps({"call": call, "events": events, "error": error}), flush=True)
            return None
        if event.type == "response.completed":
            line = {"call": call, **said(event.response), "events": events}
            print(json.dumps(line), flush=True)
            return event.response


with client.responses.connect() as connection:
    show(connection, "stream", instructions="Be brief.", input="Grüße, 世界 👋")
    asked = show(connection, "stream_tools", input="Please use the tool.", tools=[TOOL])
    call = asked.output[0].call_id
    result = {"type": "function_call_output", "call_id": call, "output": '{"sky": "grün"}'}
    show(
        connection,
        "stream_tool_answered",
        previous_response_id=asked.id,
        input=[result],
        tools=[TOOL],
    )
    show(connection, "stream_error", model="fake-error", input="Grüße")
    show(connection, "stream_error_mid_stream", model="fake-error-mid-stream", input="Grüße")
    show(connection, "stream_again", input="Grüße")
