"""Pipecat as a telephone agent of many calls, in two set-ups. Run by the Python that has it:

    python pipecat_bot.py {example|lightest} PORT VENDORS_HOST:PORT

example   as Pipecat's own project template for Twilio sets it up: voice activity by Silero, end of turn by its turn
          model, metrics on; recogniser, model and voice at their defaults
lightest  all that may fairly be left out is: turns are the recogniser's, no metrics, one HTTP stream for each sentence
"""

import sys

import aiohttp
import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.assemblyai.stt import AssemblyAISTTService
from pipecat.services.elevenlabs.tts import ElevenLabsHttpTTSService, ElevenLabsTTSService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.workers.runner import WorkerRunner

app = FastAPI()
IS_EXAMPLE = sys.argv[1] == "example"
PORT = int(sys.argv[2])
VENDORS = sys.argv[3]


@app.websocket("/media")
async def media(websocket: WebSocket) -> None:
    await websocket.accept()
    _, call_data = await parse_telephony_websocket(websocket)
    async with aiohttp.ClientSession() as session:
        await run_bot(websocket, call_data["stream_id"], call_data["call_id"], session)


async def run_bot(websocket: WebSocket, stream_sid: str, call_sid: str, session: aiohttp.ClientSession) -> None:
    serializer = TwilioFrameSerializer(
        stream_sid=stream_sid, call_sid=call_sid, params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
    )
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, add_wav_header=False, serializer=serializer
        ),
    )
    stt = AssemblyAISTTService(
        api_key="bench",
        api_endpoint_base_url=f"ws://{VENDORS}/v3/ws",
        vad_force_turn_endpoint=IS_EXAMPLE,
        settings=AssemblyAISTTService.Settings(min_turn_silence=100 if IS_EXAMPLE else 200),
    )
    llm = OpenAILLMService(api_key="bench", base_url=f"http://{VENDORS}/v1")
    if IS_EXAMPLE:
        tts = ElevenLabsTTSService(
            api_key="bench", url=f"ws://{VENDORS}", settings=ElevenLabsTTSService.Settings(voice="bench")
        )
    else:
        tts = ElevenLabsHttpTTSService(
            api_key="bench",
            base_url=f"http://{VENDORS}",
            aiohttp_session=session,
            settings=ElevenLabsHttpTTSService.Settings(voice="bench"),
        )
    context = LLMContext([{"role": "system", "content": "You are a friendly assistant on the telephone."}])
    if IS_EXAMPLE:
        user_params = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    else:
        user_params = LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies())
    aggregators = LLMContextAggregatorPair(context, user_params=user_params)
    pipeline = Pipeline(
        [
            transport.input(),
            stt,
            aggregators.user(),
            llm,
            tts,
            transport.output(),
            aggregators.assistant(),
        ]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(
            enable_metrics=IS_EXAMPLE,
            enable_usage_metrics=IS_EXAMPLE,
            audio_in_sample_rate=8000,
            audio_out_sample_rate=8000,
        ),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport: object, _client: object) -> None:
        await worker.queue_frames([LLMRunFrame()])

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: object, _client: object) -> None:
        await worker.cancel()

    await runner.run()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
