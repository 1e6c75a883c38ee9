import TrialSupport

// What the Redis client is put through, against servers that the trials start.
run([
    "strings": strings, "keys": keys, "hashes": hashes, "lists": lists, "sets": sets, "sortedSets": sortedSets,
    "geo": geo, "streams": streams, "scripts": scripts, "server": server, "scans": scans,
    "callbacks": callbacks, "batches": batches, "watching": watching, "leases": leases, "logins": logins, "tls": tls,
    "messages": messages, "resubscribing": resubscribing, "slowReaders": slowReaders,
    "killedServers": killedServers, "hostileReplies": hostileReplies, "hostileSubscriptions": hostileSubscriptions,
    "stalls": stalls, "lettingGo": lettingGo, "quotedLogins": quotedLogins,
    "queues": queues, "queueFailures": queueFailures, "queuesOfOthers": queuesOfOthers,
    "queueOutages": queueOutages, "killedConsumers": killedConsumers, "consumer": consumer,
])
