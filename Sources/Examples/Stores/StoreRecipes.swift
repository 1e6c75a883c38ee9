extension RecipeGroup {
    static let stores = RecipeGroup(
        title: "Databases, stores and queues",
        recipes: [
            Recipe(
                "RedisDemo", "values in Redis, over HTTP",
                .service(RedisDemo.set)),
            Recipe(
                "RedisQueueDemo", "work for later, through queues in Redis",
                .service(RedisQueueDemo.set)),
            Recipe(
                "MySQLService", "asks a database for each request, over a pool",
                .service(MySQLService.set)),
            Recipe(
                "STOMPDemo", "messages through a broker that speaks STOMP",
                .service(STOMPDemo.set)),
            Recipe(
                "NATSDemo", "processes that speak over NATS",
                .service(NATSDemo.set)),
            Recipe(
                "ZMQPull", "takes what ZeroMQ's PUSH sockets send",
                .service(ZMQPull.set)),
        ])
}
