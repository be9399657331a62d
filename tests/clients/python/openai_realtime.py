"""What OpenAI's SDK for Python sends and gets in a realtime session; see ../README.md."""

import json
import os

import openai

client = openai.OpenAI(api_key=os.environ.get("OPENAI_API_KEY", "sk-fake-0123456789abcdef"))
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
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
        "input_cached": counted.input_token_details.cached_tokens,
        "output": counted.output_tokens,
    }
    return {"id": response.id, "choices": [choice], "usage": usage}


def asked(connection, call, item):
    connection.conversation.item.create(item=item)
    connection.response.create()
    events = 0
    for event in connection:
        events += 1
        if event.type == "response.done":
            print(json.dumps({"call": call, **said(event.response), "events": events}), flush=True)
            return event.response


def user(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


with client.realtime.connect(model="fake-realtime") as connection:
    session = {"type": "realtime", "instructions": "Be brief.", "tools": [TOOL]}
    connection.session.update(session={**session, "output_modalities": ["text"]})
    asked(connection, "stream", user("Grüße, 世界 👋"))
    told = asked(connection, "stream_tools", user("Please use the tool."))
    call = told.output[0].call_id
    output = {"type": "function_call_output", "call_id": call, "output": '{"sky": "grün"}'}
    asked(connection, "stream_tool_answered", output)
