"""ElevenLabs' speech synthesis over HTTP and WebSocket, as its SDK sees it on the wire."""
