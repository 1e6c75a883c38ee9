extension RecipeGroup {
    static let webSocket = RecipeGroup(
        title: "WebSocket",
        recipes: [
            Recipe(
                "Broadcast", "hands what one WebSocket client sends on to all",
                .service(Broadcast.set)),
            Recipe(
                "Chat", "a page with rooms and private messages",
                .service(Chat.set)),
            Recipe(
                "WebSocketEcho", "a client that sends back what it gets, for the Autobahn test suite",
                .client(WebSocketEcho.answer)),
        ])
}
