extension RecipeGroup {
    static let connections = RecipeGroup(
        title: "Connections and transports",
        recipes: [
            Recipe(
                "AllProtocols", "every protocol on a port of its own, for trying out and measuring",
                .service(AllProtocols.set)),
            Recipe(
                "TCPProxy", "hands every connection on to another server",
                .service(TCPProxy.set)),
            Recipe(
                "DNSResolve", "looks up a host a line",
                .service(DNSResolve.set)),
        ])
}
