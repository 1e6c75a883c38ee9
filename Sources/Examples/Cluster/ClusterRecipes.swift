extension RecipeGroup {
    static let cluster = RecipeGroup(
        title: "Several processes and hosts",
        recipes: [
            Recipe(
                "ClusterServers", "events, queues and values for processes of several hosts",
                .service(ClusterServers.set)),
            Recipe(
                "ChannelClusterPush", "sends to a WebSocket client of any process on any host",
                .service(ChannelClusterPush.set)),
            Recipe(
                "ChannelGroups", "groups of WebSocket clients over processes and hosts",
                .service(ChannelGroups.set)),
            Recipe(
                "ChannelBroadcast", "hands what one WebSocket client sends on to those of all processes and hosts",
                .service(ChannelBroadcast.set)),
            Recipe(
                "GlobalDataDemo", "a number that processes of several hosts count up",
                .service(GlobalDataDemo.set)),
        ])
}
