import TrialSupport

run([
    "builder": builder, "cachingSHA2": cachingSHA2, "callbacks": callbacks, "cancellation": cancellation,
    "decoding": decoding,
    "errors": errors, "hostileServers": hostileServers, "largeValues": largeValues, "load": load, "login": login,
    "lookups": lookups, "pool": pool, "poolOfAnything": poolOfAnything, "procedures": procedures,
    "reconnecting": reconnecting, "serverKills": serverKills, "sharedTransactions": sharedTransactions,
    "streams": streams, "timeouts": timeouts, "tls": tls,
    "transactions": transactions, "values": values,
])
