"""Asks `overhear mcp` as an agent does, by the official SDK; prints what came as JSON.

Arguments: the command and its words. Exit code 77: the SDK is not here.
"""

import asyncio
import importlib.util
import json
import sys

if importlib.util.find_spec("mcp") is None:
    sys.exit(77)

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import get_default_environment, stdio_client


async def main():
    command, *words = sys.argv[1:]
    calls = json.load(sys.stdin)
    server = StdioServerParameters(command=command, args=words, env=get_default_environment())
    told = {"calls": []}
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write) as session:
            await session.initialize()
            # Listed first: the SDK checks results against the schemas that it was told.
            told["tools"] = [tool.name for tool in (await session.list_tools()).tools]
            asked = [session.call_tool(name, arguments) for name, arguments in calls]
            for result in await asyncio.gather(*asked):
                told["calls"].append(
                    {
                        "error": bool(result.is_error),
                        "text": result.content[0].text,
                        "structured": result.structured_content,
                    }
                )
            id = json.loads(told["calls"][0]["text"])["exchanges"][0]["id"]
            contents = (await session.read_resource(f"overhear://exchange/{id}")).contents
            told["resource"] = json.loads(contents[0].text)
            await session.send_ping()
    print(json.dumps(told))


asyncio.run(main())
