"""Signs of causes from outside in the words of errors: patterns that `causes` joins. Only data."""

from __future__ import annotations

MEMORY = (
    r"Killed signal terminated program",
    r"[Oo]ut of memory: [Kk]ill|oom-kill|oom_reaper",
    r"(?:^|[:\] ])Killed(?:$| )",
    r"Cannot allocate memory|virtual memory exhausted|[Mm]emory exhausted",
    r"std::bad_alloc|\bMemoryError\b|OutOfMemoryError|JavaScript heap out of memory",
    r"LLVM ERROR: out of memory",
)

#: Answers of a service that stay.
REFUSED = (
    r"\b(?:error|HTTP|status)(?: code)?:? ?(?:40[013458]|410)\b|\b404 Not Found|\bE40[14]\b",
    r"[Cc]hecksum mismatch|[Hh]ash [Ss]um mismatch",
    r"Repository not found|Authentication failed",
)

NETWORK = (
    r"\bdo_fetch\b|Fetcher failure|[Ff]ailed to fetch|Unable to fetch",
    r"[Cc]ould not resolve|[Uu]nable to resolve host|Name or service not known",
    r"[Tt]emporary failure in name resolution|Temporary failure resolving",
    r"[Nn]etwork is unreachable|[Nn]o route to host|Failed to connect to",
    r"[Cc]onnection (?:timed out|refused|reset|closed|aborted|was reset)",
    r"[Cc]onnect(?:ion)? timeout|Operation timed out|[Rr]ead timed out|i/o timeout",
    r"Gateway Time-?out|Bad Gateway|Service Unavailable|[Tt]oo ?[Mm]any ?[Rr]equests",
    r"(?:error|HTTP|status)(?: code)?:? ?(?:429|5\d\d)\b",
    r"fatal: unable to (?:access|connect)|early EOF|RPC failed|hung up unexpectedly",
    r"Remote end closed connection|unexpected disconnect|socket hang up",
    r"TLS handshake|SSL_ERROR_SYSCALL|GnuTLS recv error|SSL connect error",
    r"\bE(?:TIMEDOUT|CONNRESET|CONNREFUSED|NOTFOUND|AI_AGAIN|NETUNREACH|HOSTUNREACH)\b",
    r"spurious network error|failed to download|download of .* failed",
    r"Could not transfer artifact|Could not GET|Max retries exceeded|NewConnectionError",
    r"UnknownHostException|ConnectTimeout|ReadTimeout",
    r"curl: \((?:5|6|7|18|28|35|52|55|56|92)\)|rsync: connection unexpectedly closed",
)

_DEVICE = r"(?:[Bb]oard|[Tt]arget|[Dd]evice|[Rr]ack|DUT)"
_GONE = (
    r"(?:does not answer|did not answer|not responding|does not respond|did not respond"
    r"|unresponsive|(?:is |went )?offline|disconnected|unreachable|not reachable|is gone|lost)"
)

BOARD = (
    rf"\b{_DEVICE}\b[^.;]{{0,60}}?\b{_GONE}\b",
    rf"\b(?:[Ll]ost|[Nn]o) (?:connection|contact) (?:to|with) (?:the )?{_DEVICE}\b",
    r"\b[Nn]o devices?(?:/emulators)? found|error: device '?\S*'? not found|device offline",
    r"SerialException|could not open port|device disconnected or multiple access",
    r"/dev/tty\w+.*(?:No such file|No such device|Input/output error)|No such device\b",
    r"LIBUSB_ERROR_(?:NO_DEVICE|IO)|USB disconnect|unable to connect to the target",
    r"Error: (?:open failed|no device found|unable to open ftdi)|Waiting for device timed out",
)
