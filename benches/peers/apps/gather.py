"""The usual solution today: a semaphore, as_completed, and a line of JSON for each answer."""

import asyncio
import json
import sys

import aiohttp


async def fetch(session, semaphore, url, number):
    async with semaphore:
        try:
            async with session.get(url.format(number)) as response:
                return {"index": number, "status": response.status, "value": await response.text()}
        except aiohttp.ClientError as error:
            return {"index": number, "error": str(error)}


async def main(url, count, limit):
    semaphore = asyncio.Semaphore(limit)
    connector = aiohttp.TCPConnector(limit=limit)
    async with aiohttp.ClientSession(connector=connector) as session:
        calls = [fetch(session, semaphore, url, number) for number in range(count)]
        for answer in asyncio.as_completed(calls):
            print(json.dumps(await answer))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
