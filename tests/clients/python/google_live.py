"""What Google's SDK for Python sends and gets in a live session; ../README.md has the fields."""

import asyncio
import json
import os

from google import genai

client = genai.Client(api_key=os.environ.get("GEMINI_API_KEY", "AIza-fake-0123456789abcdef"))
CONFIG = {
    "response_modalities": ["TEXT"],
    "system_instruction": "Be brief.",
    "tools": [
        {"function_declarations": [{"name": "weather", "description": "Tells the weather."}]}
    ],
}


async def heard(session, call):
    """One turn: its text, its calls, what it cost."""
    text, calls, usage, events = "", [], None, 0
    async for message in session.receive():
        events += 1
        usage = message.usage_metadata or usage
        turn = message.server_content and message.server_content.model_turn
        for part in turn.parts if turn else []:
            text += part.text or ""
        for one in (message.tool_call.function_calls if message.tool_call else []) or []:
            calls.append({"id": one.id, "name": one.name, "arguments": one.args})
        if calls and usage:
            break
    choice = {"text": text, "reasoning": "", "tool_calls": calls, "finish_reason": None}
    counted = {
        "input": usage.prompt_token_count,
        "input_cached": usage.cached_content_token_count,
        "output": usage.response_token_count,
    }
    told = {"call": call, "choices": [choice], "usage": counted, "events": events}
    print(json.dumps(told), flush=True)
    return calls


async def ask(session, call, text):
    await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
    return await heard(session, call)


async def main():
    async with client.aio.live.connect(model="fake-live", config=CONFIG) as session:
        await ask(session, "stream", "Grüße, 世界 👋")
        calls = await ask(session, "stream_tools", "Please use the tool.")
        result = {"id": calls[0]["id"], "name": calls[0]["name"], "response": {"sky": "grün"}}
        await session.send_tool_response(function_responses=[result])
        await heard(session, "stream_tool_answered")


asyncio.run(main())
