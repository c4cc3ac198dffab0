{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"ack": 9007199254740991}}
{"jsonrpc": "2.0", "id": 2, "method": "ping", "params": {"ack": 0}}
