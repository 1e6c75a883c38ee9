extension RecipeGroup {
    static let webSocket = RecipeGroup(
        title: "WebSocket",
        recipes: [
            Recipe(
                "HelloWebSocket", "answers each message with a greeting",
                tryIt: [
                    "websocat ws://127.0.0.1:2000, or new WebSocket(\"ws://127.0.0.1:2000\") in a browser's console"
                ],
                .service(HelloWebSocket.set)),
            Recipe(
                "SendToUser", "sends to one user, or to all, by name",
                tryIt: ["websocat ws://127.0.0.1:1234 twice; say who you are, then NAME:hello or all:hello"],
                .service(SendToUser.set)),
            Recipe(
                "TimedPush", "pushes something to all clients every second",
                tryIt: ["websocat ws://127.0.0.1:1234"], .service(TimedPush.set)),
            Recipe(
                "Broadcast", "hands what one WebSocket client sends on to all",
                tryIt: ["websocat ws://127.0.0.1:2020 twice"], .service(Broadcast.set)),
            Recipe(
                "PushFromBackend", "pushes to browsers what another program says",
                tryIt: [
                    "websocat ws://127.0.0.1:1234, and say ann",
                    "Examples PushFromBackendClient ann 88%, in another terminal",
                ],
                .service(PushFromBackend.set)),
            Recipe(
                "PushFromBackendClient", "is that other program",
                .client(PushFromBackendClient.push)),
            Recipe(
                "TaskWorker", "work that takes long, in processes of its own",
                tryIt: [
                    "websocat ws://127.0.0.1:8080, and say {\"function\":\"sleep\",\"args\":{\"seconds\":5}}",
                    "meanwhile, in another terminal, {\"function\":\"fibonacci\",\"args\":{\"n\":30}}",
                ],
                .service(TaskWorker.set)),
            Recipe(
                "WSSServer", "a WebSocket server over TLS",
                tryIt: ["websocat -k wss://127.0.0.1:8282"], .service(WSSServer.set)),
            Recipe(
                "Chat", "rooms, private messages, who is there: over any number of processes and hosts",
                tryIt: ["open http://127.0.0.1:8080/ in two windows"], .service(Chat.set)),
            Recipe(
                "WebSocketEcho", "a client that sends back what it gets, for the Autobahn test suite",
                .client(WebSocketEcho.answer)),
        ])
}
