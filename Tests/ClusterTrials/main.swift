import TrialSupport

run([
    "data": dataOperations,
    "counting": counting,
    "count-some": countSome,
    "data-down": dataServerDown,
    "data-shards": dataShards,
    "hostile": hostileServers,
    "events": events,
    "server-back": serverComesBack,
    "left-items": leftItems,
    "queue-failures": queueFailures,
    "queues": queues,
    "work": work,
    "fail-over": failOver,
    "channel-down": channelServerDown,
    "journal": journal,
    "old-receipts": oldReceipts,
    "secrets": secrets,
    "wire": wire,
    "limits": limits,
    "strangers": strangers,
])
