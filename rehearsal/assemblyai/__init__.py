"""AssemblyAI's streaming recogniser, version 3, as its SDK sees it on the wire."""
